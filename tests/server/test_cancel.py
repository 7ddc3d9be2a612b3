"""Whoever leaves ends the synthesis within one packet: the fake engine counts what it made."""

import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.fakes import SteppedSynthesizer
from tests.server.running import ask, running, until

LONG = {"text": "One.\nTwo.\nThree.", "streaming": True}
ID = "X-Request-Id: cancel-test-1\r\n"


def assert_nothing_is_made_any_more(synthesizer: SteppedSynthesizer) -> None:
    made = synthesizer.packets_made
    until(lambda: synthesizer.step() is None and synthesizer.load.active + synthesizer.load.waiting == 0)
    assert synthesizer.packets_made - made <= 1


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("streaming", [True, False])
def test_a_dropped_connection_in_mid_speech(how: str, streaming: bool) -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000, slots=1)
    with running(synthesizer) as url:
        connection = ask(url, {**LONG, "streaming": streaming}, ID)
        until(lambda: synthesizer.load.active == 1)
        synthesizer.step()
        if streaming:
            assert connection.recv(100)
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        until(lambda: httpx.get(f"{url}/api/requests/cancel-test-1").json()["ended"])
        assert_nothing_is_made_any_more(synthesizer)
        assert httpx.get(f"{url}/api/requests/cancel-test-1").json()["stopped"] == "cancelled"


def test_a_connection_dropped_before_the_first_sound() -> None:
    synthesizer = SteppedSynthesizer(slots=1)
    with running(synthesizer) as url:
        connection = ask(url, LONG, ID)
        until(lambda: synthesizer.load.active == 1)
        connection.close()
        until(lambda: httpx.get(f"{url}/api/requests/cancel-test-1").json()["ended"])
        assert_nothing_is_made_any_more(synthesizer)
        assert synthesizer.packets_made == 0


def test_a_connection_dropped_while_waiting_in_the_queue() -> None:
    synthesizer = SteppedSynthesizer(num_frames=2, slots=1)
    with running(synthesizer) as url, ask(url, {"text": "First.", "streaming": True}):
        until(lambda: synthesizer.load.active == 1)
        connection = ask(url, LONG, ID)
        until(lambda: synthesizer.load.waiting == 1)
        connection.close()
        until(lambda: httpx.get(f"{url}/api/requests/cancel-test-1").json()["ended"])
        until(lambda: synthesizer.step() is None and synthesizer.load.active + synthesizer.load.waiting == 0)
        assert synthesizer.packets_made == 2


def test_delete_ends_it_and_the_listener_keeps_what_was_said() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with running(synthesizer) as url, ask(url, LONG, ID) as connection:
        until(lambda: synthesizer.load.active == 1)
        synthesizer.step()
        assert connection.recv(100)
        assert httpx.delete(f"{url}/api/requests/cancel-test-1").status_code == 204
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(65_536)
        assert_nothing_is_made_any_more(synthesizer)


def test_delete_of_something_unknown_is_404() -> None:
    with running(SteppedSynthesizer()) as url:
        assert httpx.delete(f"{url}/api/requests/nobody-knows").json()["error"]["code"] == "not_found"


def test_a_server_that_goes_down_cancels_what_is_spoken() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with running(synthesizer) as url:
        connection = ask(url, LONG)
        until(lambda: synthesizer.load.active == 1)
    synthesizer.step()
    assert synthesizer.load.active == 0
    connection.close()


def test_many_cancels_at_once_and_after_the_end_are_one() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000, slots=1)
    with running(synthesizer) as url, ask(url, LONG, ID), ThreadPoolExecutor(8) as threads:
        until(lambda: synthesizer.load.active == 1)
        synthesizer.step()
        target = f"{url}/api/requests/cancel-test-1"
        assert {answer.status_code for answer in threads.map(httpx.delete, [target] * 16)} == {204}
        until(lambda: httpx.get(target).json()["ended"])
        assert httpx.delete(target).status_code == 204
        assert httpx.get(target).json()["stopped"] == "cancelled"
        assert_nothing_is_made_any_more(synthesizer)
