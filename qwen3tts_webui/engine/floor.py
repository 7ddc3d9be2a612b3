"""The floor: who speaks in which slot, who waits, and one turn of it after the other.

In: seats in the queue. Out: sound in their sinks. Whatever goes wrong with one utterance ends that one and no more.
Decides nothing (`scheduler.plan` does) and computes nothing (the runner does); knows no thread. Speaker i is in slot i.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np
import torch

from qwen3tts_webui.engine.runner import Rows, Runner, Seating, Sounds
from qwen3tts_webui.engine.scheduler import Costs, Limits, Newcomer, Speaker, next_packet_frames, plan
from qwen3tts_webui.engine.seat import Clock, Seat
from qwen3tts_webui.errors import NumericalError, OutOfMemory, SpeechError, SynthesisError
from qwen3tts_webui.model.frame import BROKEN, END, FRAME
from qwen3tts_webui.model.sampling import Reach
from qwen3tts_webui.types import Stopped

log = logging.getLogger(__name__)

_SMOOTHING = 0.2  # weight of the newest cost in the running mean


class Floor:
    """`turn` until it returns False, then again after a change. `overflowed` collects who met invalid numbers."""

    def __init__(self, runner: Runner, *, group: int, clock: Clock) -> None:
        self.queue: list[Seat] = []
        self.speakers: list[Seat] = []
        self.overflowed: list[Seat] = []
        self.cold = True
        self.faults_in_a_row = 0
        self.speech_s = 5.0  # what an utterance takes once it has a slot, as a running mean
        self._runner = runner
        self._limits = Limits(slots=runner.slots, group=group)
        self._clock = clock
        self._costs = Costs(step_s=0.0, prefill_s=0.0)
        self._urgent_turns = 0
        talker = runner.model.spec.talker
        self._num_codes = talker.vocab_size
        self._eos_id = runner.model.spec.text.eos_id

    def turn(self, *, admitting: bool = True) -> bool:
        """Do the next thing; False when there is nothing to do until a listener, a writer or a newcomer acts."""
        self._sweep()
        ready = [seat for seat in self.queue if seat.prompt is not None] if admitting else []
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

    def fail_all(self, make_error: Callable[[], SpeechError]) -> None:
        """End whoever speaks or waits."""
        for seat in [*self.speakers, *self.queue]:
            self._drop(seat, make_error())

    # before a turn

    def _sweep(self) -> None:
        """Let those go who left, give late text to those who wait for it, hold who must not step."""
        for seat in [seat for seat in (*self.speakers, *self.queue) if seat.sink.cancelled]:
            self._leave(seat)
            self._tell(seat, "cancelled")
        for seat in list(self.queue):
            try:
                seat.look()
            except Exception as error:
                self._drop(seat, error)
        for seat in list(self.speakers):
            try:
                if (text := seat.more_text(self._eos_id)) is not None:
                    start, ids, closed = text
                    self._runner.add_text(self.speakers.index(seat), start, ids, close=closed)
            except Exception as error:
                self._drop(seat, error)
        for slot, seat in enumerate(self.speakers):
            held = seat.sink.full or seat.starved
            if held != seat.held:
                self._runner.hold(slot, held)
                seat.held = held

    # the two kinds of turns

    def _admit(self, seats: Sequence[Seat]) -> None:
        for seat in seats:
            self.queue.remove(seat)
            seat.start()
        begun = self._clock()
        first = len(self.speakers)
        try:
            rows = self._runner.prefill(
                [_seating(first + i, seat) for i, seat in enumerate(seats)], _reach(self, seats)
            )
        except Exception as error:
            self._fault(error)
            for slot in range(first, first + len(seats)):
                self._runner.free(slot, broken=True)
            if len(seats) == 1:
                self._end(seats[0], error)
            else:  # one of them, or being so many, is the cause: each tries alone
                for seat in seats:
                    self.queue.insert(0, seat)
                    self._admit([seat])
            return
        self.speakers.extend(seats)
        self._costs = Costs(step_s=self._costs.step_s, prefill_s=_mean(self._costs.prefill_s, self._clock() - begun))
        self._harvest(range(first, first + len(seats)), rows)

    def _step(self) -> None:
        begun = self._clock()
        longest = max(seat.num_rows for seat in self.speakers)
        try:
            rows = self._runner.step(len(self.speakers), longest, _reach(self, ()))
        except Exception as error:  # the one who came last must go: memory was enough before
            self._fault(error)
            self._drop(max(self.speakers, key=lambda seat: seat.started_at), error)
            return
        self._costs = Costs(step_s=_mean(self._costs.step_s, self._clock() - begun), prefill_s=self._costs.prefill_s)
        self._harvest(range(len(self.speakers)), rows)

    # after a turn

    def _harvest(self, slots: Sequence[int], rows: Rows) -> None:
        """Take what `slots` picked; deliver the packets that are due; say goodbye to who is done."""
        self.faults_in_a_row = 0
        endings: dict[Seat, Stopped] = {}
        broken: list[Seat] = []
        due: list[Seat] = []
        for slot, row in zip(slots, rows, strict=True):
            seat, status = self.speakers[slot], int(row[-1])
            if status == FRAME:
                seat.add_frame(row[:-1])
            if status == BROKEN:
                broken.append(seat)
            elif status == END:
                endings[seat] = "end"
            elif status == FRAME and seat.spent:
                endings[seat] = "cap"
            elif _packet_is_due(seat):
                due.append(seat)
        self._deliver([*due, *endings])
        for seat in broken:
            self._overflow(seat, "logits", str(self._runner.model.dtype).removeprefix("torch."))
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
            sounds: Sounds = self._runner.decode(slots, np.stack([seat.undecoded() for seat in group]))
        except Exception as error:
            self._fault(error)
            if len(group) == 1:
                self._drop(group[0], error)
                return
            for seat in group:
                self._decode([seat])
            return
        codec_s = self._clock() - begun
        for seat, pcm in zip(group, sounds, strict=True):
            if not np.isfinite(pcm).all():
                self._overflow(seat, "sound", "float32")
                continue
            try:
                seat.deliver(pcm, codec_s)
            except Exception as error:
                self._drop(seat, error)

    # endings

    def _overflow(self, seat: Seat, where: str, dtype: str) -> None:
        """`seat` met invalid numbers; the engine may try it again in a wider type if nothing was heard yet."""
        self._leave(seat, broken=True)
        error = NumericalError(where=where, dtype=dtype)
        log.error("an utterance ended: %s", error)
        self.overflowed.append(seat)
        if seat.num_packets or seat.utterance.feed is not None:
            self._end(seat, error)

    def _drop(self, seat: Seat, error: Exception) -> None:
        self._leave(seat, broken=True)
        self._end(seat, error)

    def _leave(self, seat: Seat, *, broken: bool = False) -> None:
        """Free the place of `seat`; the last speaker moves into the hole."""
        if seat in self.queue:
            self.queue.remove(seat)
        if seat not in self.speakers:
            return
        slot, last = self.speakers.index(seat), len(self.speakers) - 1
        self._runner.free(slot, broken=broken)
        if slot != last:
            self._runner.move(last, slot, self.speakers[last].num_rows)
            self.speakers[slot] = self.speakers[last]
        self.speakers.pop()

    def _tell(self, seat: Seat, stopped: Stopped) -> None:
        self.speech_s = _mean(self.speech_s, self._clock() - seat.started_at)
        try:
            seat.sink.finish(seat.spoken(stopped, cold=self.cold))
        except Exception:
            log.exception("a listener could not be told that its speech is over")

    def _end(self, seat: Seat, error: Exception) -> None:
        try:
            seat.sink.fail(as_speech_error(error))
        except Exception:
            log.exception("a listener could not be told that its speech failed")

    def _fault(self, error: Exception) -> None:
        self.faults_in_a_row += 1
        log.error("the device failed: %s", error, exc_info=error)


def as_speech_error(error: Exception) -> SpeechError:
    """`error` as one of our tree."""
    if isinstance(error, SpeechError):
        return error
    short = "not enough memory" in str(error) or "out of memory" in str(error)
    ours = OutOfMemory() if short or isinstance(error, MemoryError | torch.OutOfMemoryError) else SynthesisError()
    ours.__cause__ = error
    return ours


def _seating(slot: int, seat: Seat) -> Seating:
    return Seating(slot, seat.begun, seat.utterance.sampling, seat.utterance.seed)


def _reach(floor: Floor, newcomers: Sequence[Seat]) -> Reach:
    samplings = [seat.utterance.sampling for seat in (*floor.speakers, *newcomers)]
    return Reach.of(samplings, floor._num_codes)


def _packet_is_due(seat: Seat) -> bool:
    waiting = len(seat.undecoded())
    if seat.starved:
        return waiting > 0
    wanted = next_packet_frames(
        packets_sent=seat.num_packets, lead_s=seat.lead_s or 0.0, asked=seat.utterance.packet_frames
    )
    return waiting >= wanted


def _mean(old: float, new: float) -> float:
    return new if old == 0.0 else old + _SMOOTHING * (new - old)
