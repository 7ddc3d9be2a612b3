"""The scheduler, by tables."""

import pytest

from qwen3tts_webui.engine.scheduler import (
    SchedulerDecision,
    SchedulerLimits,
    StepCosts,
    WaitingSequence,
    next_packet_frames,
    schedule,
)
from qwen3tts_webui.fair_share import RunningClaim

COSTS = StepCosts(step_s=0.01, prefill_s=0.02)


def running(*buffered_ahead_s: float | None, client: str = "a", paused: bool = False) -> list[RunningClaim]:
    return [RunningClaim(client=client, buffered_ahead_s=ahead_s, idle=paused) for ahead_s in buffered_ahead_s]


def queue(*clients: str, num_tokens: int = 40) -> list[WaitingSequence]:
    return [WaitingSequence(client=client, num_tokens=num_tokens) for client in clients]


def decide(
    now: list[RunningClaim], waiting: list[WaitingSequence], slots: int = 4, consecutive_urgent_steps: int = 0
) -> SchedulerDecision:
    return schedule(
        now,
        waiting,
        limits=SchedulerLimits(slots=slots),
        costs=COSTS,
        consecutive_urgent_steps=consecutive_urgent_steps,
    )


@pytest.mark.parametrize(
    ("now", "waiting", "admit", "decode"),
    [
        pytest.param([], [], (), (), id="nothing to do"),
        pytest.param(running(1.0, None), [], (), (0, 1), id="all decode while the queue is empty"),
        pytest.param([], queue("a", "b"), (0, 1), (), id="waiting sequences are prefilled together"),
        pytest.param(running(1.0), queue("b"), (0,), (), id="prefill before sequences with buffered audio"),
        pytest.param(running(0.02, 1.0), queue("b"), (), (0, 1), id="about to underrun goes first"),
        pytest.param(running(None), queue("b"), (0,), (), id="no underrun before the first packet"),
        pytest.param(running(*[1.0] * 4), queue("b"), (), (0, 1, 2, 3), id="no free slot"),
        pytest.param(running(0.0, paused=True), queue("b"), (0,), (), id="late text is not urgent"),
        pytest.param(running(9.0, paused=True), [], (), (), id="paused sequences do not decode"),
    ],
)
def test_priorities(
    now: list[RunningClaim], waiting: list[WaitingSequence], admit: tuple[int, ...], decode: tuple[int, ...]
) -> None:
    assert decide(now, waiting) == SchedulerDecision(admit=admit, decode=decode)


def test_fair_between_clients() -> None:
    assert decide([], queue("greedy", "greedy", "greedy", "modest"), slots=2).admit == (0, 3)


def test_a_client_without_slots_goes_first() -> None:
    assert decide(running(1.0, 1.0, client="greedy"), queue("greedy", "modest"), slots=3).admit == (1,)


def test_long_prompts_are_not_prefilled_together() -> None:
    assert decide([], queue("a", "b", num_tokens=1400)).admit == (0,)


def test_a_prompt_above_the_limit_is_prefilled_alone() -> None:
    assert decide([], queue("a", num_tokens=5_000)).admit == (0,)


def test_overload_does_not_starve_the_queue() -> None:
    admitted = [decide(running(0.0, 0.0), queue("b"), consecutive_urgent_steps=count).admit for count in range(6)]
    assert admitted == [(), (), (), (), (0,), (0,)]


@pytest.mark.parametrize(
    ("packets_sent", "buffered_ahead_s", "fixed", "frames"),
    [
        (0, 0.0, None, 1),
        (1, 0.08, None, 1),
        (2, 0.16, None, 2),
        (3, 1.0, None, 4),
        (9, 0.2, None, 2),
        (9, 0.0, None, 1),
        (0, 0.0, 8, 8),
    ],
)
def test_packets_grow_with_the_buffered_audio(
    packets_sent: int, buffered_ahead_s: float, fixed: int | None, frames: int
) -> None:
    size = next_packet_frames(packets_sent=packets_sent, buffered_ahead_s=buffered_ahead_s, frame_s=0.01, fixed=fixed)
    assert size == frames


@pytest.mark.parametrize(("packets_sent", "frames"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (9, 8)])
def test_packets_grow_on_a_device_slower_than_playback(packets_sent: int, frames: int) -> None:
    assert next_packet_frames(packets_sent=packets_sent, buffered_ahead_s=-3.0, frame_s=0.09) == frames
    assert next_packet_frames(packets_sent=packets_sent, buffered_ahead_s=-3.0, frame_s=0.1, fixed=1) == 1
