"""docs/api.md names every field with its default, every error with its status, every route; and its Python runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen3tts_webui import errors
from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.routes.openai import OpenAIBody
from qwen3tts_webui.server.routes.openai_voices import OPENAI_VOICES
from qwen3tts_webui.server.schemas.speech import SpeakBody
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices.presets import Presets
from tests.fakes import ZeroCostSynthesizer
from tests.server.running import calling, running

FOLDER = Path(__file__).resolve().parents[1] / "docs"
DOCS = (FOLDER / "api.md").read_text(encoding="utf-8")
CHINESE = (FOLDER / "api.zh.md").read_text(encoding="utf-8")
TTS, OPENAI = DOCS.partition("## OpenAI")[::2]


def classes(root: type[errors.SpeechError]) -> Iterator[type[errors.SpeechError]]:
    yield root
    for child in root.__subclasses__():
        yield from classes(child)


@pytest.mark.parametrize("page", [TTS.partition("### A batch")[0], CHINESE], ids=["en", "zh"])
def test_every_field_of_tts_is_there_with_its_number(page: str) -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|([^|]*)\|", page, re.MULTILINE)
    told = {name: cell for names, cell in rows for name in re.findall(r"`(\w+)`", names)}
    assert told.keys() == SpeakBody.model_fields.keys()
    for names, cell in rows:
        defaults = [SpeakBody.model_fields[name].default for name in re.findall(r"`(\w+)`", names)]
        if all(isinstance(default, (int, float)) for default in defaults):
            assert [json.loads(number) for number in cell.strip(" `").split(", ")] == defaults


@pytest.mark.parametrize("name", [*OpenAIBody.model_fields, *OPENAI_VOICES])
def test_every_field_and_name_of_openais_route_is_there(name: str) -> None:
    assert f"`{name}`" in OPENAI


def test_every_error_in_the_table_has_that_status() -> None:
    known = {found.code: found.status for found in classes(errors.SpeechError)}
    rows = re.findall(r"^\| (\d{3}(?:, \d{3})*) \| (.+) \|$", DOCS.partition("## Errors")[2], re.MULTILINE)
    told = {code: statuses for statuses, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert len(told) > 20
    assert {code: str(known[code]) in statuses for code, statuses in told.items()} == dict.fromkeys(told, True)


def test_every_route_in_it_exists() -> None:
    app = create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings())
    served = calling(app).get("/openapi.json").json()["paths"]
    there = {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path)) for path, methods in served.items() for method in methods
    }
    named = set(re.findall(r"`(GET|POST|PATCH|DELETE) (/[^`?]*)[^`]*`", DOCS))
    assert len(named) > 20 and named - there == set()


def test_its_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
    assert len(source) == 1
    monkeypatch.chdir(tmp_path)
    with running(ZeroCostSynthesizer()) as url:
        exec(compile(source[0].replace("http://127.0.0.1:7860", url), "docs/api.md", "exec"), {})
    assert (tmp_path / "hello.mp3").stat().st_size > 1_000
