"""Every file in examples/ runs unchanged against a real server."""

from __future__ import annotations

import base64
import functools
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import connect, run_server

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
TESTED = {
    "http_requests.py",
    "batch.py",
    "openai_client.py",
    "websocket_llm.py",
    "voice_agent.py",
    "speak.sh",
    "browser.html",
    "twilio_media_stream.py",
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with run_server(ZeroCostSynthesizer()) as url:
        yield url


def output_of(name: str, url: str, folder: Path) -> str:
    """Run an example in `folder` and return what it prints."""
    command = [sys.executable] if name.endswith(".py") else ["sh"]
    result = subprocess.run([*command, str(EXAMPLES / name), url], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == TESTED


def test_http_requests(url: str, tmp_path: Path) -> None:
    assert output_of("http_requests.py", url, tmp_path) == "engine: fake voice for tests\n0.40 seconds, streamed\n"
    assert soundfile.info(tmp_path / "good-morning.wav").frames == 9_600


def test_batch(url: str, tmp_path: Path) -> None:
    output = output_of("batch.py", url, tmp_path)
    assert sorted(output.splitlines()) == [f"line {index}: 0.40 seconds" for index in range(3)]
    assert [soundfile.info(tmp_path / f"line-{index}.flac").frames for index in range(3)] == [9_600] * 3


def test_openai_client(url: str, tmp_path: Path) -> None:
    assert output_of("openai_client.py", url, tmp_path) == "tide.mp3, and 0.40 seconds streamed\n"
    assert soundfile.info(tmp_path / "tide.mp3").duration == pytest.approx(0.4, abs=0.1)


def test_websocket_llm(url: str, tmp_path: Path) -> None:
    *segments, seconds = output_of("websocket_llm.py", url, tmp_path).splitlines()
    words = " ".join(line.removeprefix("segment: ") for line in segments)
    assert words == "Of course. The museum opens at nine, and on Fridays it stays open until late."
    assert seconds == f"{0.4 * len(segments):.2f} seconds"


def test_voice_agent(url: str, tmp_path: Path) -> None:
    output = output_of("voice_agent.py", url, tmp_path)
    assert output == "I have found your order. 20 frames\nIt arrives on Thursday. 20 frames\n"
    assert len((EXAMPLES / "voice_agent.py").read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(url: str, tmp_path: Path) -> None:
    assert "19200 announcement.pcm" in output_of("speak.sh", url, tmp_path)
    assert soundfile.info(tmp_path / "announcement.mp3").duration == pytest.approx(0.4, abs=0.1)


@pytest.mark.browser
def test_browser_page() -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    handler = functools.partial(QuietFiles, directory=str(EXAMPLES))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
        origin = f"http://127.0.0.1:{files.server_address[1]}"
        thread = threading.Thread(target=files.serve_forever)
        thread.start()
        try:
            with (
                run_server(ZeroCostSynthesizer(), cors_origins=(origin,)) as url,
                playwright.sync_playwright() as player,
            ):
                browser = player.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                page = browser.new_page()
                page.goto(f"{origin}/browser.html?server={url}")
                page.click("#speak")
                playwright.expect(page.locator("#state")).to_have_text("0.40 seconds, all received", timeout=60_000)
                browser.close()
        finally:
            files.shutdown()
            thread.join()


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_twilio_media_stream(url: str) -> None:
    script = EXAMPLES / "twilio_media_stream.py"
    command = [sys.executable, "-u", str(script), url, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        port = program.stdout.readline().rsplit(":", 1)[1].strip()
        with connect(f"ws://127.0.0.1:{port}/") as call:
            call.send(json.dumps({"event": "connected"}))
            call.send(json.dumps({"event": "start", "start": {"streamSid": "MZ1"}}))
            messages = [json.loads(call.recv(timeout=60))]
            while messages[-1]["event"] != "mark":
                messages.append(json.loads(call.recv(timeout=60)))
            call.send(json.dumps({"event": "stop"}))
        program.terminate()
    assert {message["streamSid"] for message in messages} == {"MZ1"}
    audio = b"".join(base64.b64decode(message["media"]["payload"]) for message in messages[:-1])
    assert len(audio) == 2 * 3_200  # two sentences of 0.4 s at 8 kHz
