"""The floor: who speaks in which slot, who waits, and one turn of it after the other.

In: seats in the queue. Out: sound in their sinks. Whatever goes wrong with one utterance ends that one and no more.
Decides nothing (`scheduler.plan` does) and computes nothing (the runner does); knows no thread. Speaker i is in slot i.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from qwen3tts_webui.engine.model_runner import Rows, Runner, Seating, Sounds
from qwen3tts_webui.engine.scheduler import Costs, Limits, Newcomer, Speaker, next_packet_frames, plan
from qwen3tts_webui.engine.sequence import Clock, Seat
from qwen3tts_webui.errors import NumericalError, OutOfMemory, SpeechError, SynthesisError
from qwen3tts_webui.model import SamplingBounds, SlotStatus
from qwen3tts_webui.types import SAMPLES_PER_FRAME, FinishReason

log = logging.getLogger(__name__)

_SMOOTHING = 0.2  # weight of the newest cost in the running mean


class Floor:
    """`turn` until it returns False, then again after a change. `queue` is shared with whoever fills it.

    `overflows` counts those who met invalid numbers; `unheard` are those among them of whom nothing was heard yet, with
    the error that they were not told: they can be tried again. `faults_in_a_row` counts since the last good turn;
    `speech_s` is what an utterance takes once it has a slot, as a running mean.
    """

    def __init__(self, runner: Runner, queue: list[Seat], *, group: int, clock: Clock) -> None:
        self.queue = queue
        self.speakers: list[Seat] = []
        self.overflows = 0
        self.unheard: list[tuple[Seat, NumericalError]] = []
        self.faults_in_a_row = 0
        self.speech_s = 5.0
        self._entering = 0
        self._opened = clock()
        self.runner = runner
        self._limits = Limits(slots=runner.slots, group=group)
        self._clock = clock
        self._costs = Costs(step_s=0.0, prefill_s=0.0)
        self._urgent_turns = 0
        talker = runner.model.config.talker
        self._num_codes = talker.vocab_size
        self._eos_id = runner.model.config.text.eos_id

    @property
    def num_speaking(self) -> int:
        """How many slots are taken, those of newcomers whose prompts are being read included."""
        return len(self.speakers) + self._entering

    def turn(self, *, admitting: bool = True) -> bool:
        """Do the next thing; False when there is nothing to do until a listener, a writer or a newcomer acts."""
        self._sweep()
        ready = [seat for seat in list(self.queue) if seat.prompt is not None] if admitting else []
        todo = plan(
            [Speaker(client=s.utterance.client, lead_s=s.lead_s, held=s.held) for s in self.speakers],
            [Newcomer(client=s.utterance.client, num_rows=len(s.begun.text)) for s in ready],
            limits=self._limits,
            costs=self._costs,
            urgent_turns=self._urgent_turns,
        )
        self._urgent_turns = self._urgent_turns + 1 if ready and todo.step else 0
        if todo.admit:
            self._admit([ready[position] for position in todo.admit])
        elif todo.step:
            self._step()
        return bool(todo.admit or todo.step)

    # before a turn

    def _sweep(self) -> None:
        """Let those go who left, give late text to those who wait for it, hold who must not step."""
        for seat in [seat for seat in (*self.speakers, *self.queue) if seat.sink.cancelled]:
            self._leave(seat)
            self._tell(seat, "cancelled")
        for seat in list(self.queue):
            try:
                seat.look(self.runner.kv_length)
            except Exception as error:
                self._drop(seat, error)
        for seat in list(self.speakers):
            try:
                if (text := seat.more_text(self._eos_id)) is not None:
                    start, ids, closed = text
                    self.runner.add_text(self.speakers.index(seat), start, ids, close=closed)
            except Exception as error:
                self._drop(seat, error)
        for slot, seat in enumerate(self.speakers):
            held = seat.sink.is_backpressured or seat.starved
            if held != seat.held:
                self.runner.hold(slot, held)
                seat.held = held

    # the two kinds of turns

    def _admit(self, seats: Sequence[Seat]) -> None:
        self._entering = len(seats)  # before they leave the queue: whoever counts finds them in one place at least
        for seat in seats:
            self.queue.remove(seat)
            seat.start()
        try:
            self._prefill(seats)
        finally:
            self._entering = 0

    def _prefill(self, seats: Sequence[Seat]) -> None:
        begun = self._clock()
        first = len(self.speakers)
        try:
            rows = self.runner.prefill([_seating(first + i, seat) for i, seat in enumerate(seats)], self._reach(seats))
        except Exception as error:
            self._fault(error)
            for slot in range(first, first + len(seats)):
                self.runner.free(slot, broken=True)
            if len(seats) == 1:
                tell_failure(seats[0], error)
            else:  # one of them, or being so many, is the cause: each tries alone
                for seat in seats:
                    self._prefill([seat])
            return
        self.speakers.extend(seats)
        for seat, prefix_hit in zip(seats, self.runner.prefix_hits, strict=True):
            seat.prefill_s, seat.prefix_hit = self.runner.device_s, prefix_hit
        self._costs = replace(self._costs, prefill_s=_mean(self._costs.prefill_s, self._clock() - begun))
        self._harvest(range(first, first + len(seats)), rows)

    def _step(self) -> None:
        begun = self._clock()
        longest = max(seat.num_rows for seat in self.speakers)
        try:
            rows = self.runner.step(len(self.speakers), longest, self._reach(()))
        except Exception as error:  # the one who came last must go: memory was enough before
            self._fault(error)
            self._drop(max(self.speakers, key=lambda seat: seat.started or 0.0), error)
            return
        self._costs = replace(self._costs, step_s=_mean(self._costs.step_s, self._clock() - begun))
        self._harvest(range(len(self.speakers)), rows)

    # after a turn

    def _harvest(self, slots: Sequence[int], rows: Rows) -> None:
        """Take what `slots` picked; deliver the packets that are due; say goodbye to who is done."""
        self.faults_in_a_row = 0
        endings: dict[Seat, FinishReason] = {}
        broken: list[Seat] = []
        due: list[Seat] = []
        for slot, row in zip(slots, rows, strict=True):
            seat, status = self.speakers[slot], int(row[-1])
            if status == SlotStatus.FRAME:
                seat.add_frame(row[:-1])
            if status == SlotStatus.INVALID:
                broken.append(seat)
            elif status == SlotStatus.FINISHED:
                endings[seat] = "stop"
            elif status == SlotStatus.FRAME and seat.spent:
                endings[seat] = "length"
            elif _packet_is_due(seat, self._costs.frame_s):
                due.append(seat)
        self._deliver([*due, *endings])
        for seat in broken:
            self._overflow(seat)
        for seat, stopped in endings.items():
            if seat in self.speakers:  # its last sound may have failed
                self._leave(seat)
                self._tell(seat, stopped)

    def _deliver(self, seats: Sequence[Seat]) -> None:
        """Turn the undecoded frames of `seats` into sound, as many together as have equally many."""
        by_length: dict[int, list[Seat]] = {}
        for seat in seats:
            if num_frames := len(seat.undecoded()):
                by_length.setdefault(num_frames, []).append(seat)
        for group in by_length.values():
            group.sort(key=self.speakers.index)
            self._decode(group)

    def _decode(self, group: Sequence[Seat]) -> None:
        begun = self._clock()
        slots = [self.speakers.index(seat) for seat in group]
        try:
            sounds: Sounds = self.runner.decode(slots, np.stack([seat.undecoded() for seat in group]))
        except Exception as error:
            self._fault(error)
            if len(group) == 1:
                self._drop(group[0], error)
                return
            for seat in group:  # the codec may have gone on for some of them: each begins anew, alone
                try:
                    self.runner.rehear(self.speakers.index(seat), seat.begun.context, seat.heard())
                except Exception as again:
                    self._drop(seat, again)
                else:
                    self._decode([seat])
            return
        took = self._clock() - begun
        if sounds.shape[1] == SAMPLES_PER_FRAME:
            self._costs = replace(self._costs, codec_s=_mean(self._costs.codec_s, took))
        codec_s = took if self.runner.device_s is None else self.runner.device_s
        for seat, pcm in zip(group, sounds, strict=True):
            if not np.isfinite(pcm).all():
                self._drop(seat, NumericalError(where="sound", dtype="float32"))
                continue
            try:
                seat.deliver(pcm, codec_s)
            except Exception as error:
                self._drop(seat, error)

    # endings

    def _overflow(self, seat: Seat) -> None:
        """The model's numbers are invalid; the engine may try `seat` in a wider type if nothing was heard yet."""
        error = NumericalError(where="logits", dtype=str(self.runner.model.dtype).removeprefix("torch."))
        log.error("an utterance ended: %s", error)
        self.overflows += 1
        if seat.num_packets or seat.utterance.text_stream is not None:
            self._drop(seat, error)
        else:
            self._leave(seat, broken=True)
            self.unheard.append((seat, error))

    def _drop(self, seat: Seat, error: Exception) -> None:
        self._leave(seat, broken=True)
        tell_failure(seat, error)

    def _leave(self, seat: Seat, *, broken: bool = False) -> None:
        """Free the place of `seat`; the last speaker moves into the hole."""
        if seat in self.queue:
            self.queue.remove(seat)
        if seat not in self.speakers:
            return
        slot, last = self.speakers.index(seat), len(self.speakers) - 1
        self.runner.free(slot, broken=broken)
        if slot != last:
            self.runner.move(last, slot, self.speakers[last].num_rows)
            self.speakers[slot] = self.speakers[last]
        self.speakers.pop()

    def _tell(self, seat: Seat, stopped: FinishReason) -> None:
        if seat.started is not None:
            self.speech_s = _mean(self.speech_s, self._clock() - seat.started)
        try:
            seat.sink.finish(seat.spoken(stopped, cold=seat.asked < self._opened))
        except Exception:
            log.exception("a listener could not be told that its speech is over")

    def _fault(self, error: Exception) -> None:
        self.faults_in_a_row += 1
        log.error("the device failed: %s", error, exc_info=error)

    def _reach(self, newcomers: Sequence[Seat]) -> SamplingBounds:
        samplings = [seat.utterance.sampling for seat in (*self.speakers, *newcomers)]
        return SamplingBounds.of(samplings, self._num_codes)


