"""Decide the engine's next step: a pure function of the running and waiting sequences.

In: plain facts about sequences. Out: a `SchedulerDecision`. Knows no tensor, thread or clock; tested by tables.

Priority: decode if a listener is about to underrun; else admit waiting sequences (as many as fit, prefilled together);
else decode all sequences that are not idle. `fair_share` decides which client is next, and who gives up a slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qwen3tts_webui.fair_share import Admission, RunningClaim, WaitingClaim, admit

_FRAME_S = 0.08
_SMOOTHING = 0.2  # weight of the newest value in a running mean


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingSequence(WaitingClaim):
    """A sequence in the queue, which is in order of arrival; `num_tokens` is the length of its prompt."""

    num_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCosts:
    """The expected duration of each kind of step on this device, in seconds, measured while it runs."""

    step_s: float
    prefill_s: float
    codec_s: float = 0.0  # for packets of a single frame

    @property
    def frame_s(self) -> float:
        """A frame in a packet of its own."""
        return self.step_s + self.codec_s


def running_mean(mean: float, value: float) -> float:
    """Return `mean`, 0 before the first value, updated by `value`."""
    return value if mean == 0.0 else mean + _SMOOTHING * (value - mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerLimits:
    """`slots` sequences at once; at most `max_prefill_batch` prompts and `max_prefill_tokens` in one prefill."""

    slots: int
    max_prefill_batch: int = 8
    max_prefill_tokens: int = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerDecision:
    """Positions in the queue to admit, or running sequences to decode; both empty if there is nothing to do.

    Running sequences in `displaced` give up their slots first. `admit` are all new, or one that had a slot before.
    """

    admit: tuple[int, ...] = ()
    displaced: tuple[int, ...] = ()
    decode: tuple[int, ...] = ()


def schedule(
    running: Sequence[RunningClaim],
    queue: Sequence[WaitingSequence],
    *,
    limits: SchedulerLimits,
    costs: StepCosts,
    consecutive_urgent_steps: int = 0,
) -> SchedulerDecision:
    """Decide the next step.

    A listener is about to underrun if its buffered audio is shorter than a prefill and a step.
    `consecutive_urgent_steps` counts decode steps in a row with a non-empty queue: after `limits.slots` of them a
    waiting sequence is admitted anyway, so that overload never starves the queue.
    """
    active = tuple(row for row, claim in enumerate(running) if not claim.idle)
    admissions = _select_waiting(running, queue, limits)
    if admissions and consecutive_urgent_steps < limits.slots:
        horizon_s = costs.prefill_s + costs.step_s
        buffered = (running[row].buffered_ahead_s for row in active)
        if any(ahead_s is not None and ahead_s < horizon_s for ahead_s in buffered):
            return SchedulerDecision(decode=active)
    if not admissions:
        return SchedulerDecision(decode=active)
    return SchedulerDecision(
        admit=tuple(one.position for one in admissions),
        displaced=tuple(one.displaced for one in admissions if one.displaced is not None),
    )


def _select_waiting(
    running: Sequence[RunningClaim], queue: Sequence[WaitingSequence], limits: SchedulerLimits
) -> tuple[Admission, ...]:
    """Return what to admit together: prompts within the limits of a prefill, or one sequence that had a slot before."""
    selected: list[Admission] = []
    free_tokens = limits.max_prefill_tokens
    for admission in admit(running, queue, slots=limits.slots, limit=limits.max_prefill_batch):
        sequence = queue[admission.position]
        if selected and (sequence.started or sequence.num_tokens > free_tokens):
            break
        selected.append(admission)
        free_tokens -= sequence.num_tokens
        if sequence.started:
            break
    return tuple(selected)


def next_packet_frames(*, packets_sent: int, buffered_ahead_s: float, frame_s: float, fixed: int | None = None) -> int:
    """Return the number of frames in the next packet: 1, 1, 2, 4 while the listener has that much audio buffered.

    `fixed` is the size that the request sets. Small packets start sooner, large ones cost the codec less. If a frame
    in a packet of its own (`frame_s`) takes longer than it plays, packets grow regardless and further: small packets
    would underrun.
    """
    if fixed is not None:
        return fixed
    if frame_s > _FRAME_S:
        return (1, 1, 2, 4, 8)[min(packets_sent, 4)]
    num_frames = (1, 1, 2, 4)[min(packets_sent, 3)]
    while num_frames > 1 and buffered_ahead_s < num_frames * _FRAME_S:
        num_frames //= 2
    return num_frames
