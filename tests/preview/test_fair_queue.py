"""Which clause comes next: clients take turns, and utterances of one client come in order until one is well ahead."""

from __future__ import annotations

import numpy as np
import pytest

from qwen3tts_webui.preview.fair_queue import ENOUGH_LEAD_S, PATIENCE_S, FairQueue
from qwen3tts_webui.preview.utterance_state import UtteranceState
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.types import SAMPLE_RATE, Utterance

LONG = "The quick brown fox jumps over the lazy dog, and everybody knows why it does that. " * 5


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def add(queue: FairQueue, client: str, clock: Clock) -> UtteranceState:
    state = UtteranceState(Utterance(text=LONG, client=client), PcmStream(), clock)
    queue.add([state])
    return state


def send(queue: FairQueue, state: UtteranceState, seconds: float) -> None:
    assert state.has_clause() and state.next_clause().text
    state.put(np.zeros(round(seconds * SAMPLE_RATE), np.float32))
    queue.charge(state, round(seconds * SAMPLE_RATE))


def is_ready(state: UtteranceState) -> bool:
    return state.has_clause()


@pytest.mark.parametrize(("lead_s", "second_is_next"), [(ENOUGH_LEAD_S - 1, False), (ENOUGH_LEAD_S + 1, True)])
def test_one_client_is_heard_in_order_until_well_ahead(lead_s: float, second_is_next: bool) -> None:
    queue, clock = FairQueue(), Clock()
    first, second = add(queue, "a", clock), add(queue, "a", clock)
    assert queue.next(is_ready) is first
    send(queue, first, lead_s)
    assert queue.next(is_ready) is (second if second_is_next else first)


def test_playback_takes_the_lead_away_again() -> None:
    queue, clock = FairQueue(), Clock()
    first, second = add(queue, "a", clock), add(queue, "a", clock)
    send(queue, first, ENOUGH_LEAD_S + 1)
    send(queue, second, ENOUGH_LEAD_S + 1)
    assert queue.next(is_ready) is first
    clock.now += 2.0
    assert queue.next(is_ready) is first


def test_a_first_clause_does_not_wait_for_a_long_utterance_to_end() -> None:
    queue, clock = FairQueue(), Clock()
    first, second = add(queue, "a", clock), add(queue, "a", clock)
    send(queue, first, 1.0)
    clock.now = PATIENCE_S + 1
    assert queue.next(is_ready) is second
    send(queue, second, 1.0)
    assert queue.next(is_ready) is first


def test_an_utterance_ends_as_soon_as_all_is_sent() -> None:
    queue, clock = FairQueue(), Clock()
    add(queue, "a", clock)
    short = UtteranceState(Utterance(text="One.", client="a"), PcmStream(), clock)
    queue.add([short])
    send(queue, short, 1.0)
    assert queue.next(is_ready) is short and short.next_clause().text == ""


def test_an_end_does_not_wait_for_a_newer_utterance() -> None:
    queue, clock = FairQueue(), Clock()
    short = UtteranceState(Utterance(text="One.", client="a"), PcmStream(), clock)
    queue.add([short])
    send(queue, short, ENOUGH_LEAD_S + 1)
    newer = add(queue, "a", clock)
    clock.now = PATIENCE_S + 1
    assert newer.waited_s > PATIENCE_S
    assert queue.next(is_ready) is short and short.next_clause().text == ""


def test_clients_take_turns() -> None:
    queue, clock = FairQueue(), Clock()
    first, other = add(queue, "a", clock), add(queue, "b", clock)
    send(queue, first, 1.0)
    assert queue.next(is_ready) is other
    send(queue, other, 2.0)
    assert queue.next(is_ready) is first
