"""One utterance on its way through the engine: what it says, how far it is, where its time went.

In: an `Utterance` and its sink. Out: a `SynthesisResult` in the end. Knows no tensor; one thread may use it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.errors import EmptyText, TextTooLong
from qwen3tts_webui.model import (
    MAX_FRAMES,
    Prompt,
    PromptBuilder,
    PromptText,
    Tokenizer,
    frame_limit,
)
from qwen3tts_webui.types import (
    NUM_CODEBOOKS,
    SAMPLE_RATE,
    FinishReason,
    Pcm,
    PcmSink,
    SynthesisResult,
    Timings,
    Utterance,
)

Clock = Callable[[], float]


class Seat:
    """Waits in the queue, then speaks in a slot. `prompt` is None until enough text is there to begin.

    `asked` is when it was asked for, on `clock`; None is now.
    """

    def __init__(
        self,
        utterance: Utterance,
        sink: PcmSink,
        *,
        encoder: Tokenizer,
        prompts: PromptBuilder,
        clock: Clock,
        asked: float | None = None,
    ) -> None:
        self.utterance = utterance
        self.sink = sink
        self.held = False
        self.prompt: Prompt | None = None
        self.num_packets = 0
        self.prefill_s: float | None = None  # by the device's own clock, where it has one
        self.prefix_hit: bool | None = None  # whether the prompt's prefix was read before
        self._clock = clock
        self._encoder = encoder
        self._kv_length = 0
        self._prompts = prompts
        self._streaming = utterance.text_mode == "streaming" or utterance.text_stream is not None
        self._text = PromptText(encoder, utterance)
        self._body: list[int] = []
        self._num_given = 0  # trailing text ids that the device has
        self._frames: list[npt.NDArray[np.int64]] = []
        self._num_decoded = 0
        self._num_samples = 0
        self.asked = clock() if asked is None else asked
        self._started: float | None = None
        self._prefilled: float | None = None
        self._first_pcm: float | None = None
        self._codec_s: float | None = None
        self._last_frame: float | None = None

    def again(self) -> Seat:
        """The same utterance, as it was before a word of it was spoken. Not for one with a feed: its text is taken."""
        return Seat(
            self.utterance,
            self.sink,
            encoder=self._encoder,
            prompts=self._prompts,
            clock=self._clock,
            asked=self.asked,
        )

    # text

    def look(self, kv_length: int) -> None:
        """Build the prompt once there is text to begin with; `kv_length` rows are what a slot has.

        Raises `TextTooLong`, `EmptyText` for a feed that was closed without a word, and as `PromptBuilder.build`.
        """
        if self.prompt is not None:
            return
        self._kv_length = kv_length
        self._body += self._text.read() if self._streaming else self._text.whole()
        if not self._body:
            if self._text.open:
                return
            if self.utterance.text_stream is not None:
                raise EmptyText
        ids = self._prompts.input_ids(self._body)
        prompt = self._prompts.build(self.utterance, ids, streaming=self._streaming, more=self._text.open)
        self._num_given = len(prompt.trailing)
        if max(len(prompt.text) + 1, self._num_given) > kv_length:
            length = len(self.utterance.text)
            raise TextTooLong(length=length, limit=length * kv_length // (len(prompt.text) + self._num_given))
        self.prompt = prompt

    @property
    def begun(self) -> Prompt:
        """The prompt, of one that may speak."""
        assert self.prompt is not None
        return self.prompt

    def more_text(self, eos_id: int) -> tuple[int, Sequence[int], bool] | None:
        """What came since: (ids given before, new ids, whether that was all); None when nothing changed.

        Raises `TextTooLong` when more ids came than a slot has room for.
        """
        if not self._text.open:
            return None
        ids = self._text.read()
        closed = not self._text.open
        if closed:
            ids = [*ids, eos_id]
        if not ids:
            return None
        start = self._num_given
        self._num_given += len(ids)
        if self._num_given > self._kv_length:
            raise TextTooLong(length=self._num_given, limit=self._kv_length)
        return start, ids, closed

    @property
    def starved(self) -> bool:
        """The next frame would need text that has not come."""
        return self._text.open and len(self._frames) > self._num_given

    # frames

    @property
    def num_rows(self) -> int:
        """Rows in the KV cache after the next step."""
        return len(self.begun.text) + len(self._frames)

    @property
    def spent(self) -> bool:
        """It has spoken as many frames as it may, as far as its text is known."""
        limit = min(self.utterance.max_frames or MAX_FRAMES, self._kv_length - len(self.begun.text))
        if not self._text.open:
            limit = min(limit, frame_limit(self._text.num_new))
        return len(self._frames) >= limit

    def add_frame(self, codes: npt.NDArray[np.int64]) -> None:
        """`codes` (16,) of the frame that was just picked."""
        self._frames.append(codes)
        self._last_frame = self._clock()
        if self._prefilled is None:
            self._prefilled = self._last_frame

    def heard(self) -> npt.NDArray[np.int64]:
        """Frames that were turned into sound, (frames, 16)."""
        return _stack(self._frames[: self._num_decoded])

    def undecoded(self) -> npt.NDArray[np.int64]:
        """Frames without sound so far, (frames, 16)."""
        return _stack(self._frames[self._num_decoded :])

    # sound and time

    def start(self) -> None:
        """It leaves the queue."""
        self._started = self._clock()

    @property
    def started(self) -> float | None:
        """When it left the queue; None while it waits there."""
        return self._started

    def deliver(self, pcm: Pcm, codec_s: float) -> None:
        """Hand `pcm` of all undecoded frames to the listener; `codec_s` is what the codec took."""
        self.sink.put(pcm)
        self._num_decoded = len(self._frames)
        self._num_samples += len(pcm)
        self.num_packets += 1
        if self._first_pcm is None:
            self._first_pcm = self._clock()
            self._codec_s = codec_s

    @property
    def lead_s(self) -> float | None:
        """Sound made and not yet heard by one who listened from the first packet on; None before it."""
        if self._first_pcm is None:
            return None
        return self._num_samples / SAMPLE_RATE - (self._clock() - self._first_pcm)

    def spoken(self, stopped: FinishReason, *, cold: bool) -> SynthesisResult:
        """The end."""
        return SynthesisResult(
            num_samples=self._num_samples,
            finish_reason=stopped,
            timings=self._timings(cold),
            seed=self.utterance.seed,
            codes=_stack(self._frames).astype(np.int16),
        )

    def _timings(self, cold: bool) -> Timings:
        speed = None
        if self._started is not None and self._last_frame is not None and self._last_frame > self._started:
            speed = len(self._frames) / (self._last_frame - self._started)
        return Timings(
            queued_ms=self._since(self._started),
            prefill_ms=_ms(self._started, self._prefilled) if self.prefill_s is None else self.prefill_s * 1e3,
            first_frame_ms=self._since(self._prefilled),
            codec_ms=None if self._codec_s is None else self._codec_s * 1e3,
            first_pcm_ms=self._since(self._first_pcm),
            total_ms=self._since(self._clock()),
            frames_per_second=speed,
            includes_warmup=cold,
            prefix_hit=self.prefix_hit,
        )

    def _since(self, then: float | None) -> float | None:
        return _ms(self.asked, then)


def _stack(frames: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.stack(frames) if frames else np.zeros((0, NUM_CODEBOOKS), np.int64)


def _ms(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else (end - start) * 1e3
