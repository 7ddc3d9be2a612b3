"""A fair queue of the utterances that are running or waiting.

The client that has received least audio comes next, clause by clause (`fair_share`). Among the utterances of one client
the oldest comes first, as a client usually plays them one after the other, unless it is well ahead of playback or a
newer one has long waited for its first clause. Those with a full sink and those that wait for text are skipped. Not
thread-safe: the owner holds the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qwen3tts_webui.fair_share import FairShares
from qwen3tts_webui.preview.utterance_state import UtteranceState
from qwen3tts_webui.types import SAMPLE_RATE

ENOUGH_LEAD_S = 6.0
"""Seconds ahead of playback after which other utterances of the same client come first: about two clauses' time."""
PATIENCE_S = 5.0
"""Seconds after which the first clause of an utterance comes before the next one of an older utterance."""


class FairQueue:
    """The utterances in order of arrival, and what each client has received."""

    def __init__(self) -> None:
        self._utterances: list[UtteranceState] = []
        self._shares = FairShares()

    def __len__(self) -> int:
        return len(self._utterances)

    def __iter__(self) -> Iterator[UtteranceState]:
        return iter(tuple(self._utterances))

    @property
    def num_started(self) -> int:
        """How many have started."""
        return sum(state.started for state in self._utterances)

    def add(self, states: Sequence[UtteranceState]) -> None:
        """Append utterances."""
        self._utterances += states
        self._update_clients()

    def remove(self, state: UtteranceState) -> None:
        """Remove an utterance."""
        self._utterances.remove(state)
        self._update_clients()

    def next(self, is_ready: Callable[[UtteranceState], bool]) -> UtteranceState | None:
        """Return the utterance that is next: of the client that has received least, a new one before others."""
        chosen: dict[str, UtteranceState] = {}
        for state in filter(is_ready, self._utterances):
            older = chosen.setdefault(state.client, state)
            if _place(state) < _place(older):
                chosen[state.client] = state
        return min(chosen.values(), key=self._precedence, default=None)

    def must_yield(self, state: UtteranceState, is_ready: Callable[[UtteranceState], bool]) -> bool:
        """Return True if another client, which has no audio yet, should not wait for the clause of `state`."""
        return any(
            other.nothing_sent
            and other.client != state.client
            and self._shares.served(other.client) <= self._shares.served(state.client)
            and is_ready(other)
            for other in self._utterances
        )

    def charge(self, state: UtteranceState, num_samples: int) -> None:
        """Record that the client of `state` received `num_samples` of audio."""
        self._shares.charge(state.client, state.utterance.weight, num_samples / SAMPLE_RATE)

    def _precedence(self, state: UtteranceState) -> tuple[float, bool]:
        return self._shares.served(state.client), not state.nothing_sent

    def _update_clients(self) -> None:
        self._shares.set_active(state.client for state in self._utterances)


def _place(state: UtteranceState) -> int:
    """The rank of an utterance among those of its client, the lowest first, then by arrival."""
    if state.all_sent:
        return 0  # reporting an end takes no time
    if state.waited_s > PATIENCE_S:
        return 1
    return 3 if state.lead_s > ENOUGH_LEAD_S else 2
