"""The OpenAPI document: every field has a description and an example, every example gets the documented response."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client

ROUTES = ["/api/tts", "/v1/audio/speech"]


@pytest.fixture(scope="module")
def client() -> TestClient:
    return make_client(create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings()))


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def body_of(document: dict[str, Any], route: str) -> dict[str, Any]:
    body: dict[str, Any] = document["paths"][route]["post"]["requestBody"]["content"]["application/json"]
    return body


@pytest.mark.parametrize("route", ROUTES)
def test_every_field_has_a_description_and_an_example(document: dict[str, Any], route: str) -> None:
    schema = body_of(document, route)["schema"]["$ref"].removeprefix("#/components/schemas/")
    fields = document["components"]["schemas"][schema]["properties"]
    assert [name for name, field in fields.items() if not field.get("description") or not field.get("examples")] == []


@pytest.mark.parametrize("route", ROUTES)
def test_every_example_gets_a_response(client: TestClient, document: dict[str, Any], route: str) -> None:
    promised = document["paths"][route]["post"]["responses"]["200"]["content"]
    for example in body_of(document, route)["examples"].values():
        answer = client.post(route, json=example["value"])
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] in promised


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)
