"""Decode the frames of running sequences to packets of audio and pass them to their sinks.

In: sequences with a packet that is due. Out: PCM in their sinks. An error ends only the sequence that caused it. Knows
no scheduling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from qwen3tts_webui.engine.model_runner import ModelRunner, Waveforms
from qwen3tts_webui.engine.scheduler import running_mean
from qwen3tts_webui.engine.sequence import Clock, SequenceState
from qwen3tts_webui.errors import NumericalError


class PacketDecoder:
    """Used by the core, which shares `running`: sequence i is in slot i.

    `fail` ends a sequence with an error, `record_failure` counts an error of the device, `charge` gets a sequence and
    the number of samples that its client received. `frame_codec_s`: mean seconds of a packet of a single frame.
    """

    def __init__(
        self,
        runner: ModelRunner,
        running: Sequence[SequenceState],
        *,
        fail: Callable[[SequenceState, Exception], None],
        record_failure: Callable[[Exception], None],
        charge: Callable[[SequenceState, int], None],
        clock: Clock,
    ) -> None:
        self.frame_codec_s = 0.0
        self._runner = runner
        self._running = running
        self._fail = fail
        self._record_failure = record_failure
        self._charge = charge
        self._clock = clock

    def emit(self, sequences: Sequence[SequenceState]) -> None:
        """Decode the pending frames of `sequences`, batching those with equally many."""
        by_length: dict[int, list[SequenceState]] = {}
        for sequence in sequences:
            if num_frames := len(sequence.pending_frames()):
                by_length.setdefault(num_frames, []).append(sequence)
        for batch in by_length.values():
            batch.sort(key=self._running.index)
            self._decode(batch)

    def _decode(self, batch: Sequence[SequenceState]) -> None:
        began = self._clock()
        slots = [self._running.index(sequence) for sequence in batch]
        frames = np.stack([sequence.pending_frames() for sequence in batch])
        try:
            waveforms = self._runner.decode(slots, frames)
        except Exception as error:
            self._record_failure(error)
            self._retry_individually(batch, error)
            return
        elapsed_s = self._clock() - began
        if frames.shape[1] == 1:
            self.frame_codec_s = running_mean(self.frame_codec_s, elapsed_s)
        self._pass_on(batch, waveforms, elapsed_s if self._runner.device_s is None else self._runner.device_s)

    def _pass_on(self, batch: Sequence[SequenceState], waveforms: Waveforms, codec_s: float) -> None:
        for sequence, pcm in zip(batch, waveforms, strict=True):
            if not np.isfinite(pcm).all():
                self._fail(sequence, NumericalError(where="sound", dtype="float32"))
                continue
            try:
                sequence.emit(pcm, codec_s)
                self._charge(sequence, len(pcm))
            except Exception as error:
                self._fail(sequence, error)

    def _retry_individually(self, batch: Sequence[SequenceState], error: Exception) -> None:
        """After a failed decode: some codec states may have advanced, so rebuild each and decode it alone."""
        if len(batch) == 1:
            self._fail(batch[0], error)
            return
        for sequence in batch:
            slot, context = self._running.index(sequence), sequence.ready_prompt.context
            try:
                self._runner.rebuild_codec_state(slot, context, sequence.decoded_frames())
            except Exception as second_error:
                self._fail(sequence, second_error)
            else:
                self._decode([sequence])
