"""The scheduler, by tables."""

import pytest

from qwen3tts_webui.engine.scheduler import Costs, Limits, Newcomer, Plan, Speaker, next_packet_frames, plan

COSTS = Costs(step_s=0.01, prefill_s=0.02)


def speakers(*leads: float | None, client: str = "a") -> list[Speaker]:
    return [Speaker(client=client, lead_s=lead) for lead in leads]


def queue(*clients: str, num_rows: int = 40) -> list[Newcomer]:
    return [Newcomer(client=client, num_rows=num_rows) for client in clients]


@pytest.mark.parametrize(
    ("now", "waiting", "expected"),
    [
        pytest.param([], [], Plan(), id="nothing to do"),
        pytest.param(speakers(1.0, None), [], Plan(step=(0, 1)), id="all step when nobody waits"),
        pytest.param([], queue("a", "b"), Plan(admit=(0, 1)), id="newcomers are prefilled together"),
        pytest.param(speakers(1.0), queue("b"), Plan(admit=(0,)), id="a newcomer before those with sound in hand"),
        pytest.param(speakers(0.02, 1.0), queue("b"), Plan(step=(0, 1)), id="about to run dry goes first"),
        pytest.param(speakers(None), queue("b"), Plan(admit=(0,)), id="one without a first packet cannot run dry"),
        pytest.param(speakers(*[1.0] * 4), queue("b"), Plan(step=(0, 1, 2, 3)), id="no slot, no newcomer"),
        pytest.param(
            [Speaker(client="a", lead_s=0.0, held=True)], queue("b"), Plan(admit=(0,)), id="late text is not urgent"
        ),
        pytest.param([Speaker(client="a", lead_s=9.0, held=True)], [], Plan(), id="the held do not step"),
    ],
)
def test_order_of_a_turn(now: list[Speaker], waiting: list[Newcomer], expected: Plan) -> None:
    assert plan(now, waiting, limits=Limits(slots=4), costs=COSTS) == expected


def test_fair_between_clients() -> None:
    waiting = queue("greedy", "greedy", "greedy", "modest")
    assert plan([], waiting, limits=Limits(slots=2), costs=COSTS).admit == (0, 3)


def test_a_client_with_slots_waits_for_one_without() -> None:
    now = speakers(1.0, 1.0, client="greedy")
    assert plan(now, queue("greedy", "modest"), limits=Limits(slots=3), costs=COSTS).admit == (1,)


def test_long_prompts_are_not_prefilled_together() -> None:
    assert plan([], queue("a", "b", num_rows=1400), limits=Limits(slots=4), costs=COSTS).admit == (0,)


def test_one_over_long_prompt_is_still_taken() -> None:
    assert plan([], queue("a", num_rows=5_000), limits=Limits(slots=4), costs=COSTS).admit == (0,)


def test_overload_starves_no_newcomer() -> None:
    now, limits = speakers(0.0, 0.0), Limits(slots=4)
    turns = [plan(now, queue("b"), limits=limits, costs=COSTS, urgent_turns=turn).admit for turn in range(6)]
    assert turns == [(), (), (), (), (0,), (0,)]


@pytest.mark.parametrize(
    ("packets_sent", "lead_s", "asked", "frames"),
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
def test_packets_grow_with_the_lead(packets_sent: int, lead_s: float, asked: int | None, frames: int) -> None:
    assert next_packet_frames(packets_sent=packets_sent, lead_s=lead_s, frame_s=0.01, asked=asked) == frames


@pytest.mark.parametrize(("packets_sent", "frames"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (9, 8)])
def test_packets_grow_without_a_lead_where_there_can_be_none(packets_sent: int, frames: int) -> None:
    assert next_packet_frames(packets_sent=packets_sent, lead_s=-3.0, frame_s=0.09) == frames
    assert next_packet_frames(packets_sent=packets_sent, lead_s=-3.0, frame_s=0.1, asked=1) == 1
