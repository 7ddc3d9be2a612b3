"""Models on the command line: download, copy, errors, the question; and the switch of a running program."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
import soundfile

from qwen3tts_webui.checkpoints import CATALOG, DownloadProgress, LocalStore, MemoryBudget, ModelInstaller
from qwen3tts_webui.cli import desktop_window, main
from qwen3tts_webui.cli.download_progress import offer_download, progress_line
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import Unsupported
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from tests.checkpoints.fake_hub import BIG, MODEL, FakeHub, make_checkpoint, running_hub
from tests.checkpoints.test_installer import StartingFake
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.wait import wait_until

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests/golden/design"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with running_hub(make_checkpoint(tmp_path / "hub")) as running:
        yield running


@pytest.fixture(autouse=True)
def no_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine's user has downloaded is no part of these tests."""
    monkeypatch.setenv("QWEN3TTS_MODELS", str(tmp_path / "模 型"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))


# download


def test_download_prints_the_folder_and_its_progress(hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["download", "--mirror", hub.url]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{tmp_path}/模 型/{MODEL}\n"
    assert "100 %" in shown.err


def test_a_failed_download_is_one_sentence_and_exit_code_2(hub: FakeHub, capsys: pytest.CaptureFixture[str]):
    hub.corrupt[BIG] = 9
    assert main(["download", "Qwen3-TTS-12Hz-1.7B-VoiceDesign", "--mirror", hub.url]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"{BIG} from ")


def test_a_copy_from_a_stick(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    stick = make_checkpoint(tmp_path / "stick" / "Qwen3-TTS-12Hz-0.6B-CustomVoice")
    assert main(["download", "--from", str(stick), "--models", str(tmp_path / "there")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/there/{CATALOG[2].id}\n"
    assert (tmp_path / "there" / CATALOG[2].id / BIG).read_bytes() == (stick / BIG).read_bytes()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["nonsense"], "MODEL must be a name such as Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign, not nonsense."),
        (["--mirror", "nowhere"], "--mirror must be hf, modelscope or a URL, not nowhere."),
        (["--from", "/no/such/stick"], "/no/such/stick: the folder does not exist"),
    ],
)
def test_invalid_arguments_are_one_sentence(flags: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    assert main(["download", *flags]) == 2
    assert capsys.readouterr().err == f"{sentence}\n"


def test_the_list_says_what_each_model_needs(capsys: pytest.CaptureFixture[str]):
    assert main(["download", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [model.id for model in CATALOG]
    assert "about 4.5 GB to download" in lines[0]
    assert re.search(r"of \d+\.\d GiB on \S+ \(\w+\): (fits|does not fit)$", lines[0])


def test_progress_in_words():
    known = DownloadProgress(
        model="m", state="receiving", done_bytes=10**9, total_bytes=4 * 10**9, bytes_per_s=2e7, left_s=150.0
    )
    assert progress_line(known) == "[######                  ]  25 %  1.00 of 4.00 GB  20.0 MB/s  2:30 left"
    assert progress_line(DownloadProgress(model="m")) == "m: fetching the list of files"


# say


def test_say_without_a_model_uses_the_preview_voice_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    output = tmp_path / "你 好.wav"
    assert main(["say", "--text", "One.", "--language", "en", "--seed", "7", "--output", str(output)]) == 0
    with soundfile.SoundFile(output) as file:
        assert (file.samplerate, file.channels, file.subtype) == (24_000, 1, "PCM_16")
        assert 2_400 < file.frames < 72_000
        assert "not Qwen3-TTS" in file.comment
        shown = capsys.readouterr()
        assert shown.out == f"{output}: {file.frames / 24_000:.2f} s by {file.comment}\n"
    assert shown.err == "No Qwen3-TTS model is installed. Get one with: qwen3tts-webui download\n"
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


@pytest.mark.skipif(not TINY.is_dir(), reason="the golden checkpoint is not here")
def test_say_uses_the_installed_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(TINY, tmp_path / "模 型" / MODEL)
    flags = ["--text", "One.", "--greedy", "--max-frames", "2", "--dtype", "float32"]
    assert main(["say", *flags, "--output", str(tmp_path / "x.wav")]) == 0
    assert "by Qwen3-TTS" in capsys.readouterr().out


# a window of its own


class FakeWebview:
    def __init__(self) -> None:
        self.windows: list[tuple[str, str]] = []
        self.started = False

    def create_window(self, title: str, url: str, *, width: int, height: int, text_select: bool) -> object:
        self.windows.append((title, url))
        return object()

    def start(self) -> None:
        self.started = True


def test_a_window_shows_the_address():
    maker = FakeWebview()
    desktop_window.show("http://127.0.0.1:7860", "Studio", maker)
    assert maker.windows == [("Studio", "http://127.0.0.1:7860")]
    assert maker.started


def test_without_pywebview_or_a_screen_there_is_one_sentence():
    with pytest.raises(Unsupported, match=r'pip install "qwen3tts-webui\[desktop\]"'):
        desktop_window.require(platform="win32", environment={}, installed=False)
    with pytest.raises(Unsupported, match="There is no display"):
        desktop_window.require(platform="linux", environment={}, installed=True)
    desktop_window.require(platform="linux", environment={"WAYLAND_DISPLAY": "wayland-0"}, installed=True)
    desktop_window.require(platform="darwin", environment={}, installed=True)


# serve, as a person starts it


class Terminal:
    """The end of a terminal that a person looks at: what is shown there is read once, in order."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._shown = ""

    def wait_for(self, pattern: str, timeout_s: float = 120) -> re.Match[str]:
        """Read on until `pattern` is shown; what came after it is for the next call."""
        end = time.monotonic() + timeout_s
        while not (found := re.search(pattern, self._shown)):
            assert time.monotonic() < end, f"{pattern} never came: {self._shown}"
            if select.select([self._handle], [], [], 0.1)[0]:
                try:
                    self._shown += os.read(self._handle, 4096).decode(errors="replace")
                except OSError as error:
                    raise AssertionError(f"it ended before {pattern}: {self._shown}") from error
        self._shown = self._shown[found.end() :]
        return found

    def type(self, words: str) -> None:
        os.write(self._handle, words.encode())


@contextlib.contextmanager
def serving(folder: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], Terminal]]:
    """The program at a terminal, its controlling one."""
    terminal, inner = pty.openpty()
    command = [sys.executable, "-m", "qwen3tts_webui", "--no-browser", "--port", "0", "--device", "cpu", *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_CACHE": str(folder / "none"), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    ) as process:
        os.close(inner)
        try:
            yield process, Terminal(terminal)
        finally:
            process.kill()
            os.close(terminal)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not TINY.is_dir(), reason="the golden checkpoint is not here")
def test_it_asks_once_serves_downloads_switches_and_stops_cleanly(tmp_path: Path):
    """One run of the program, as starting it takes longest."""
    with running_hub(TINY) as hub, serving(tmp_path, "--mirror", hub.url) as (process, terminal):
        address = terminal.wait_for(r"Listening on (http://\S+) \(")[1]
        terminal.wait_for(r"about 4\.5 GB\), the real Qwen3-TTS voice\? Type y and press Enter")
        assert httpx.get(f"{address}/health").status_code == 200
        assert httpx.get(f"{address}/ready").status_code in (200, 503)
        assert find_spec("gradio") is None or "<html" in httpx.get(f"{address}/").text
        terminal.type("n\n")
        terminal.wait_for("Skipped")
        assert (tmp_path / "模 型/.asked").exists()  # the next start only says how
        assert httpx.get(f"{address}/api/models").json()["download"] is None

        assert httpx.get(f"{address}/api/info").json()["preview"] is True
        request = {"text": "One.", "language": "en", "seed": 1}
        answer = httpx.post(f"{address}/api/tts", json=request | {"streaming": False})
        assert answer.status_code == 200
        assert answer.content[:4] == b"RIFF"

        assert httpx.post(f"{address}/api/models/download", json={"model": MODEL}).status_code == 202
        wait_until(lambda: httpx.get(f"{address}/api/info").json()["name"] == "qwen3-tts", 120)
        info = httpx.get(f"{address}/api/info").json()
        assert (info["preview"], info["model"]) == (False, MODEL.split("/")[1])
        long_request = request | {"text": "One two three. " * 200, "streaming": True}
        with httpx.stream("POST", f"{address}/api/tts", json=long_request) as answer:
            assert answer.status_code == 200
            assert answer.headers["X-Engine"] == "qwen3-tts"
            next(answer.iter_raw())
            terminal.type("\x03")
            terminal.wait_for(r"Stopped\.")
        assert process.wait() == 0
    assert list((tmp_path / "outputs").rglob("*.wav"))


@pytest.mark.parametrize("asked", [True, False])
def test_without_a_terminal_it_only_prints_the_command(asked: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    store = LocalStore(tmp_path, caches=())
    if asked:
        (tmp_path / ".asked").touch()
    installer = ModelInstaller(
        store,
        HotSwapSynthesizer(ZeroCostSynthesizer()),
        StartingFake,
        lambda: MemoryBudget(device="cpu", dtypes=("float32",), free_bytes=0),
    )
    offer_download(Settings(), installer)
    assert capsys.readouterr().out == (
        "For the real Qwen3-TTS voice: qwen3tts-webui download (about 4.5 GB), or Download on the page.\n"
    )
    assert installer.progress is None


def test_a_named_model_is_downloaded_and_announced(hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    store = LocalStore(tmp_path / "models", caches=())
    switch, room = (
        HotSwapSynthesizer(ZeroCostSynthesizer()),
        MemoryBudget(device="cpu", dtypes=("float32",), free_bytes=0),
    )
    installer = ModelInstaller(store, switch, StartingFake, lambda: room, mirror=hub.url)
    offer_download(Settings(model="Qwen3-TTS-12Hz-1.7B-VoiceDesign"), installer)
    wait_until(lambda: installer.loading is not None)
    assert store.find() == tmp_path / "models" / MODEL
    assert capsys.readouterr().out == (
        f"Downloading {MODEL} (about 4.5 GB). The preview voice is used until it is ready.\n"
    )
    for thread in threading.enumerate():
        if thread.name == "download-progress":  # what it prints belongs to this test
            thread.join()
    installer.close()
    switch.close()
