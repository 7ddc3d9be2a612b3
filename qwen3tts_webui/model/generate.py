"""Synthesize one utterance at a time: an `Utterance` in, packets of PCM and codes out.

It runs the engine's `run_decode_step` with one slot, and is the reference for the engine.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from qwen3tts_webui.errors import InvalidValue, NumericalError, TextTooLong, Unsupported
from qwen3tts_webui.model.cloning.reference_encoder import ReferenceEncoder
from qwen3tts_webui.model.codec.decoder import MAX_DECODE_FRAMES, CodecDecoder
from qwen3tts_webui.model.codec.state import CodecState
from qwen3tts_webui.model.config.model_config import ModelConfig
from qwen3tts_webui.model.decode_state import DecodeState, SlotStatus
from qwen3tts_webui.model.decode_step import StepShape, load_slot, run_decode_step, run_prefill
from qwen3tts_webui.model.prompt.builder import Prompt, PromptBuilder
from qwen3tts_webui.model.prompt.text_ids import PromptText
from qwen3tts_webui.model.prompt.tokenizer import Tokenizer
from qwen3tts_webui.model.sampling import SamplingBounds
from qwen3tts_webui.model.talker.slot_values import slot_values
from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.types import NUM_CODEBOOKS, SAMPLE_RATE, CloneMode, Codes, FinishReason, Pcm, Utterance, Voice

MAX_FRAMES = 8_192  # of the released generation configs: almost eleven minutes
_FRAMES_PER_TOKEN = 12  # no text needs a second per token (0.3 s is usual)
_SPARE_FRAMES = 50
_KV_STEP = 64  # positions; attention covers a multiple of these
_POLL_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Packet:
    """A chunk of speech: `pcm` (frames * 1920,) and its `codes` (frames, 16).

    The last packet, which may be empty, has a `finish_reason`: "stop" if the model ended the utterance, "length" if it
    reached the frame limit.
    """

    pcm: Pcm
    codes: Codes
    finish_reason: FinishReason | None = None


def frame_limit(num_tokens: int) -> int:
    """The number of frames after which a text of `num_tokens` counts as runaway."""
    return min(MAX_FRAMES, _SPARE_FRAMES + _FRAMES_PER_TOKEN * num_tokens)


class Qwen3TTS:
    """A loaded checkpoint, from `load_model`. Not thread-safe: one caller at a time."""

    def __init__(
        self,
        config: ModelConfig,
        tokenizer: Tokenizer,
        talker: Talker,
        codec: CodecDecoder,
        references: ReferenceEncoder | None = None,
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.prompts = PromptBuilder(config, tokenizer)
        self.talker = talker
        self.codec = codec
        self.references = references

    @property
    def device(self) -> torch.device:
        """The device of the talker and the codec."""
        return self.talker.text_table.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the talker; the codec is always float32."""
        return self.talker.text_table.dtype

    def encode_prompt(self, utterance: Utterance) -> tuple[list[int], list[int]]:
        """Return `input_ids` and `instruct_ids` in the official layout; the latter are empty without a description.

        The text of an acoustic prompt precedes the new text. Of a text stream, only the text received so far is used.
        """
        text = PromptText(self.tokenizer, utterance)
        return self.prompts.input_ids(text.whole()), self.prompts.instruct_ids(utterance.voice.description)

    def clone(
        self,
        audio: str | Path | bytes | npt.NDArray[np.floating],
        text: str | None = None,
        *,
        sample_rate: int = SAMPLE_RATE,
        x_vector_only: bool = False,
    ) -> Voice:
        """Create a voice from a recording, for any number of utterances. Needs a Base checkpoint.

        `audio` is a file, the bytes of one, or samples (time,) or (time, channels) at `sample_rate`; 0.1 to 60 s, 3 to
        15 s are best. `text` is its transcript; with `x_vector_only` it is optional, and the voice less similar.

        Raises Unsupported for another checkpoint, InvalidValue, InvalidFile for a file that is not audio, OSError.
        """
        if self.references is None or self.config.speaker_encoder is None:
            raise Unsupported(engine="Qwen3-TTS", feature="cloning a recorded voice", hint="Load a Base checkpoint.")
        from qwen3tts_webui.audio import decode_reference, to_mono

        if isinstance(audio, np.ndarray):
            pcm = to_mono(audio, sample_rate)
        else:
            pcm = decode_reference(audio if isinstance(audio, bytes) else Path(audio).read_bytes())
        mode: CloneMode = "xvector" if x_vector_only else "icl"
        return Voice(reference=self.references.encode(pcm, text or "", mode=mode))

    def stream(
        self, utterance: Utterance, *, frames_per_packet: int = 1, max_frames: int | None = None
    ) -> Iterator[Packet]:
        """Yield packets of `frames_per_packet` frames as soon as they are computed.

        At most `max_frames` frames, and never more than the text can need (`frame_limit`). Blocks while a text stream
        is late. Raises a RequestError immediately if this checkpoint cannot synthesize `utterance`, and NumericalError
        during iteration; the model stays usable.
        """
        self.prompts.check(utterance)
        for field, value in (("frames_per_packet", frames_per_packet), ("max_frames", max_frames)):
            if value is not None and value < 1:
                raise InvalidValue(field=field, expected="at least 1", got=value)
        return self._packets(utterance, frames_per_packet, max_frames or MAX_FRAMES)

    def _packets(self, utterance: Utterance, frames_per_packet: int, max_frames: int) -> Iterator[Packet]:
        codec_state = self.codec.new_state(1)
        frames = self._frames(utterance, max_frames, codec_state)
        pending: list[list[int]] = []
        while True:
            try:
                frame = next(frames)
            except StopIteration as end:
                yield self._packet(pending, codec_state, end.value)
                return
            if frame is not None:
                pending.append(frame)
            if pending and (frame is None or len(pending) == frames_per_packet):
                yield self._packet(pending, codec_state)
                pending = []

    def _packet(
        self, frames: list[list[int]], codec_state: CodecState, finish_reason: FinishReason | None = None
    ) -> Packet:
        codes = np.array(frames, np.int16).reshape(-1, NUM_CODEBOOKS)
        pcm = self._decode(codes, codec_state) if len(codes) else np.zeros(0, np.float32)
        return Packet(pcm=pcm, codes=codes, finish_reason=finish_reason)

    def _decode(self, codes: Codes, codec_state: CodecState) -> Pcm:
        frames = torch.from_numpy(codes.astype(np.int64).T[None]).to(self.device)
        pcm: Pcm = self.codec.decode(frames, codec_state, slice(None))[0].cpu().numpy()
        if not np.isfinite(pcm).all():
            raise NumericalError(where="sound", dtype="float32")
        return pcm

    def _frames(
        self, utterance: Utterance, max_frames: int, codec_state: CodecState
    ) -> Generator[list[int] | None, None, FinishReason]:
        """Yield one frame at a time, None while the text is late; return the finish reason.

        Before the first frame, `codec_state` is advanced past the frames in the prompt.
        """
        streaming = utterance.text_mode == "streaming" or utterance.text_stream is not None
        text = PromptText(self.tokenizer, utterance)
        body = text.read() if streaming else text.whole()
        while not body and text.open:
            yield None
            time.sleep(_POLL_S)
            body = text.read()
        prompt = self.prompts.build(utterance, self.prompts.input_ids(body), streaming=streaming, more=text.open)
        for start in range(0, len(prompt.context), MAX_DECODE_FRAMES):
            self._decode(prompt.context[start : start + MAX_DECODE_FRAMES], codec_state)
        run = _Run(self.talker, prompt, utterance, _limit(max_frames, text))
        row = run.first()
        for count in itertools.count(1):
            if row[-1] == SlotStatus.INVALID:
                raise NumericalError(where="logits", dtype=str(self.dtype).removeprefix("torch."))
            if row[-1] == SlotStatus.FINISHED:
                return "stop"
            yield row[:-1]
            if count >= min(run.limit, _limit(max_frames, text)):
                return "length"
            while run.waits_for_text:
                run.add_text(text)
                if run.waits_for_text:
                    yield None
                    time.sleep(_POLL_S)
            row = run.next()
        raise AssertionError("unreachable")


