"""What the engine does next: a pure function of who speaks and who waits.

In: plain facts about listeners. Out: one `Plan`. Knows no tensor, no thread and no clock; tables test it.

The order of a turn: listeners about to run dry are stepped before anything else; else newcomers are taken in (as many
as fit, prefilled together); else everyone steps who wants sound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_FRAME_S = 0.08


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """One utterance that has a slot.

    `lead_s` is sound already made that the listener has not heard yet, None before the first packet; `held` is True
    while it must not step: its listener is far behind, or its text is late.
    """

    client: str
    lead_s: float | None = None
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """One utterance in the queue, which is in order of arrival; `num_rows` is the length of its prompt."""

    client: str
    num_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a turn is expected to take on this device, in seconds, measured as it runs."""

    step_s: float
    prefill_s: float
    codec_s: float = 0.0  # of packets of one frame

    @property
    def frame_s(self) -> float:
        """A frame with a packet of its own."""
        return self.step_s + self.codec_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`slots` utterances at once; at most `group` newcomers and `group_rows` prompt rows in one prefill."""

    slots: int
    group: int = 8
    group_rows: int = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The next turn: take in these positions of the queue, or step these of the speakers; both empty: nothing to do."""

    admit: tuple[int, ...] = ()
    step: tuple[int, ...] = ()


def plan(
    speakers: Sequence[Speaker],
    queue: Sequence[Newcomer],
    *,
    limits: Limits,
    costs: Costs,
    urgent_turns: int = 0,
) -> Plan:
    """Decide one turn.

    A speaker is about to run dry when its lead would not outlast a prefill and a step. `urgent_turns` is how many turns
    in a row were given to such speakers while somebody waited: after `limits.slots` of them a newcomer is taken in all
    the same, so that an overloaded device starves nobody.
    """
    willing = tuple(row for row, speaker in enumerate(speakers) if not speaker.held)
    admit = _choose(speakers, queue, limits)
    if admit and urgent_turns < limits.slots:
        horizon_s = costs.prefill_s + costs.step_s
        leads = (speakers[row].lead_s for row in willing)
        if any(lead_s is not None and lead_s < horizon_s for lead_s in leads):
            return Plan(step=willing)
    return Plan(admit=admit) if admit else Plan(step=willing)


def _choose(speakers: Sequence[Speaker], queue: Sequence[Newcomer], limits: Limits) -> tuple[int, ...]:
    """Positions of the queue to take in together: those whose client has the fewest slots first, then by arrival."""
    places = Counter(speaker.client for speaker in speakers)
    left = set(range(len(queue)))
    chosen: list[int] = []
    room, rows = limits.slots - len(speakers), limits.group_rows
    while left and len(chosen) < min(room, limits.group):
        first = min(left, key=lambda position: (places[queue[position].client], position))
        if chosen and queue[first].num_rows > rows:
            break
        left.remove(first)
        chosen.append(first)
        rows -= queue[first].num_rows
        places[queue[first].client] += 1
    return tuple(chosen)


def next_packet_frames(*, packets_sent: int, lead_s: float, frame_s: float, asked: int | None = None) -> int:
    """How many frames the next packet of an utterance carries: 1, 1, 2, 4 while the listener has that much in hand.

    `asked` fixes the size for those who want it so. Small packets are heard sooner, large ones cost the codec less. So
    where a frame in a packet of its own takes longer (`frame_s`) than it sounds, packets grow all the same, and
    further: the listener would run dry with small ones.
    """
    if asked is not None:
        return asked
    if frame_s > _FRAME_S:
        return (1, 1, 2, 4, 8)[min(packets_sent, 4)]
    grown = (1, 1, 2, 4)[min(packets_sent, 3)]
    while grown > 1 and lead_s < grown * _FRAME_S:
        grown //= 2
    return grown
