"""The OpenAPI document: what it says is true, its examples work, and nothing that fits or breaks it is a 5xx."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.docs_page import example_of
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices.library import Library
from qwen3tts_webui.voices.presets import Presets
from tests.fakes import ZeroCostSynthesizer
from tests.server.running import calling


def new_app(library: Library | None = None) -> Any:
    settings = Settings(max_text=2_000, rate_limit="1000000/minute")
    return create_app(Speech(ZeroCostSynthesizer(num_frames=1), Presets.load(), library), settings)


APP = new_app()
schema = schemathesis.openapi.from_asgi("/openapi.json", APP, headers={"Host": "127.0.0.1"})


@pytest.mark.filterwarnings("ignore")
@schema.parametrize()
@hypothesis.settings(
    max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_no_request_is_a_server_error(case: Any) -> None:
    if case.path.endswith("/events") or case.method == "TRACE":
        return
    case.headers = {**(case.headers or {}), "Host": "127.0.0.1"}
    response = case.call()
    if case.path not in ("/ready",):
        case.validate_response(response, checks=[not_a_server_error])


def examples() -> list[tuple[str, str, dict[str, Any]]]:
    document = APP.openapi()
    return [
        (method, path, example)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if (example := example_of(document, operation)) is not None and "{" not in path
    ]


def test_speaking_has_an_example() -> None:
    assert "/api/tts" in [path for _, path, _ in examples()]


@pytest.mark.parametrize(("method", "path", "example"), examples())
def test_the_examples_work(method: str, path: str, example: dict[str, Any], tmp_path: Path) -> None:
    with closing(Library(tmp_path)) as library, calling(new_app(library)) as client:
        client.post("/api/tts", json={"text": "Hello."}, headers={"X-Request-Id": "my-request-1"})  # some speak of it
        answer = client.request(method, path, json=example)
        assert answer.is_success, answer.text


def test_the_page_for_people_names_every_route_and_loads_nothing() -> None:
    client = calling(APP)
    page = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page
    assert "<script" not in page and "src=" not in page and "http://" not in page.replace("http://127.0.0.1:7860", "")
