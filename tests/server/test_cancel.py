"""A disconnect cancels synthesis within one packet: the fake engine counts its packets."""

import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.fakes import SteppedSynthesizer
from tests.support.server import open_request, run_server
from tests.support.wait import wait_until

LONG = {"text": "One.\nTwo.\nThree.", "streaming": True}
ID = "X-Request-Id: cancel-test-1\r\n"


def assert_nothing_is_made_any_more(synthesizer: SteppedSynthesizer) -> None:
    made = synthesizer.packets_made
    wait_until(lambda: synthesizer.step() is None and synthesizer.load.running + synthesizer.load.queued == 0)
    assert synthesizer.packets_made - made <= 1


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("streaming", [True, False])
def test_a_dropped_connection_during_synthesis(how: str, streaming: bool) -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000, slots=1)
    with run_server(synthesizer) as url:
        connection = open_request(url, {**LONG, "streaming": streaming}, ID)
        wait_until(lambda: synthesizer.load.running == 1)
        synthesizer.step()
        if streaming:
            assert connection.recv(100)
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        wait_until(lambda: httpx.get(f"{url}/api/requests/cancel-test-1").json()["ended"])
        assert_nothing_is_made_any_more(synthesizer)
        assert httpx.get(f"{url}/api/requests/cancel-test-1").json()["finish_reason"] == "cancelled"


def test_a_connection_dropped_before_the_first_audio() -> None:
    synthesizer = SteppedSynthesizer(slots=1)
    with run_server(synthesizer) as url:
        connection = open_request(url, LONG, ID)
        wait_until(lambda: synthesizer.load.running == 1)
        connection.close()
        wait_until(lambda: httpx.get(f"{url}/api/requests/cancel-test-1").json()["ended"])
        assert_nothing_is_made_any_more(synthesizer)
        assert synthesizer.packets_made == 0


def test_a_connection_dropped_while_waiting_in_the_queue() -> None:
    synthesizer = SteppedSynthesizer(num_frames=2, slots=1)
    with run_server(synthesizer) as url, open_request(url, {"text": "First.", "streaming": True}):
        wait_until(lambda: synthesizer.load.running == 1)
        connection = open_request(url, LONG, ID)
        wait_until(lambda: synthesizer.load.queued == 1)
        connection.close()
        wait_until(lambda: httpx.get(f"{url}/api/requests/cancel-test-1").json()["ended"])
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running + synthesizer.load.queued == 0)
        assert synthesizer.packets_made == 2


def test_delete_cancels_and_the_client_keeps_the_audio_so_far() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with run_server(synthesizer) as url, open_request(url, LONG, ID) as connection:
        wait_until(lambda: synthesizer.load.running == 1)
        synthesizer.step()
        assert connection.recv(100)
        assert httpx.delete(f"{url}/api/requests/cancel-test-1").status_code == 204
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(65_536)
        assert_nothing_is_made_any_more(synthesizer)


def test_delete_of_something_unknown_is_404() -> None:
    with run_server(SteppedSynthesizer()) as url:
        assert httpx.delete(f"{url}/api/requests/nobody-knows").json()["error"]["code"] == "not_found"


def test_shutdown_cancels_running_requests() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with run_server(synthesizer) as url:
        connection = open_request(url, LONG)
        wait_until(lambda: synthesizer.load.running == 1)
    synthesizer.step()
    assert synthesizer.load.running == 0
    connection.close()


def test_repeated_cancels_have_no_further_effect() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000, slots=1)
    with run_server(synthesizer) as url, open_request(url, LONG, ID), ThreadPoolExecutor(8) as threads:
        wait_until(lambda: synthesizer.load.running == 1)
        synthesizer.step()
        target = f"{url}/api/requests/cancel-test-1"
        assert {answer.status_code for answer in threads.map(httpx.delete, [target] * 16)} == {204}
        wait_until(lambda: httpx.get(target).json()["ended"])
        assert httpx.delete(target).status_code == 204
        assert httpx.get(target).json()["finish_reason"] == "cancelled"
        assert_nothing_is_made_any_more(synthesizer)
