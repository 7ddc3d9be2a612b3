"""docs/api/http.md names every field with its default, every error with its status and every route; its Python runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from qwen3tts_webui import errors
from qwen3tts_webui.checkpoints import ModelInstaller
from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.routes import OpenAIBody
from qwen3tts_webui.server.schemas import TtsBody
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import OPENAI_VOICES, Presets
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client, run_server

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "api"
DOCS = (FOLDER / "http.md").read_text(encoding="utf-8")
CHINESE = (FOLDER / "http.zh.md").read_text(encoding="utf-8")
TTS, OPENAI = DOCS.partition("## OpenAI")[::2]


def classes(root: type[errors.SpeechError]) -> Iterator[type[errors.SpeechError]]:
    yield root
    for child in root.__subclasses__():
        yield from classes(child)


@pytest.mark.parametrize("page", [TTS.partition("### Batches")[0], CHINESE], ids=["en", "zh"])
def test_every_field_of_tts_is_listed_with_its_default(page: str) -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|([^|]*)\|", page, re.MULTILINE)
    listed = {name: cell for names, cell in rows for name in re.findall(r"`(\w+)`", names)}
    assert listed.keys() == TtsBody.model_fields.keys()
    for names, cell in rows:
        defaults = [TtsBody.model_fields[name].default for name in re.findall(r"`(\w+)`", names)]
        if all(isinstance(default, (int, float)) for default in defaults):
            assert [json.loads(number) for number in cell.strip(" `").split(", ")] == defaults


@pytest.mark.parametrize("name", [*OpenAIBody.model_fields, *OPENAI_VOICES])
def test_every_field_and_voice_of_the_openai_route_is_listed(name: str) -> None:
    assert f"`{name}`" in OPENAI


def test_every_error_in_the_table_has_that_status() -> None:
    found = [error for error in classes(errors.SpeechError) if not error.__module__.startswith("qwen3tts_webui.cli")]
    known = {error.code: error.status for error in found}
    rows = re.findall(r"^\| (\d{3}(?:, \d{3})*) \| (.+) \|$", DOCS.partition("## Errors")[2], re.MULTILINE)
    listed = {code: statuses for statuses, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert all(f"`{code}`" in DOCS for code in known)
    assert {code: str(known[code]) in statuses for code, statuses in listed.items()} == dict.fromkeys(listed, True)


def test_every_route_is_listed_and_every_listed_route_exists() -> None:
    installer = cast(ModelInstaller, object())  # only its routes are listed
    speech = Speech(ZeroCostSynthesizer(), Presets.load())
    app = create_app(speech, Settings(), model_installer=installer, run_doctor=list)
    served = make_client(app).get("/openapi.json").json()["paths"]
    routes = {(method.upper(), generic(path)) for path, methods in served.items() for method in methods}
    listed = re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?]*)[^`]*`", DOCS)
    assert {(method, generic(path)) for method, path in listed} == routes


def generic(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{\w+\}", "{}", path)


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    assert len(source) == 1
    monkeypatch.chdir(tmp_path)
    with run_server(ZeroCostSynthesizer()) as url:
        exec(compile(source[0].replace("http://127.0.0.1:7860", url), "docs/api/http.md", "exec"), {})
    assert (tmp_path / "hello.mp3").stat().st_size > 1_000
