"""The composition root without Gradio: the API is served, and a message says that the page is missing."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from qwen3tts_webui.checkpoints import LocalStore
from qwen3tts_webui.cli import serve
from qwen3tts_webui.cli.arguments import parse, settings_from
from qwen3tts_webui.cli.factory import (
    build_app,
    build_model_installer,
    build_speech,
    build_store,
    find_more_models,
)
from qwen3tts_webui.config import Settings
from qwen3tts_webui.engine import GpuMonitor
from qwen3tts_webui.errors import DownloadError
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.golden_cases import GOLDEN
from tests.support.server import make_client

ROOT = Path(__file__).resolve().parents[2]


def test_the_api_needs_no_gradio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)  # as if it were not installed
    settings = Settings(models=tmp_path)
    synthesizer, store = HotSwapSynthesizer(ZeroCostSynthesizer()), build_store(settings)
    with (
        closing(GpuMonitor()) as gpu,
        closing(synthesizer),
        closing(build_model_installer(settings, store, synthesizer)) as installer,
    ):
        client = make_client(build_app(settings, build_speech(settings, synthesizer), gpu, installer))
        assert client.get("/").status_code == 404
        assert client.post("/api/tts", json={"text": "Hi."}).content[:4] == b"RIFF"


def test_further_models_are_found_before_anything_starts(tmp_path: Path) -> None:
    design, base = str(GOLDEN / "design"), str(GOLDEN / "base")
    args = parse(["serve", "--model", design, "--model", base], {"serve": serve})
    settings = settings_from(args).model_copy(update={"models": tmp_path})
    assert (settings.model, settings.also_load) == (design, (base,))
    assert find_more_models(settings, build_store(settings)) == [(base, GOLDEN / "base")]
    missing = settings.model_copy(update={"also_load": ("Qwen/Qwen3-TTS-12Hz-0.6B-Base",)})
    with pytest.raises(DownloadError, match="not installed"):
        find_more_models(missing, LocalStore(tmp_path, caches=()))


def test_serve_without_gradio_says_that_there_is_no_page(tmp_path: Path) -> None:
    script = """
import sys, threading, _thread
sys.modules["gradio"] = None
from qwen3tts_webui.cli import serve, main
serve.open_browser = lambda address: sys.exit("a browser was opened")
serving = serve._server
def and_stop(app, on_listening, settings):
    server = serving(app, lambda: (on_listening(), setattr(server, "should_exit", True)), settings)
    return server
serve._server = and_stop
sys.exit(main(["serve", "--preview", "--port", "0"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    _, no_page, listening, stopped = done.stdout.splitlines()
    assert listening.startswith("Listening on http://127.0.0.1:")
    assert (no_page, stopped) == ("Gradio is not installed: serving the API without the page.", "Stopped.")
