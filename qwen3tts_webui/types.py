"""The words that everybody uses: what is asked, what is spoken, what comes back. Imports nothing of ours.

Sound is mono float32 in [-1, 1] at `SAMPLE_RATE` everywhere between an engine and the encoders; a *frame* is 80 ms of
it and, for Qwen3-TTS, 16 codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 24_000
SAMPLES_PER_FRAME = 1_920
FRAMES_PER_SECOND = 12.5
NUM_CODEBOOKS = 16

Pcm = npt.NDArray[np.float32]  # (samples,)
Codes = npt.NDArray[np.int16]  # (frames, NUM_CODEBOOKS)
Stopped = Literal["end", "cap", "cancelled"]
TextMode = Literal["whole", "streaming"]
NormalizeMode = Literal["auto", "on", "off"]
"""What is read out before a voice gets it: only what Qwen3-TTS misreads, everything, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How codes are drawn; the defaults are those of the released checkpoints (MODEL.md section 5)."""

    greedy: bool = False
    temperature: float = 0.9
    top_k: int = 50
    top_p: float = 1.0
    repetition_penalty: float = 1.05
    predictor_temperature: float = 0.9
    predictor_top_k: int = 50
    predictor_top_p: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passage:
    """Speech that was already spoken: put before new text, it makes the model go on in the same voice."""

    text: str
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Whom to sound like. An engine uses what it can and says in `EngineInfo.features` what that is.

    `engine_voice` is an opaque name that an engine gave in `Spoken.engine_voice`; handed back, it is that voice again.
    """

    description: str = ""
    speaker: str | None = None
    passage: Passage | None = None
    engine_voice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of cleaned text that is spoken in one go: one line, or a part of a line that is too long.

    `line` counts the non-empty lines of the text from 0; `speed` is a factor (1.0 leaves the sound alone); `pause_s` is
    silence after the segment.
    """

    index: int
    line: int
    text: str
    speed: float = 1.0
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """One request as `Speech` takes it: fields are typed, the text is still raw.

    `packet_frames` overrides the size of the first packets; `keep_voice` lets each segment continue the one before;
    `parallel` is how many segments may be spoken at once when they do not continue each other; `client` is whom the
    queue is fair to; `deadline` is on `time.monotonic`'s clock. `voice_id` names a preset, a saved voice or a speaker;
    the description in `voice` is then added to it.
    """

    text: str
    language: str = "auto"
    voice: Voice = field(default_factory=Voice)
    voice_id: str | None = None
    seed: int | None = None
    speed: float = 1.0
    sampling: Sampling = field(default_factory=Sampling)
    text_mode: TextMode = "whole"
    normalize: NormalizeMode = "auto"
    max_seconds: float | None = None
    packet_frames: int | None = None
    keep_voice: bool = True
    parallel: int = 1
    loudness: bool = False
    client: str = ""
    request_id: str = ""
    deadline: float | None = None


class TextFeed(Protocol):
    """Text that is still being written while it is already spoken. Safe to use from any thread."""

    def take(self) -> str:
        """All text that came since the last call; "" if none."""
        ...

    @property
    def closed(self) -> bool:
        """True once no more text will come; what was not taken yet still can be."""
        ...

    def watch(self, on_text: Callable[[], None]) -> None:
        """Call `on_text`, from the writer's thread, on each write and on close."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One job for an engine: cleaned text, one voice, one seed. With a `feed`, `text` is its beginning."""

    text: str
    language: str = "auto"
    voice: Voice = field(default_factory=Voice)
    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    text_mode: TextMode = "whole"
    max_frames: int | None = None
    packet_frames: int | None = None
    client: str = ""
    feed: TextFeed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Where the time of one utterance went, in milliseconds on a monotonic clock; None is "not known", never 0.

    Counted from the moment the engine was asked, but `prefill_ms` and `codec_ms`, which are durations: from leaving the
    queue to the first codes, and of the codec for the first packet. `frames_per_second` is counted from leaving the
    queue. On a GPU `prefill_ms` and `codec_ms` are the device's own, by its events. `cold` marks figures that include a
    warm-up.
    """

    queued_ms: float | None = None
    prefill_ms: float | None = None
    first_frame_ms: float | None = None
    codec_ms: float | None = None
    first_pcm_ms: float | None = None
    total_ms: float | None = None
    frames_per_second: float | None = None
    cold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spoken:
    """The end of one utterance: why it stopped, how long it took, and what is needed to go on in its voice."""

    num_samples: int
    stopped: Stopped
    timings: Timings
    seed: int = 0
    codes: Codes | None = None
    engine_voice: str | None = None


class PcmSink(Protocol):
    """Where an engine puts sound. `put`, `finish` and `fail` never block and may be called from any one thread."""

    @property
    def cancelled(self) -> bool:
        """The listener has left: stop before the next frame."""
        ...

    @property
    def full(self) -> bool:
        """The listener is far behind: let others go first until this is False again."""
        ...

    def watch(self, on_room: Callable[[], None]) -> None:
        """Call `on_room`, from the listener's thread, when there is room again or the listener left."""
        ...

    def put(self, pcm: Pcm) -> None: ...

    def finish(self, spoken: Spoken) -> None: ...

    def fail(self, error: Exception) -> None: ...


Feature = Literal[
    "description",  # the description shapes the voice freely (a preview voice can only choose one)
    "continuation",  # Voice.passage
    "engine_voice",  # Voice.engine_voice
    "speaker",  # Voice.speaker
    "sampling",
    "seed",
    "dialect",
    "feed",  # Utterance.feed
    "packets",  # Utterance.packet_frames
    "precision",  # the numeric type can be switched while running: the engine is a `SwitchesPrecision`
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """Who is speaking. `preview` is True for every voice that is not Qwen3-TTS; `label` says it in English."""

    name: str
    label: str
    preview: bool
    model: str
    model_type: str
    device: str
    dtype: str
    languages: tuple[str, ...]
    speakers: tuple[str, ...] = ()
    features: frozenset[Feature] = frozenset()
    slots: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLoad:
    """How busy an engine is now: utterances speaking, waiting, and how many may speak or wait at once."""

    active: int
    waiting: int
    slots: int
    queue_size: int


class Synthesizer(Protocol):
    """An engine. Everyone holds one by this protocol; nobody but the CLI knows which."""

    @property
    def info(self) -> EngineInfo: ...

    @property
    def ready(self) -> bool:
        """True once the first utterance would be spoken without a warm-up."""
        ...

    @property
    def load(self) -> EngineLoad: ...

    def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
        """Take all the jobs, or none: the sinks hear of everything that happens later.

        Returns at once. Raises `Busy` when there is no room for all of them, `NotReady`, or a `RequestError` for an
        utterance that this engine cannot speak; then nothing was spent.
        """
        ...

    def close(self, *, grace_s: float = 0.0) -> None:
        """Let what is speaking go on for `grace_s`, then fail the rest with `EngineStopped`. Idempotent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What a change of the numeric type did: bytes of weights and caches before and after."""

    before: str
    after: str
    bytes_before: int
    bytes_after: int
    seconds: float


@runtime_checkable
class SwitchesPrecision(Protocol):
    """What an engine with the feature "precision" has besides."""

    @property
    def precisions(self) -> tuple[str, ...]:
        """What `switch` takes on this device; "auto" is the first."""
        ...

    @property
    def memory_bytes(self) -> int | None:
        """Weights and caches, as they are held now; None while nothing is loaded."""
        ...

    def switch(self, dtype: str) -> Future[Switched]:
        """Go on in `dtype` once those who speak now have ended. Raises `InvalidValue` and `NotReady`."""
        ...