def _limit(max_frames: int, text: PromptText) -> int:
    """The frame limit for the text received so far."""
    return max_frames if text.open else min(max_frames, frame_limit(text.num_new))


class _Run:
    """Decoding of one utterance, in one slot."""

    def __init__(self, talker: Talker, prompt: Prompt, utterance: Utterance, limit: int) -> None:
        self._talker = talker
        self._prompt = prompt
        self._position = len(prompt.text)
        self.limit = min(limit, talker.config.talker.max_positions - self._position)
        if self.limit < 1:
            limit = len(utterance.text) * talker.config.talker.max_positions // self._position
            raise TextTooLong(length=len(utterance.text), limit=limit)
        self._state = DecodeState.empty(
            talker,
            slots=1,
            kv_length=-(-(self._position + self.limit) // _KV_STEP) * _KV_STEP,
            text_length=max(1, len(prompt.trailing), MAX_FRAMES if prompt.open else 0),
        )
        self._values = slot_values(prompt, utterance.sampling, utterance.seed, talker.config)
        self._state.set_x_vector(0, prompt.x_vector)
        self._state.add_text(0, talker, 0, prompt.trailing)
        self._num_unused_ids = self._num_text_ids = len(prompt.trailing)
        self._open = prompt.open
        self._reach = SamplingBounds.of([utterance.sampling], talker.config.talker.vocab_size)

    @property
    def waits_for_text(self) -> bool:
        """Whether the next step needs text that has not arrived."""
        return self._open and self._num_unused_ids == 0

    def add_text(self, text: PromptText) -> None:
        """Add the text received since the last call."""
        ids = text.read()
        self._open = text.open
        if not self._open:
            ids = [*ids, self._talker.config.text.eos_id]
        self._state.add_text(0, self._talker, self._num_text_ids, ids, close=not self._open)
        self._num_text_ids += len(ids)
        self._num_unused_ids += len(ids)

    def first(self) -> list[int]:
        """Return the first frame and its status."""
        text, codes = torch.from_numpy(self._prompt.text)[None], torch.from_numpy(self._prompt.codes)[None]
        self._talker.ensure_projected(set(self._prompt.text.tolist()))
        device = self._state.kv.device
        numbers = torch.tensor([0, self._position], device=device)
        args = text.to(device), codes.to(device), numbers[1:]
        load_slot(self._talker, self._state, numbers[:1], torch.from_numpy(self._values)[None].to(device), args[1])
        row: list[int] = run_prefill(self._talker, self._state, numbers[:1], *args, self._reach)[0].tolist()
        return row

    def next(self) -> list[int]:
        """Return the next frame and its status."""
        self._position += 1
        self._num_unused_ids = max(0, self._num_unused_ids - 1)
        kv_length = -(-self._position // _KV_STEP) * _KV_STEP
        row: list[int] = run_decode_step(self._talker, self._state, StepShape(1, kv_length, self._reach))[0].tolist()
        return row
