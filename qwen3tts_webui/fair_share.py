"""Decide who is served next, for all engines: clients take turns, by weight.

In: the utterances that run and wait, as plain facts. Out: which waiting ones get a slot, and which running ones give
theirs up for it. A listener that does not read, and text that is late, hold no slot that others need. Also measures how
long a slot is held, for `Retry-After`. Knows no engine, thread or clock.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qwen3tts_webui.errors import Busy
from qwen3tts_webui.types import EngineLoad

TURN_S = 1.0
"""Seconds of audio, at weight 1, that one client may be ahead of another before it gives up its slot."""
MAX_UNREAD = 4
"""Unread utterances of one client beyond its slots that may be kept without one: each takes memory."""

_SMOOTHING = 0.2
_FIRST_GUESS_S = 5.0
_EPSILON = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingClaim:
    """An utterance without a slot. `served_s` is the audio of its client so far, by weight (`FairShares.served`).

    `started`: it had a slot before. `idle`: it cannot continue now, because its listener does not read or its text is
    late.
    """

    client: str
    weight: float = 1.0
    served_s: float = 0.0
    started: bool = False
    idle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningClaim:
    """An utterance with a slot. `may_yield`: it has made a packet since it got the slot.

    `buffered_ahead_s` is audio emitted but not yet played, None before the first packet.
    """

    client: str
    weight: float = 1.0
    served_s: float = 0.0
    buffered_ahead_s: float | None = None
    idle: bool = False
    may_yield: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """Waiting utterance `position` gets a slot: a free one, or that of running utterance `displaced`."""

    position: int
    displaced: int | None = None


def client_key(client: str, utterance: object) -> str:
    """Return the key of `client` for fair queueing; without a name, `utterance` is its own client."""
    return client or f"#{id(utterance)}"


class FairShares:
    """Seconds of audio that each client has received, divided by its weight."""

    def __init__(self) -> None:
        self._served: dict[str, float] = {}
        self._active: frozenset[str] = frozenset()

    def served(self, client: str) -> float:
        """Return the weighted audio of an active client in seconds."""
        return self._served.get(client, 0.0)

    def set_active(self, clients: Iterable[str]) -> None:
        """`clients` have utterances now. A new one starts level with the one that has received least.

        A client that leaves and comes back has no advantage over those that stayed.
        """
        active = frozenset(clients)
        if active == self._active:
            return
        stayed = [self.served(client) for client in active & self._active]
        level = min(stayed, default=0.0)
        known = self._served if stayed else {}
        self._served = {client: served for client, served in known.items() if client in active or served > level}
        for client in active:
            self._served[client] = max(level, self.served(client))
        self._active = active

    def charge(self, client: str, weight: float, seconds: float) -> None:
        """Record that `client` received `seconds` of audio."""
        self._served[client] = self.served(client) + seconds / weight


def admit(
    running: Sequence[RunningClaim], waiting: Sequence[WaitingClaim], *, slots: int, limit: int
) -> tuple[Admission, ...]:
    """Return up to `limit` admissions, best first: of the client that has received least, then by arrival."""
    return _Allocation(running, waiting, slots).admissions(limit) if waiting else ()


class _Allocation:
    """The slots while they are being handed out. Of each client, only the first that waits can be next."""

    def __init__(self, running: Sequence[RunningClaim], waiting: Sequence[WaitingClaim], slots: int) -> None:
        self._running = running
        self._waiting = waiting
        self._slots = slots
        self._rows = set(range(len(running)))
        self._free = slots - len(running)
        self._held = Counter(claim.client for claim in running)
        self._unread = Counter(claim.client for claim in running if claim.idle)
        self._unread.update(claim.client for claim in waiting if claim.idle)
        self._waiting_by_client: dict[str, deque[int]] = {}
        for position, claim in enumerate(waiting):
            if not claim.idle:
                self._waiting_by_client.setdefault(claim.client, deque()).append(position)

    def admissions(self, limit: int) -> tuple[Admission, ...]:
        chosen: list[Admission] = []
        while self._waiting_by_client and len(chosen) < limit:
            position = min((positions[0] for positions in self._waiting_by_client.values()), key=self._precedence)
            claim = self._waiting[position]
            displaced = None if self._free > 0 else self._row_to_displace(claim)
            if self._free <= 0 and displaced is None:
                del self._waiting_by_client[claim.client]
                continue
            if displaced is None:
                self._free -= 1
            else:
                self._rows.remove(displaced)
                self._held[self._running[displaced].client] -= 1
            self._held[claim.client] += 1
            chosen.append(Admission(position, displaced))
            self._waiting_by_client[claim.client].popleft()
            if not self._waiting_by_client[claim.client]:
                del self._waiting_by_client[claim.client]
        return tuple(chosen)

    def _precedence(self, position: int) -> tuple[float, bool, int]:
        claim = self._waiting[position]
        return self._load(claim), claim.started, position

    def _load(self, claim: WaitingClaim | RunningClaim) -> float:
        """Weighted seconds that its client has received, and will receive in this turn."""
        return claim.served_s + self._held[claim.client] * TURN_S / claim.weight

    def _row_to_displace(self, claim: WaitingClaim) -> int | None:
        """Return the row that gives up its slot for `claim`: its listener loses least of all, if any must."""
        keeps_own = self._unread[claim.client] >= self._slots + MAX_UNREAD
        idle = [
            row
            for row in self._rows
            if self._running[row].idle and not (keeps_own and self._running[row].client == claim.client)
        ]
        candidates = idle or [row for row in self._rows if self._must_yield(self._running[row], claim)]
        return max(candidates, key=self._eagerness, default=None)

    def _must_yield(self, victim: RunningClaim, claim: WaitingClaim) -> bool:
        if victim.idle or not victim.may_yield or victim.client == claim.client:
            return False
        lead = self._load(victim) - TURN_S / victim.weight - self._load(claim)
        return lead >= (TURN_S if claim.started else 0.0) - _EPSILON

    def _eagerness(self, row: int) -> tuple[float, float]:
        claim = self._running[row]
        return self._load(claim), claim.buffered_ahead_s or 0.0


class ServiceTime:
    """How long a slot is held, as a running mean in seconds."""

    def __init__(self) -> None:
        self._mean_s: float | None = None

    def add(self, seconds: float) -> None:
        """Record that an utterance held its slot for `seconds`."""
        mean = self._mean_s
        self._mean_s = seconds if mean is None else mean + _SMOOTHING * (seconds - mean)

    @property
    def mean_s(self) -> float | None:
        """The mean; None before the first utterance."""
        return self._mean_s


def retry_after_s(service_s: float | None, *, waiting: int, slots: int) -> int:
    """Return whole seconds, 1 to 60, after which a slot is likely to be free behind `waiting` others.

    `service_s` is how long a slot is held (`ServiceTime`).
    """
    mean = _FIRST_GUESS_S if service_s is None else service_s
    return max(1, min(60, round((waiting + 1) / max(1, slots) * mean)))


def check_capacity(load: EngineLoad, requested: Sequence[str]) -> None:
    """Raise `Busy` if utterances of the clients `requested` cannot wait as well.

    New clients, which have no utterance yet, may exceed the size of the queue by a quarter, so that no client can shut
    out the others.
    """
    capacity = load.queue_size + max(0, load.slots - load.running)
    is_new = all(requested) and load.clients.isdisjoint(requested)
    if load.queued + len(requested) > capacity + (load.queue_size // 4 if is_new else 0):
        seconds = retry_after_s(load.service_s, waiting=load.queued, slots=load.slots)
        raise Busy(waiting=load.queued, retry_after_s=seconds)
