"""Whose turn it is: the utterances that wait or speak, and the rule that picks the next clause.

Clients take turns, clause by clause. Of one client's utterances the oldest goes first: a client hears one after the
other anyway. An utterance without a client's name is its own client. Whoever is far ahead of the listener, or waits for
text, is passed over. Not thread-safe: the owner holds the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qwen3tts_webui.preview.utterance_state import UtteranceState


class FairQueue:
    """The jobs in the order they came, and which client spoke last."""

    def __init__(self) -> None:
        self._jobs: list[UtteranceState] = []
        self._spoke_at: dict[object, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[UtteranceState]:
        return iter(tuple(self._jobs))

    @property
    def speaking(self) -> int:
        """How many have begun."""
        return sum(job.started for job in self._jobs)

    def add(self, jobs: Sequence[UtteranceState]) -> None:
        self._jobs += jobs

    def remove(self, job: UtteranceState) -> None:
        self._jobs.remove(job)
        if not any(_client(other) == _client(job) for other in self._jobs):
            self._spoke_at.pop(_client(job), None)

    def pick(self, may_go: Callable[[UtteranceState], bool]) -> Iterator[UtteranceState]:
        """The jobs that `may_go`, best first: one of the client whose last turn is longest ago."""
        eligible = [job for job in self._jobs if may_go(job)]
        oldest: dict[object, UtteranceState] = {}
        for job in eligible:
            oldest.setdefault(_client(job), job)
        first = sorted(oldest.values(), key=lambda job: self._spoke_at.get(_client(job), 0))
        yield from first
        yield from (job for job in eligible if job not in first)

    def record_turn(self, job: UtteranceState) -> None:
        self._count += 1
        self._spoke_at[_client(job)] = self._count


def _client(job: UtteranceState) -> object:
    return job.utterance.client or id(job)
