"""The state of one utterance in the engine: its text, frames and timings.

In: an `Utterance` and its sink. Out: a `SynthesisResult` at the end. Used by one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.engine.model_runner import SavedSlot, SlotAssignment
from qwen3tts_webui.engine.scheduler import next_packet_frames
from qwen3tts_webui.errors import EmptyText, TextTooLong
from qwen3tts_webui.fair_share import client_key
from qwen3tts_webui.model import MAX_FRAMES, Prompt, PromptBuilder, PromptText, Tokenizer, frame_limit
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


class SequenceState:
    """Waits in the queue, then runs in a slot. `prompt` is None until there is enough text to start.

    `submitted_at` is the time of the request on `clock`; None is now. `paused`: takes no part in steps. The core sets
    `prefill_s` if the device has a clock of its own, and `prefix_hit` if the prompt has a prefix worth caching. Between
    two slots, `saved` holds its state on the device and `late_text` what it has to read first; it `may_yield` its slot
    once it has made a packet there.
    """

    def __init__(
        self,
        utterance: Utterance,
        sink: PcmSink,
        *,
        encoder: Tokenizer,
        prompts: PromptBuilder,
        clock: Clock,
        submitted_at: float | None = None,
    ) -> None:
        self.utterance = utterance
        self.sink = sink
        self.paused = False
        self.saved: SavedSlot | None = None
        self.late_text: list[tuple[int, Sequence[int], bool]] = []
        self.may_yield = False
        self.prompt: Prompt | None = None
        self.num_packets = 0
        self.prefill_s: float | None = None
        self.prefix_hit: bool | None = None
        self._clock = clock
        self._encoder = encoder
        self._kv_length = 0
        self._prompts = prompts
        self._streaming = utterance.text_mode == "streaming" or utterance.text_stream is not None
        self._text = PromptText(encoder, utterance)
        self._text_ids: list[int] = []
        self._num_sent_ids = 0  # trailing text ids that the device has
        self._frames: list[npt.NDArray[np.int64]] = []
        self._num_decoded = 0
        self._num_samples = 0
        self.submitted_at = clock() if submitted_at is None else submitted_at
        self._started_at: float | None = None
        self._prefilled_at: float | None = None
        self._first_pcm_at: float | None = None
        self._codec_s: float | None = None
        self._last_frame_at: float | None = None

    def reset_copy(self) -> SequenceState:
        """Return the same utterance in its initial state. Not for text streams: their text was consumed."""
        return SequenceState(
            self.utterance,
            self.sink,
            encoder=self._encoder,
            prompts=self._prompts,
            clock=self._clock,
            submitted_at=self.submitted_at,
        )

    @property
    def client(self) -> str:
        return client_key(self.utterance.client, self)

    @property
    def idle(self) -> bool:
        """It cannot continue: its listener does not keep up or its text has not arrived."""
        return self.prompt is None or self.sink.is_backpressured or self.waiting_for_text

    # text

    def build_prompt(self, kv_length: int) -> None:
        """Build the prompt once there is enough text; `kv_length` is the capacity of a slot.

        Raises `TextTooLong`, `EmptyText` for a text stream closed without text, and as `PromptBuilder.build`.
        """
        if self.prompt is not None:
            return
        self._kv_length = kv_length
        self._text_ids += self._text.read() if self._streaming else self._text.whole()
        if not self._text_ids:
            if self._text.open:
                return
            if self.utterance.text_stream is not None:
                raise EmptyText
        ids = self._prompts.input_ids(self._text_ids)
        prompt = self._prompts.build(self.utterance, ids, streaming=self._streaming, more=self._text.open)
        self._num_sent_ids = len(prompt.trailing)
        if max(len(prompt.text) + 1, self._num_sent_ids) > kv_length:
            length = len(self.utterance.text)
            raise TextTooLong(length=length, limit=length * kv_length // (len(prompt.text) + self._num_sent_ids))
        self.prompt = prompt

    @property
    def ready_prompt(self) -> Prompt:
        """The prompt of a sequence that may run."""
        assert self.prompt is not None
        return self.prompt

    def read_text(self, eos_id: int) -> tuple[int, Sequence[int], bool] | None:
        """Return text ids that arrived since the last call, or None.

        The result is (number of ids sent before, new ids, whether the text is complete). Raises `TextTooLong` beyond
        the capacity of a slot.
        """
        if not self._text.open:
            return None
        ids = self._text.read()
        closed = not self._text.open
        if closed:
            ids = [*ids, eos_id]
        if not ids:
            return None
        start = self._num_sent_ids
        self._num_sent_ids += len(ids)
        if self._num_sent_ids > self._kv_length:
            raise TextTooLong(length=self._num_sent_ids, limit=self._kv_length)
        return start, ids, closed

    @property
    def waiting_for_text(self) -> bool:
        """The next frame needs text that has not arrived."""
        return self._text.open and len(self._frames) > self._num_sent_ids

    # frames

    @property
    def num_tokens(self) -> int:
        """The length of its KV cache after the next step."""
        return len(self.ready_prompt.text) + len(self._frames)

    @property
    def num_frames_left(self) -> int:
        """How many frames may follow: the limit is that of the text known so far, or of the slot."""
        limit = min(self.utterance.max_frames or MAX_FRAMES, self._kv_length - len(self.ready_prompt.text))
        if not self._text.open:
            limit = min(limit, frame_limit(self._text.num_new))
        return limit - len(self._frames)

    def add_frame(self, codes: npt.NDArray[np.int64]) -> None:
        """Append the `codes` (16,) of the frame that was just sampled."""
        self._frames.append(codes)
        self._last_frame_at = self._clock()
        if self._prefilled_at is None:
            self._prefilled_at = self._last_frame_at

    def decoded_frames(self) -> npt.NDArray[np.int64]:
        """The frames already decoded to audio, (frames, 16)."""
        return _stack(self._frames[: self._num_decoded])

    def pending_frames(self) -> npt.NDArray[np.int64]:
        """The frames not yet decoded to audio, (frames, 16)."""
        return _stack(self._frames[self._num_decoded :])

    # audio and time

    def is_packet_due(self, frame_s: float) -> bool:
        """Return True if the pending frames fill the next packet, or no more can follow until text arrives.

        `frame_s` is what a frame in a packet of its own costs.
        """
        num_pending = len(self.pending_frames())
        if self.waiting_for_text:
            return num_pending > 0
        return num_pending >= next_packet_frames(
            packets_sent=self.num_packets,
            buffered_ahead_s=self.buffered_ahead_s or 0.0,
            frame_s=frame_s,
            fixed=self.utterance.frames_per_packet,
        )

    def start(self, slot: int) -> SlotAssignment:
        """Record that it leaves the queue for `slot`; a second attempt does not count."""
        self._started_at = self._started_at or self._clock()
        return SlotAssignment(slot, self.ready_prompt, self.utterance.sampling, self.utterance.seed)

    @property
    def started_at(self) -> float | None:
        """When it left the queue; None while it waits there."""
        return self._started_at

    def emit(self, pcm: Pcm, codec_s: float) -> None:
        """Pass the `pcm` of all pending frames to the sink; `codec_s` is the decoding time."""
        if self._first_pcm_at is None:
            self._first_pcm_at = self._clock()
            self._codec_s = codec_s
            self.sink.begin(self._timings(includes_warmup=False))
        self.sink.put(pcm)
        self._num_decoded = len(self._frames)
        self._num_samples += len(pcm)
        self.num_packets += 1
        self.may_yield = True

    @property
    def buffered_ahead_s(self) -> float | None:
        """Audio emitted but not yet played, if playback began with the first packet; None before that packet."""
        if self._first_pcm_at is None:
            return None
        return self._num_samples / SAMPLE_RATE - (self._clock() - self._first_pcm_at)

    def result(self, reason: FinishReason, *, includes_warmup: bool) -> SynthesisResult:
        """Return the codes, timings and length of the audio emitted."""
        return SynthesisResult(
            num_samples=self._num_samples,
            finish_reason=reason,
            timings=self._timings(includes_warmup),
            seed=self.utterance.seed,
            codes=_stack(self._frames).astype(np.int16),
        )

    def _timings(self, includes_warmup: bool) -> Timings:
        rate = None
        if self._started_at is not None and self._last_frame_at is not None and self._last_frame_at > self._started_at:
            rate = len(self._frames) / (self._last_frame_at - self._started_at)
        prefill_ms = _ms(self._started_at, self._prefilled_at) if self.prefill_s is None else self.prefill_s * 1e3
        return Timings(
            queued_ms=self._since_submit(self._started_at),
            prefill_ms=prefill_ms,
            first_frame_ms=self._since_submit(self._prefilled_at),
            codec_ms=None if self._codec_s is None else self._codec_s * 1e3,
            first_pcm_ms=self._since_submit(self._first_pcm_at),
            total_ms=self._since_submit(self._clock()),
            frames_per_second=rate,
            includes_warmup=includes_warmup,
            prefix_hit=self.prefix_hit,
        )

    def _since_submit(self, moment: float | None) -> float | None:
        return _ms(self.submitted_at, moment)


def _stack(frames: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.stack(frames) if frames else np.zeros((0, NUM_CODEBOOKS), np.int64)


def _ms(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else (end - start) * 1e3
