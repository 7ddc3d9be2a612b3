"""The engine's loop: which sequence runs in which slot, which ones wait, one step at a time.

In: sequences in the queue. Out: audio in their sinks. An error ends the sequence that caused it and no other.
`scheduler.schedule` decides, the model runner computes; knows no thread. Running sequence i is in slot i.

A runner that `runs_ahead` gets the next step before the frames of the last one are processed, so that their packets are
decoded meanwhile. The end of an utterance is then noticed one step late: its slot takes part in a step that computes
nothing for it. Between two calls of `EngineCore.step`, nothing is being computed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from qwen3tts_webui.engine.failures import fail_sink
from qwen3tts_webui.engine.model_runner import FrameRows, ModelRunner
from qwen3tts_webui.engine.packets import PacketDecoder
from qwen3tts_webui.engine.scheduler import SchedulerLimits, StepCosts, running_mean, schedule
from qwen3tts_webui.engine.sequence import Clock, SequenceState
from qwen3tts_webui.engine.slot_sharing import SlotSharing
from qwen3tts_webui.errors import NumericalError
from qwen3tts_webui.fair_share import ServiceTime
from qwen3tts_webui.model import SamplingBounds, SlotStatus
from qwen3tts_webui.types import FinishReason

log = logging.getLogger(__name__)


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
        self._packets = PacketDecoder(
            runner,
            self.running,
            fail=self._fail,
            record_failure=self._record_failure,
            charge=self._sharing.charge,
            clock=clock,
        )
        self._unprocessed: tuple[Sequence[SequenceState], FrameRows] | None = None
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
        if self._unprocessed is not None and (decision.admit or not decision.decode):
            self._process_last_step()  # it may change who runs
            return True
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
        self._costs = replace(self._costs, prefill_s=running_mean(self._costs.prefill_s, self._clock() - began))
        self._process_outputs(sequences, rows)

    def _decode_step(self) -> None:
        """Start a step, process the frames of the last one if that was not done yet, and wait for the new frames."""
        if self._unprocessed is not None and any(sequence.num_frames_left < 2 for sequence in self.running):
            self._process_last_step()  # an utterance reaches its limit: the next step could exceed the slot
            return
        began, sequences = self._clock(), tuple(self.running)
        wait = self._start_step()
        self._process_last_step()
        try:
            rows = wait()
        except Exception as error:  # fail the newest sequence: memory sufficed before it was admitted
            self._record_failure(error)
            if self.running:
                self._fail(max(self.running, key=lambda sequence: sequence.started_at or 0.0), error)
            return
        self._costs = replace(self._costs, step_s=running_mean(self._costs.step_s, self._clock() - began))
        self._unprocessed = (sequences, rows)
        if not self.runner.runs_ahead:
            self._process_last_step()

    def _start_step(self) -> Callable[[], FrameRows]:
        """Start a step of all running sequences; return a function that waits for its frames, or raises its error."""
        longest = max(sequence.num_tokens for sequence in self.running) + (self._unprocessed is not None)
        try:
            return self.runner.start_step(len(self.running), longest, self._sampling_bounds(()))
        except Exception as error:
            failure = error

        def fail() -> FrameRows:
            raise failure

        return fail

    # after a step

    def _process_last_step(self) -> None:
        if self._unprocessed is not None:
            outputs, self._unprocessed = self._unprocessed, None
            self._process_outputs(*outputs)

    def _process_outputs(self, sequences: Sequence[SequenceState], rows: FrameRows) -> None:
        """Store the frames of `sequences`, emit the packets that are due, and end the sequences that are complete."""
        self.consecutive_failures = 0
        finished: dict[SequenceState, FinishReason] = {}
        invalid: list[SequenceState] = []
        due: list[SequenceState] = []
        for sequence, row in zip(sequences, rows, strict=True):
            if sequence not in self.running:  # it ended while this frame was computed
                continue
            status = int(row[-1])
            if status == SlotStatus.FRAME:
                sequence.add_frame(row[:-1])
            if status == SlotStatus.INVALID:
                invalid.append(sequence)
            elif status == SlotStatus.FINISHED:
                finished[sequence] = "stop"
            elif status == SlotStatus.FRAME and sequence.num_frames_left <= 0:
                finished[sequence] = "length"
            elif sequence.is_packet_due(self._costs.frame_s):
                due.append(sequence)
        self._packets.emit([*due, *finished])
        if not self.runner.runs_ahead:  # else packets are part of the time of a step
            self._costs = replace(self._costs, codec_s=self._packets.frame_codec_s)
        for sequence in invalid:
            self._handle_invalid(sequence)
        for sequence, reason in finished.items():
            if sequence in self.running:  # its last packet may have failed
                self._release_slot(sequence)
                self._finish(sequence, reason)

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
