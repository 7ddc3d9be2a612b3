"""Fair shares by tables, and by simulation: which client gets the slots over time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from qwen3tts_webui.errors import Busy
from qwen3tts_webui.fair_share import (
    MAX_UNREAD,
    Admission,
    FairShares,
    RunningClaim,
    ServiceTime,
    WaitingClaim,
    admit,
    check_capacity,
    retry_after_s,
)
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.types import SAMPLES_PER_FRAME, EngineLoad, Utterance
from tests.support.fakes import SteppedSynthesizer


def held(*clients: str, idle: bool = False, served_s: float = 0.0, may_yield: bool = True) -> list[RunningClaim]:
    return [RunningClaim(client=client, idle=idle, served_s=served_s, may_yield=may_yield) for client in clients]


def wait(*clients: str, started: bool = False, idle: bool = False, served_s: float = 0.0) -> list[WaitingClaim]:
    return [WaitingClaim(client=client, started=started, idle=idle, served_s=served_s) for client in clients]


@pytest.mark.parametrize(
    ("running", "waiting", "expected"),
    [
        pytest.param([], wait("a", "b", "c"), [(0, None), (1, None)], id="free slots by arrival"),
        pytest.param([], wait("a", "a", "b"), [(0, None), (2, None)], id="each client one before a second"),
        pytest.param(held("a", "a"), wait("b"), [(0, 0)], id="a client with more than its share yields"),
        pytest.param(held("a", "b"), wait("a", "b"), [], id="equal shares stay"),
        pytest.param(held("a", "b"), wait("c"), [(0, 0)], id="a new client is heard at once"),
        pytest.param(held("a", "b", may_yield=False), wait("c"), [], id="not before each has made a packet"),
        pytest.param(held("a", "b"), wait("c", started=True), [], id="one that was heard waits for its turn"),
        pytest.param(held("a", "b", served_s=1.0), wait("c", started=True), [(0, 0)], id="its turn comes"),
        pytest.param(held("a", "a", idle=True), wait("b"), [(0, 0)], id="an unread stream yields"),
        pytest.param(held("a", "a", idle=True), wait("a"), [(0, 0)], id="also to its own client"),
        pytest.param(held("a", "a", served_s=9.0), wait("b", idle=True), [], id="an unread stream gets nothing"),
        pytest.param(
            held("a", idle=True) + held("b"), wait("a") + wait(*"a" * (MAX_UNREAD + 1), idle=True), [],
            id="unread streams of one client are bounded",
        ),
    ],
)  # fmt: skip
def test_two_slots(
    running: list[RunningClaim], waiting: list[WaitingClaim], expected: list[tuple[int, int | None]]
) -> None:
    assert admit(running, waiting, slots=2, limit=8) == tuple(Admission(*pair) for pair in expected)


def test_the_listener_with_most_audio_yields() -> None:
    running = [replace(claim, buffered_ahead_s=float(row)) for row, claim in enumerate(held("a", "a", "a"))]
    assert admit(running, wait("b"), slots=3, limit=8) == (Admission(0, 2),)


def test_a_returning_client_has_no_advantage() -> None:
    shares = FairShares()
    shares.set_active(["a", "b"])
    shares.charge("a", 1.0, 5.0)
    shares.charge("b", 2.0, 8.0)
    shares.set_active(["a"])
    shares.set_active(["a", "b", "c"])
    assert [shares.served(client) for client in "abc"] == [5.0, 5.0, 5.0]
    shares.charge("b", 1.0, 2.0)
    shares.set_active(["a"])
    shares.set_active(["a", "b"])
    assert shares.served("b") == 7.0


def test_retry_after_is_measured() -> None:
    service_time = ServiceTime()
    assert retry_after_s(service_time.mean_s, waiting=0, slots=1) == 5
    for _ in range(30):
        service_time.add(8.0)
    mean = service_time.mean_s
    assert [retry_after_s(mean, waiting=waiting, slots=4) for waiting in (0, 3, 11, 999)] == [2, 8, 24, 60]


def test_a_full_queue_keeps_places_for_clients_that_have_none() -> None:
    load = EngineLoad(running=2, queued=8, slots=2, queue_size=8, clients=frozenset({"a"}))
    check_capacity(load, ["b"])
    for requested in (["a"], ["b"] * 3, [""]):
        with pytest.raises(Busy):
            check_capacity(load, requested)


def submit(engine: SteppedSynthesizer, client: str, count: int, weight: float = 1.0) -> list[PcmStream]:
    streams = [PcmStream() for _ in range(count)]
    engine.submit([(Utterance(text="Hello.", client=client, weight=weight), stream) for stream in streams])
    return streams


def frames(streams: list[PcmStream]) -> int:
    blocks = [stream.read(min_samples=1 << 30) for stream in streams]
    return sum(len(block) for block in blocks if block is not None) // SAMPLES_PER_FRAME


@pytest.mark.parametrize(
    ("slots", "expected"), [(1, {"a": 100, "b": 100, "c": 200}), (3, {"a": 300, "b": 300, "c": 600})]
)
def test_audio_is_divided_by_weight(slots: int, expected: dict[str, int]) -> None:
    engine = SteppedSynthesizer(slots=slots, num_frames=100_000)
    streams = {name: submit(engine, name, count, weight) for name, count, weight in
               (("a", 20, 1.0), ("b", 4, 1.0), ("c", 3, 2.0))}  # fmt: skip
    made: Counter[str] = Counter()
    for _ in range(400):
        engine.step()
        made.update({name: frames(mine) for name, mine in streams.items()})
    assert made == pytest.approx(expected, abs=2 * 25)


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_unread_requests_delay_another_client_by_one_packet(slots: int) -> None:
    engine = SteppedSynthesizer(slots=slots, num_frames=5_000)
    submit(engine, "unread", 6)
    for _ in range(2_400):  # until each has 30 s of unread audio, or waits
        engine.step()
    made = engine.packets_made
    engine.step()
    assert engine.packets_made == made, "unread streams still use the engine"
    (short,) = submit(engine, "other", 1)
    engine.step()
    assert frames([short]) == 1
    before = engine.packets_made
    for _ in range(100):
        engine.step()
        frames([short])
    assert engine.packets_made == before + 100, "only the client that reads is served"
