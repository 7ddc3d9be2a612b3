"""Two replicas of the preview voice under a real `serve run`: streams, a WebSocket, and one killed in mid-speech.

One cluster for all: it takes half a minute to start. The speech that is killed is long enough never to end by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
import requests

from qwen3tts_webui.cli.serve import listen
from tests.support.server import connect

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (the extra `cluster`)"),
]

ROOT = Path(__file__).resolve().parents[2]
LONG = "The quick brown fox jumps over the lazy dog, and nobody knows why it does that. " * 200
CONFIG = """
proxy_location: HeadOnly
http_options: {{host: 127.0.0.1, port: {port}}}
applications:
- name: default
  route_prefix: /
  import_path: qwen3tts_webui.cluster:app
  args: {{replicas: 2, max_replicas: 2, num_cpus: 0.5}}
"""


@dataclass(frozen=True)
class Cluster:
    url: str
    process: psutil.Process

    def replicas(self) -> list[psutil.Process]:
        """The processes that speak."""
        found = []
        for process in self.process.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any("ServeReplica" in part for part in process.cmdline()):
                    found.append(process)
        return found

    def speak(self, text: str, **headers: str) -> requests.Response:
        answer = requests.post(
            f"{self.url}/api/tts",
            json={"text": text, "language": "English", "streaming": True},
            headers=headers,
            stream=True,
            timeout=120,
        )
        answer.raise_for_status()
        return answer


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(
        tempfile.mkdtemp(prefix="qtts")
    )  # short: Ray creates sockets in it, and their paths are limited to 107 characters
    with listen("127.0.0.1", 22_000) as free:  # below those that systems assign for port 0
        port = free.getsockname()[1]
    (folder / "serve.yaml").write_text(CONFIG.format(port=port))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "QWEN3TTS_PREVIEW": "1",
        "QWEN3TTS_OUTPUTS": str(folder / "outputs"),
        "RAY_TMPDIR": str(folder),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "240",  # a busy machine takes its time
        "RAY_agent_register_timeout_ms": "240000",
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
    }
    url = f"http://127.0.0.1:{port}"
    try:
        process = _started(folder, environment, url)
        yield Cluster(url, process)
        _end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _started(folder: Path, environment: dict[str, str], url: str) -> psutil.Popen:
    """Ray gives its own parts a minute to start; on a busy machine that takes more than one try."""
    for _ in range(2):  # both end before the test's time limit, which would leave Ray behind
        with (folder / "log").open("ab") as log:
            serve = [sys.executable, "-m", "ray.serve.scripts", "run", str(folder / "serve.yaml")]
            process = psutil.Popen(serve, cwd=folder, env=environment, stdout=log, stderr=log)
        until = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < until:
            if _ready(url):
                return process
            time.sleep(1)
        _end(process)
    raise AssertionError((folder / "log").read_text()[-3000:])


def _end(process: psutil.Popen) -> None:
    """As Ctrl+C does; whatever is left after that is killed."""
    family = process.children(recursive=True) if process.is_running() else []
    try:
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT)
            process.wait(60)
    finally:
        for one in [process, *family]:
            with contextlib.suppress(psutil.Error):
                one.kill()
        psutil.wait_procs([process, *family], timeout=10)


def _ready(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(f"{url}/ready", timeout=10).status_code == 200
    return False


def test_the_page_and_the_api_are_there(cluster: Cluster):
    assert "/page.js" in requests.get(cluster.url, timeout=60).text
    info = requests.get(f"{cluster.url}/api/info", timeout=60).json()
    assert (info["ready"], info["preview"]) == (True, True)


def test_errors_are_those_of_a_single_server(cluster: Cluster):
    answer = requests.post(f"{cluster.url}/api/tts", json={"text": " "}, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "empty_text")


def test_a_link_of_one_replica_plays_through_any(cluster: Cluster):
    creators, players = [], []
    for _ in range(6):
        answer = requests.post(f"{cluster.url}/api/tts?link=1", json={"text": "Hi.", "format": "pcm"}, timeout=60)
        creators.append(answer.headers["x-replica"])
        played = requests.get(cluster.url + answer.json()["url"], timeout=120)
        assert (played.status_code, len(played.content) > 1_920) == (200, True)
        players.append(played.headers["x-replica"])
        again = requests.get(cluster.url + answer.json()["url"], timeout=60)
        assert (again.status_code, again.json()["error"]["code"]) == (404, "not_found")
    assert creators == players


def test_both_replicas_synthesize_and_share_one_history(cluster: Cluster):
    spoken: dict[str, str] = {}
    while len(spoken) < 2:
        with cluster.speak("Good morning.") as answer:
            assert sum(map(len, answer.iter_content(4_800))) > 24_000
            spoken[answer.headers["X-Replica"]] = answer.headers["X-Request-Id"]
    for owner, request_id in spoken.items():
        response = requests.get(f"{cluster.url}/api/requests/{request_id}", timeout=60)
        assert (response.headers["X-Replica"], response.json()["request_id"]) == (owner, request_id)
        assert requests.get(f"{cluster.url}/api/history?request_id={request_id}", timeout=60).status_code == 200
    totals = {requests.get(f"{cluster.url}/api/history", timeout=60).json()["total"] for _ in range(6)}
    assert len(totals) == 1
    assert totals.pop() >= 2


def test_the_websocket_goes_through(cluster: Cluster):
    num_bytes, kinds = 0, []
    with connect(cluster.url.replace("http", "ws") + "/ws/tts") as socket_:
        socket_.send(json.dumps({"type": "open", "id": "one", "language": "English"}))
        socket_.send(json.dumps({"type": "text", "id": "one", "text": "Good morning."}))
        socket_.send(json.dumps({"type": "close", "id": "one"}))
        while not kinds or kinds[-1] not in ("done", "error"):
            message = socket_.recv(timeout=60)
            if isinstance(message, bytes):
                num_bytes += len(message)
            else:
                kinds.append(json.loads(message)["type"])
    assert kinds[0] == "opened"
    assert kinds[-1] == "done"
    assert num_bytes > 24_000


def test_a_replica_that_dies_takes_only_its_own_streams(cluster: Cluster):
    streams: dict[str, requests.Response] = {}
    while len(streams) < 2:
        answer = cluster.speak(LONG)
        if answer.headers["X-Replica"] in streams:
            answer.close()
        else:
            streams[answer.headers["X-Replica"]] = answer
    sounds = {name: answer.iter_content(4_800) for name, answer in streams.items()}
    assert all(len(next(sound)) for sound in sounds.values())

    cluster.replicas()[0].kill()
    broken: list[str] = []
    while not broken:
        for name, sound in sounds.items():
            try:
                assert len(next(sound)) > 0  # a clean end would be StopIteration, a false success
            except requests.RequestException:
                broken.append(name)
    assert len(broken) == 1
    whole = next(name for name in streams if name not in broken)
    assert all(len(next(sounds[whole])) for _ in range(10))

    lost = streams[broken[0]].headers["X-Request-Id"]
    response = requests.get(f"{cluster.url}/api/requests/{lost}", timeout=60)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")
    kept = streams[whole].headers["X-Request-Id"]
    assert requests.get(f"{cluster.url}/api/requests/{kept}", timeout=60).json()["ended"] is False
    with cluster.speak("We go on.") as answer:
        assert sum(map(len, answer.iter_content(4_800))) > 24_000
    for answer in streams.values():
        answer.close()
