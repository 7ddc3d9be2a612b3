"""What the README says is true: its Python runs against a real server, its files exist, its flags are taken."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from qwen3tts_webui.cli import SUBCOMMANDS
from qwen3tts_webui.cli.arguments import parse
from qwen3tts_webui.cli.serve import listen
from qwen3tts_webui.config import Settings
from qwen3tts_webui.server.app import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices.presets import Presets
from tests.fakes import ZeroCostSynthesizer

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server on a port of its own, as the command line starts it but for the page."""
    settings = Settings(outputs=tmp_path / "outputs")
    speech = Speech(ZeroCostSynthesizer(), Presets.load())
    server = uvicorn.Server(uvicorn.Config(create_app(speech, settings), log_level="warning", ws="websockets-sansio"))
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_it_opens_with_the_two_commands():
    commands = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith("    ")]
    assert commands[:2] == ["python3 app.py", "scripts/check"]
    assert README.splitlines()[2].startswith("    python3 app.py")


def test_there_is_python_to_run():
    assert len(PYTHON_BLOCKS) == 2


@pytest.mark.parametrize("number", range(len(PYTHON_BLOCKS)))
def test_its_python_runs(
    number: int, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    source = PYTHON_BLOCKS[number].replace("http://127.0.0.1:7860", address)
    assert address in source
    exec(compile(source, f"README.md, block {number}", "exec"), {"__name__": "readme"})
    said = capsys.readouterr().out
    if number == 0:
        assert said == "spoken by fake\n"
        assert (tmp_path / "good-morning.wav").read_bytes()[:4] == b"RIFF"
    else:
        assert said == "0.8 seconds\n"


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!https?:)[^)#]+)", README))
def test_every_file_it_links_to_exists(target: str):
    assert (ROOT / target).exists()


@pytest.mark.parametrize("flag", ["--host", "--port", "--model", "--device", "--dtype", "--outputs"])
def test_every_flag_with_a_value_is_taken(flag: str):
    assert flag in README
    assert vars(parse([flag, "1"], SUBCOMMANDS))[flag.strip("-")] is not None
