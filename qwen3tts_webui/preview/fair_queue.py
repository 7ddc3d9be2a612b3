"""A fair queue of the utterances that are running or waiting.

Clients take turns, clause by clause. Among the utterances of one client the oldest comes first: a client plays them one
after the other anyway. An utterance without a client name is its own client. Utterances that are far ahead of playback
or waiting for text are skipped. Not thread-safe: the owner holds the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qwen3tts_webui.preview.utterance_state import UtteranceState


class FairQueue:
    """The utterances in order of arrival, and the last turn of each client."""

    def __init__(self) -> None:
        self._utterances: list[UtteranceState] = []
        self._last_turns: dict[object, int] = {}
        self._num_turns = 0

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

    def remove(self, state: UtteranceState) -> None:
        """Remove an utterance, and forget the turns of a client that has none left."""
        self._utterances.remove(state)
        if not any(_client(other) == _client(state) for other in self._utterances):
            self._last_turns.pop(_client(state), None)

    def pick(self, is_ready: Callable[[UtteranceState], bool]) -> Iterator[UtteranceState]:
        """Yield the ready utterances, best first: that of the client with the least recent turn."""
        ready = [state for state in self._utterances if is_ready(state)]
        oldest: dict[object, UtteranceState] = {}
        for state in ready:
            oldest.setdefault(_client(state), state)
        first = sorted(oldest.values(), key=lambda state: self._last_turns.get(_client(state), 0))
        yield from first
        yield from (state for state in ready if state not in first)

    def record_turn(self, state: UtteranceState) -> None:
        """The client of this utterance has its turn now."""
        self._num_turns += 1
        self._last_turns[_client(state)] = self._num_turns


def _client(state: UtteranceState) -> object:
    return state.utterance.client or id(state)
