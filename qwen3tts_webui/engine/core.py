"""The engine's loop: which sequence runs in which slot, which ones wait, one step at a time.

In: sequences in the queue. Out: audio in their sinks. An error ends the sequence that caused it and no other.
`scheduler.schedule` decides, the model runner computes; knows no thread. Running sequence i is in slot i.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qwen3tts_webui.engine.failures import fail_sink
from qwen3tts_webui.engine.model_runner import FrameRows, ModelRunner
from qwen3tts_webui.engine.scheduler import SchedulerLimits, StepCosts, schedule
from qwen3tts_webui.engine.sequence import Clock, SequenceState
from qwen3tts_webui.engine.slot_sharing import SlotSharing
from qwen3tts_webui.errors import NumericalError
from qwen3tts_webui.fair_share import ServiceTime
from qwen3tts_webui.model import SamplingBounds, SlotStatus
from qwen3tts_webui.types import SAMPLES_PER_FRAME, FinishReason

log = logging.getLogger(__name__)

_SMOOTHING = 0.2  # weight of the newest value in a running mean


class EngineCore:
    """Call `step` until it returns False, then again after a change. `queue` is shared with the thread that fills it.

    `num_invalid` counts sequences with invalid logits; `retryable` are those of them without audio so far, with the
    error that their sinks did not get. `consecutive_failures` counts since the last successful step;
    `service_time` measures how long an utterance takes once it has a slot.
    """

    def __init__(
        self, runner: ModelRunner, queue: list[SequenceState], *, max_prefill_batch: int, clock: Clock
    ) -> None:
        self.queue = queue
        self.running: list[SequenceState] = []
        self.num_invalid = 0
        self.retryable: list[tuple[SequenceState, NumericalError]] = []
        self.consecutive_failures = 0
        self.service_time = ServiceTime()
        self.runner = runner
        self._num_prefilling = 0
        self._created_at = clock()
        self._limits = SchedulerLimits(slots=runner.slots, max_prefill_batch=max_prefill_batch)
        self._clock = clock
        self._sharing = SlotSharing(runner)
        self._costs = StepCosts(step_s=0.0, prefill_s=0.0)
        self._consecutive_urgent_steps = 0
        self._vocab_size = runner.model.config.talker.vocab_size
        self._eos_id = runner.model.config.text.eos_id

    @property
    def num_running(self) -> int:
        """Slots in use, including sequences in prefill."""
        return len(self.running) + self._num_prefilling

    @property
    def has_started(self) -> bool:
        """Whether any sequence is between its first and its last frame, in a slot or not."""
        return bool(self.running) or any(sequence.saved is not None for sequence in self.queue)

    def step(self, *, admitting: bool = True) -> bool:
        """Prefill or decode once. Return False if there is nothing to do until a sink, a text stream or a submit acts.

        Without `admitting`, no new sequence leaves the queue.
        """
        self._remove_cancelled()
        self._update_text()
        self._sharing.pause_idle(self.running)
        ready = [s for s in list(self.queue) if s.saved is not None or (admitting and s.prompt is not None)]
        decision = schedule(
            *self._sharing.claims(self.running, ready),
            limits=self._limits,
            costs=self._costs,
            consecutive_urgent_steps=self._consecutive_urgent_steps,
        )
        waiting = decision.decode and any(not sequence.idle for sequence in ready)
        self._consecutive_urgent_steps = self._consecutive_urgent_steps + 1 if waiting else 0
        if decision.admit:
            self._park([self.running[row] for row in decision.displaced])
            self._admit([ready[position] for position in decision.admit])
        elif decision.decode:
            self._decode_step()
        return bool(decision.admit or decision.decode)

    # before a step

    def _remove_cancelled(self) -> None:
        for sequence in [sequence for sequence in (*self.running, *self.queue) if sequence.sink.cancelled]:
            self._release_slot(sequence)
            self._finish(sequence, "cancelled")

    def _update_text(self) -> None:
        """Build the prompts of waiting sequences that have enough text; pass new text to running ones."""
        for sequence in list(self.queue):
            try:
                sequence.build_prompt(self.runner.kv_length)
                if sequence.saved is not None and (text := sequence.read_text(self._eos_id)) is not None:
                    sequence.late_text.append(text)
            except Exception as error:
                self._fail(sequence, error)
        for sequence in list(self.running):
            try:
                if (text := sequence.read_text(self._eos_id)) is not None:
                    start, ids, closed = text
                    self.runner.add_text(self.running.index(sequence), start, ids, close=closed)
            except Exception as error:
                self._fail(sequence, error)

    # the two kinds of steps

    def _admit(self, sequences: Sequence[SequenceState]) -> None:
        self._num_prefilling = len(sequences)  # set before they leave the queue: a reader of the load counts them once
        for sequence in sequences:
            self.queue.remove(sequence)
        try:
            if sequences[0].saved is None:
                self._prefill(sequences)
            else:
                self._resume(sequences[0])
        finally:
            self._num_prefilling = 0

    def _park(self, sequences: Sequence[SequenceState]) -> None:
        for sequence in sequences:
            self._sharing.park(sequence, self.running.index(sequence))
            self._release_slot(sequence)
            self.queue.append(sequence)

    def _resume(self, sequence: SequenceState) -> None:
        self.running.append(sequence)
        try:
            self._sharing.resume(sequence, len(self.running) - 1)
        except Exception as error:
            self._record_failure(error)
            self._fail(sequence, error)

    def _prefill(self, sequences: Sequence[SequenceState]) -> None:
        began = self._clock()
        first = len(self.running)
        try:
            assignments = [sequence.start(first + i) for i, sequence in enumerate(sequences)]
            rows = self.runner.prefill(assignments, self._sampling_bounds(sequences))
        except Exception as error:
            self._record_failure(error)
            for slot in range(first, first + len(sequences)):
                self.runner.release(slot, invalid=True)
            if len(sequences) == 1:
                fail_sink(sequences[0], error)
            else:  # one of them, or the size of the batch, is the cause: try each alone
                for sequence in sequences:
                    self._prefill([sequence])
            return
        self.running.extend(sequences)
        for sequence, prefix_hit in zip(sequences, self.runner.prefix_hits, strict=True):
            sequence.prefill_s, sequence.prefix_hit = self.runner.device_s, prefix_hit
        self._costs = replace(self._costs, prefill_s=_smooth(self._costs.prefill_s, self._clock() - began))
        self._process_outputs(range(first, first + len(sequences)), rows)

    def _decode_step(self) -> None:
        began = self._clock()
        longest = max(sequence.num_tokens for sequence in self.running)
        try:
            rows = self.runner.step(len(self.running), longest, self._sampling_bounds(()))
        except Exception as error:  # fail the newest sequence: memory sufficed before it was admitted
            self._record_failure(error)
            self._fail(max(self.running, key=lambda sequence: sequence.started_at or 0.0), error)
            return
        self._costs = replace(self._costs, step_s=_smooth(self._costs.step_s, self._clock() - began))
        self._process_outputs(range(len(self.running)), rows)

    # after a step

    def _process_outputs(self, slots: Sequence[int], rows: FrameRows) -> None:
        """Store the frames of `slots`, emit the packets that are due, and end the sequences that are complete."""
        self.consecutive_failures = 0
        finished: dict[SequenceState, FinishReason] = {}
        invalid: list[SequenceState] = []
        due: list[SequenceState] = []
        for slot, row in zip(slots, rows, strict=True):
            sequence, status = self.running[slot], int(row[-1])
            if status == SlotStatus.FRAME:
                sequence.add_frame(row[:-1])
            if status == SlotStatus.INVALID:
                invalid.append(sequence)
            elif status == SlotStatus.FINISHED:
                finished[sequence] = "stop"
            elif status == SlotStatus.FRAME and sequence.at_length_limit:
                finished[sequence] = "length"
            elif sequence.is_packet_due(self._costs.frame_s):
                due.append(sequence)
        self._emit_packets([*due, *finished])
        for sequence in invalid:
            self._handle_invalid(sequence)
        for sequence, reason in finished.items():
            if sequence in self.running:  # its last packet may have failed
                self._release_slot(sequence)
                self._finish(sequence, reason)

    def _emit_packets(self, sequences: Sequence[SequenceState]) -> None:
        """Decode the pending frames of `sequences`, batching those with equally many."""
        by_length: dict[int, list[SequenceState]] = {}
        for sequence in sequences:
            if num_frames := len(sequence.pending_frames()):
                by_length.setdefault(num_frames, []).append(sequence)
        for batch in by_length.values():
            batch.sort(key=self.running.index)
            self._decode_audio(batch)

    def _decode_audio(self, batch: Sequence[SequenceState]) -> None:
        began = self._clock()
        slots = [self.running.index(sequence) for sequence in batch]
        try:
            waveforms = self.runner.decode(slots, np.stack([sequence.pending_frames() for sequence in batch]))
        except Exception as error:
            self._record_failure(error)
            self._retry_individually(batch, error)
            return
        elapsed_s = self._clock() - began
        if waveforms.shape[1] == SAMPLES_PER_FRAME:
            self._costs = replace(self._costs, codec_s=_smooth(self._costs.codec_s, elapsed_s))
        codec_s = elapsed_s if self.runner.device_s is None else self.runner.device_s
        for sequence, pcm in zip(batch, waveforms, strict=True):
            if not np.isfinite(pcm).all():
                self._fail(sequence, NumericalError(where="sound", dtype="float32"))
                continue
            try:
                sequence.emit(pcm, codec_s)
                self._sharing.charge(sequence, len(pcm))
            except Exception as error:
                self._fail(sequence, error)

    def _retry_individually(self, batch: Sequence[SequenceState], error: Exception) -> None:
        """After a failed decode: some codec states may have advanced, so rebuild each and decode it alone."""
        if len(batch) == 1:
            self._fail(batch[0], error)
            return
        for sequence in batch:
            slot, context = self.running.index(sequence), sequence.ready_prompt.context
            try:
                self.runner.rebuild_codec_state(slot, context, sequence.decoded_frames())
            except Exception as second_error:
                self._fail(sequence, second_error)
            else:
                self._decode_audio([sequence])

    # the end of a sequence

    def _handle_invalid(self, sequence: SequenceState) -> None:
        """End a sequence with invalid logits; without audio so far, the engine may retry it in a wider dtype."""
        error = NumericalError(where="logits", dtype=str(self.runner.model.dtype).removeprefix("torch."))
        log.error("utterance ended: %s", error)
        self.num_invalid += 1
        if sequence.num_packets or sequence.utterance.text_stream is not None:
            self._fail(sequence, error)
        else:
            self._release_slot(sequence, invalid=True)
            self.retryable.append((sequence, error))

    def _fail(self, sequence: SequenceState, error: Exception) -> None:
        self._release_slot(sequence, invalid=True)
        fail_sink(sequence, error)

    def _release_slot(self, sequence: SequenceState, *, invalid: bool = False) -> None:
        """Remove `sequence`; the last running sequence moves into its slot."""
        if sequence in self.queue:
            self.queue.remove(sequence)
        if sequence not in self.running:
            return
        slot, last = self.running.index(sequence), len(self.running) - 1
        self.runner.release(slot, invalid=invalid)
        if slot != last:
            self.runner.move(last, slot, self.running[last].num_tokens)
            self.running[slot] = self.running[last]
        self.running.pop()

    def _finish(self, sequence: SequenceState, reason: FinishReason) -> None:
        if sequence.started_at is not None:
            self.service_time.add(self._clock() - sequence.started_at)
        try:
            sequence.sink.finish(sequence.result(reason, includes_warmup=sequence.submitted_at < self._created_at))
        except Exception:
            log.exception("the sink of a finished utterance failed")

    def _record_failure(self, error: Exception) -> None:
        self.consecutive_failures += 1
        log.error("the device failed: %s", error, exc_info=error)

    def _sampling_bounds(self, waiting: Sequence[SequenceState]) -> SamplingBounds:
        return SamplingBounds.of([s.utterance.sampling for s in (*self.running, *waiting)], self._vocab_size)


def _smooth(mean: float, value: float) -> float:
    return value if mean == 0.0 else mean + _SMOOTHING * (value - mean)
