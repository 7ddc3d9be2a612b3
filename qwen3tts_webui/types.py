"""Shared types: what is requested, what is synthesized and what comes back.

Audio is mono float32 in [-1, 1] at `SAMPLE_RATE` everywhere between an engine and the encoders. A *frame* is 80 ms of
audio and, for Qwen3-TTS, 16 codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 24_000
SAMPLES_PER_FRAME = 1_920
FRAMES_PER_SECOND = 12.5
NUM_CODEBOOKS = 16

Pcm = npt.NDArray[np.float32]  # (samples,)
Codes = npt.NDArray[np.int16]  # (frames, NUM_CODEBOOKS)
XVector = npt.NDArray[np.float32]  # (dim,): a speaker embedding
FinishReason = Literal["stop", "length", "cancelled"]
"""Why synthesis ended: the model ended it, a length limit was reached, or the client left."""
TextMode = Literal["whole", "streaming"]
CloneMode = Literal["icl", "xvector"]
NormalizeMode = Literal["auto", "on", "off"]
"""How much of a text is spelled out before synthesis: only what Qwen3-TTS misreads, everything, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How codes are sampled. The defaults are those of the released checkpoints (docs/model.md).

    The `subtalker_*` fields apply to codebooks 1 to 15, as in the official generation config.
    """

    greedy: bool = False
    temperature: float = 0.9
    top_k: int = 50
    top_p: float = 1.0
    repetition_penalty: float = 1.05
    subtalker_temperature: float = 0.9
    subtalker_top_k: int = 50
    subtalker_top_p: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AcousticPrompt:
    """Earlier speech, as its text and codes. Placed before new text, it makes the model continue in the same voice."""

    text: str
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VoiceReference:
    """A recording as a Base checkpoint needs it to clone the voice in it.

    `x_vector` (dim,) is its speaker embedding; `dim` is that of the checkpoint. With the mode "icl" (in-context
    learning), `text` and `codes` of the recording stand before the new text; with "xvector" they are not used and may
    be left out.
    """

    x_vector: XVector
    mode: CloneMode = "icl"
    text: str = ""
    codes: Codes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """The voice to synthesize. An engine uses what `EngineInfo.features` lists and ignores nothing silently.

    `engine_voice_id` is an opaque name from `SynthesisResult.engine_voice_id`; pass it back to get that voice again.
    `reference` is a recorded voice to clone; an `acoustic_prompt` continues speech that was made with it.
    """

    description: str = ""
    speaker: str | None = None
    acoustic_prompt: AcousticPrompt | None = None
    engine_voice_id: str | None = None
    reference: VoiceReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of cleaned text that is synthesized in one go: a line, or part of a line that is too long.

    `line` counts the non-empty lines of the text from 0. `speed` is a factor (1.0 leaves the audio unchanged), and
    `pause_s` the silence after the segment in seconds.
    """

    index: int
    line: int
    text: str
    speed: float = 1.0
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """The options of a request that reach the engine unchanged. `frames_per_packet` fixes the size of every packet."""

    sampling: Sampling = field(default_factory=Sampling)
    text_mode: TextMode = "whole"
    frames_per_packet: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions(EngineOptions):
    """All options of a request. A new one is a field here or in `EngineOptions`, and in `SpeechFields`.

    With `continue_voice` each segment continues the voice of the one before; otherwise up to `max_parallel_segments`
    are synthesized at once. `skip_code` and `skip_tables` leave out Markdown's code blocks and tables, unless
    `normalize` is "off".
    """

    speed: float = 1.0
    normalize: NormalizeMode = "auto"
    skip_code: bool = True
    skip_tables: bool = True
    max_duration_s: float | None = None
    continue_voice: bool = True
    max_parallel_segments: int = 1
    loudness: bool = False


