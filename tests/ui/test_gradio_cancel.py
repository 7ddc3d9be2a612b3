"""A client of Gradio's endpoints that goes away frees its slot, its place in the queue and its memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from gradio_client import Client

from tests.support.fakes import SteppedSynthesizer
from tests.support.server import run_server
from tests.support.wait import wait_until

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.PandasChangeWarning")  # Gradio's use of pandas

TEXT = ["Hi.", "en", ""]
ENGINE = SteppedSynthesizer(num_frames=10_000, slots=1)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    outputs = tmp_path_factory.mktemp("outputs")
    with run_server(ENGINE, outputs=outputs, page=True, client_timeout_s=2.0) as url:
        yield url


@contextmanager
def joined(url: str, session: str) -> Iterator[Iterator[str]]:
    """The lines of `/queue/data`, as the page reads them."""
    config = httpx.get(f"{url}/config").json()
    (index,) = (one["id"] for one in config["dependencies"] if one["api_name"] == "generate_stream")
    body = {"data": TEXT, "fn_index": index, "session_hash": session}
    assert httpx.post(f"{url}/gradio_api/queue/join", json=body).status_code == 200
    with httpx.stream("GET", f"{url}/gradio_api/queue/data", params={"session_hash": session}) as answer:
        yield answer.iter_lines()


def called(url: str) -> str:
    """The address of the events of a call."""
    answer = httpx.post(f"{url}/gradio_api/call/generate_stream", json={"data": TEXT})
    return f"{url}/gradio_api/call/generate_stream/{answer.json()['event_id']}"


def step_until(lines: Iterator[str], wanted: str) -> None:
    wait_until(lambda: ENGINE.load.running == 1)
    ENGINE.step()
    ENGINE.step()
    assert any(wanted in line for line in lines)


def close_queue_data(url: str) -> None:
    with joined(url, "closes") as lines:
        step_until(lines, "process_generating")


def close_call_events(url: str) -> None:
    with httpx.stream("GET", called(url)) as answer:
        step_until(answer.iter_lines(), "generating")


def cancel_job(url: str) -> None:
    client = Client(url, verbose=False, analytics_enabled=False)
    job = client.submit(*TEXT, api_name="/generate_stream")
    wait_until(lambda: ENGINE.load.running == 1)
    ENGINE.step()
    assert next(iter(job))
    job.cancel()


def never_read(url: str) -> None:
    called(url)
    wait_until(lambda: ENGINE.load.running == 1)
    wait_until(lambda: ENGINE.step() is None and ENGINE.packets_made > 100)


@pytest.mark.parametrize("leave", [close_queue_data, close_call_events, cancel_job, never_read])
def test_a_client_that_leaves_cancels(url: str, leave: Callable[[str], None]) -> None:
    ENGINE.packets_made = 0
    leave(url)
    wait_until(lambda: ENGINE.step() is None and ENGINE.load.running == 0)
    assert ENGINE.packets_made < 1_000
    wait_until(lambda: newest(url)["finish_reason"] == "cancelled")
    assert newest(url)["text"] == "Hi."


def test_a_client_that_leaves_the_queue(url: str) -> None:
    with httpx.stream("GET", called(url)) as first:
        wait_until(lambda: ENGINE.load.running == 1)
        with joined(url, "waits") as lines:
            wait_until(lambda: ENGINE.load.queued == 1)
            assert any("process_starts" in line for line in lines)
            (job,) = ENGINE._queued
        wait_until(lambda: job.sink.cancelled)
        step_until(first.iter_lines(), "generating")
    wait_until(lambda: ENGINE.step() is None and ENGINE.load.running == 0)


def newest(url: str) -> dict[str, object]:
    entries = json.loads(httpx.get(f"{url}/api/history").content)["entries"]
    return dict(entries[0]) if entries else {"finish_reason": None}