def as_speech_error(error: Exception) -> SpeechError:
    """`error` as one of our tree."""
    if isinstance(error, SpeechError):
        return error
    short = "not enough memory" in str(error) or "out of memory" in str(error)
    ours = OutOfMemory() if short or isinstance(error, MemoryError | torch.OutOfMemoryError) else SynthesisError()
    ours.__cause__ = error
    return ours


def tell_failure(seat: Seat, error: Exception) -> None:
    """End the speech of `seat` with `error`; its sink may do what it likes."""
    try:
        seat.sink.fail(as_speech_error(error))
    except Exception:
        log.exception("a listener could not be told that its speech failed")


def _seating(slot: int, seat: Seat) -> Seating:
    return Seating(slot, seat.begun, seat.utterance.sampling, seat.utterance.seed)


def _packet_is_due(seat: Seat, frame_s: float) -> bool:
    waiting = len(seat.undecoded())
    if seat.starved:
        return waiting > 0
    wanted = next_packet_frames(
        packets_sent=seat.num_packets,
        lead_s=seat.lead_s or 0.0,
        frame_s=frame_s,
        asked=seat.utterance.frames_per_packet,
    )
    return waiting >= wanted


def _mean(old: float, new: float) -> float:
    return new if old == 0.0 else old + _SMOOTHING * (new - old)