def option_values(kind: type[EngineOptions], source: object) -> dict[str, Any]:
    """Return the fields of `kind` that `source` has, as keyword arguments."""
    return {option.name: getattr(source, option.name) for option in fields(kind) if hasattr(source, option.name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest(SpeechOptions):
    """One request as `Speech` accepts it: typed fields, raw text.

    `model` is the name of the loaded model to use; "" takes the one that suits the voice. `client` is the key for fair
    queueing and `weight` its share, `deadline` a time on `time.monotonic`'s clock. `voice_id` names a preset, a saved
    voice or a speaker; the description in `voice` is appended to its own.
    """

    text: str
    language: str = "auto"
    voice: Voice = field(default_factory=Voice)
    voice_id: str | None = None
    model: str = ""
    seed: int | None = None
    client: str = ""
    weight: float = 1.0
    request_id: str = ""
    deadline: float | None = None


class TextStream(Protocol):
    """Text that is still being written while it is already synthesized. Safe to use from any thread."""

    def take(self) -> str:
        """Return all text written since the last call; "" if none."""
        ...

    @property
    def closed(self) -> bool:
        """True once no more text will be written. Text that was not taken yet is still available."""
        ...

    @property
    def language(self) -> str:
        """The code of the language that later text is in, as far as it was detected; "" if the utterance's holds."""
        ...

    def watch(self, on_text: Callable[[], None]) -> None:
        """Call `on_text`, from the writer's thread, on each write and on close."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance(EngineOptions):
    """One job for an engine: cleaned text, one voice, one seed. With a `text_stream`, `text` is only its beginning."""

    text: str
    language: str = "auto"
    voice: Voice = field(default_factory=Voice)
    seed: int = 0
    max_frames: int | None = None
    client: str = ""
    weight: float = 1.0
    text_stream: TextStream | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Where the time of one utterance went, in milliseconds on a monotonic clock; None means unknown, never 0.

    Times count from `Synthesizer.submit`, except for two durations: `prefill_ms` runs from leaving the queue to the
    first codes, `codec_ms` is the codec's time for the first packet; on a GPU both are measured with device events.
    `frames_per_second` counts from leaving the queue. `includes_warmup` marks figures that include a warm-up.
    `prefix_hit`: whether this voice and language were read before, so that only the text was left to read.
    """

    queued_ms: float | None = None
    prefill_ms: float | None = None
    first_frame_ms: float | None = None
    codec_ms: float | None = None
    first_pcm_ms: float | None = None
    total_ms: float | None = None
    frames_per_second: float | None = None
    includes_warmup: bool = False
    prefix_hit: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SynthesisResult:
    """How one utterance ended: why, how long it took, and what is needed to continue in its voice."""

    num_samples: int
    finish_reason: FinishReason
    timings: Timings
    seed: int = 0
    codes: Codes | None = None
    engine_voice_id: str | None = None


@dataclass(frozen=True, slots=True)
class WordMark:
    """Characters `start` to `end` of an utterance's text are spoken from `start_sample` to `end_sample` of its audio.

    With a `text_stream`, characters count in the text taken so far, that of the utterance first.
    """

    start: int
    end: int
    start_sample: int
    end_sample: int


class PcmSink(Protocol):
    """Where an engine delivers audio. `begin` to `fail` never block, and one thread calls them."""

    @property
    def cancelled(self) -> bool:
        """True once the listener has left: stop before the next frame."""
        ...

    @property
    def is_backpressured(self) -> bool:
        """True while the listener is far behind: serve other utterances until this is False again."""
        ...

    def watch(self, on_capacity: Callable[[], None]) -> None:
        """Call `on_capacity`, from the listener's thread, when there is capacity again or the listener has left."""
        ...

    def begin(self, timings: Timings) -> None:
        """Report the timings so far, just before the first `put`."""
        ...

    def put(self, pcm: Pcm) -> None: ...

    def mark(self, marks: Sequence[WordMark]) -> None:
        """Report where the next words are, before their audio. Only by engines with the feature "word_timing"."""
        ...

    def finish(self, result: SynthesisResult) -> None: ...

    def fail(self, error: Exception) -> None: ...


Feature = Literal[
    "description",  # the description shapes the voice freely (the preview voice can only choose one)
    "continuation",  # Voice.acoustic_prompt
    "engine_voice",  # Voice.engine_voice_id
    "speaker",  # Voice.speaker
    "sampling",
    "seed",
    "dialect",
    "text_streaming",  # Utterance.text_stream
    "packet_size",  # EngineOptions.frames_per_packet
    "cloning",  # Voice.reference: the engine implements `CloningSynthesizer`
    "word_timing",  # PcmSink.mark: where the words are is known, not estimated
    "precision",  # the dtype can be switched while running: the engine implements `PrecisionSwitching`
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine is and can do. `preview` is True for every voice that is not Qwen3-TTS; `label` is English.

    `followed_traits` is None for an engine that reads the whole description; otherwise the dimensions of a description
    that it follows ("pitch"), or single traits in one language ("accent:british:en").

    `speed` is a prediction: seconds of speech per second for one utterance; None if unknown.

    `x_vector_dim` is the size of `VoiceReference.x_vector` with the feature "cloning", else 0. `dtype_reason` is an
    English clause; `kernels` names the CPU kernels of integer dtypes that were fastest when the model was loaded, with
    the times of all.
    """

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
    followed_traits: tuple[str, ...] | None = None
    x_vector_dim: int = 0
    dtype_reason: str = ""
    kernels: str = ""
    speed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLoad:
    """How busy an engine is: utterances running and queued, and the limit of each (`slots`, `queue_size`).

    `clients` have utterances that run or wait. `service_s` is how long a slot is held; None before the first.
    """

    running: int
    queued: int
    slots: int
    queue_size: int
    clients: frozenset[str] = frozenset()
    service_s: float | None = None


class Synthesizer(Protocol):
    """An engine. Only the CLI knows which one; every other caller uses this protocol."""

    @property
    def info(self) -> EngineInfo: ...

    @property
    def ready(self) -> bool:
        """True once the next utterance needs no warm-up; a model that was unloaded while idle stays ready."""
        ...

    @property
    def load(self) -> EngineLoad: ...

    def submit(self, requests: Sequence[tuple[Utterance, PcmSink]]) -> None:
        """Accept all requests or none, and return at once. Later failures are reported to the sinks.

        Raises `Busy` when the queue cannot take all of them, `NotReady`, or a `RequestError` for an utterance that this
        engine cannot synthesize; then none was accepted.
        """
        ...

    def close(self, *, grace_s: float = 0.0) -> None:
        """Give running utterances `grace_s` seconds, then fail the rest with `EngineStopped`. Idempotent."""
        ...


LoadStateName = Literal["loading", "loaded", "unloaded", "waking"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadState:
    """Whether a model is in memory.

    "loading": for the first time, or in another dtype; "unloaded": until the next request; "waking": loading again for
    a request. `load_s`: seconds of the last load; None before the first.
    """

    state: LoadStateName
    load_s: float | None


class EncodesReferences(Protocol):
    """Encodes recordings as references. From any thread; calls block for as long as the encoding takes.

    Methods raise `InvalidValue` for audio or a text that cannot be used, and `CheckpointError`.
    """

    def encode(self, pcm: Pcm, text: str = "", *, mode: CloneMode = "icl") -> VoiceReference:
        """A recording (samples,) at 24 kHz and its transcript as a reference for `Voice`."""
        ...

    def x_vector(self, pcm: Pcm) -> XVector:
        """The speaker embedding of audio (samples,) at 24 kHz, to compare with that of a voice."""
        ...

    def similarity(self, pcm: Pcm, reference: VoiceReference) -> float:
        """How much audio sounds like the voice of `reference`: cosine of the x-vectors, -1 to 1."""
        ...

    def free(self) -> None:
        """Release the memory of the encoders; they are loaded again when needed."""
        ...


@runtime_checkable
class CloningSynthesizer(Protocol):
    """An engine with the feature "cloning"."""

    @property
    def references(self) -> EncodesReferences | None:
        """None where the loaded checkpoint cannot clone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionChange:
    """The effect of a dtype change: bytes of weights and caches before and after."""

    before: str
    after: str
    bytes_before: int
    bytes_after: int
    seconds: float


@runtime_checkable
class PrecisionSwitching(Protocol):
    """What an engine with the feature "precision" implements in addition."""

    @property
    def precisions(self) -> tuple[str, ...]:
        """The dtypes that `switch` accepts on this device; "auto" comes first."""
        ...

    @property
    def memory_bytes(self) -> int | None:
        """Current size of weights and caches; None while nothing is loaded."""
        ...

    def switch(self, dtype: str) -> Future[PrecisionChange]:
        """Continue in `dtype` once the running utterances have ended. Raises `InvalidValue` and `NotReady`."""
        ...


class MemoryRelease(Protocol):
    """Memory that another engine gives back before a new one loads."""

    @property
    def num_bytes(self) -> int:
        """The additional bytes that will be free on the device."""
        ...

    def wait(self) -> None:
        """Block until it is free; on the new engine's thread. Raises `EngineStopped` if it will not be."""
        ...


@runtime_checkable
class UnloadableSynthesizer(Protocol):
    """An engine that can free the memory of its model and load it again."""

    @property
    def load_state(self) -> LoadState: ...

    @property
    def memory_bytes(self) -> int | None:
        """Current size of weights and caches; None before the first load."""
        ...

    def suspend(self) -> Future[None]:
        """Unload the model once the running utterances have ended; the queue waits until `resume`."""
        ...

    def resume(self) -> None:
        """End a suspension: the model is loaded again for the next request."""
        ...
