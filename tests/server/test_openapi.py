"""The OpenAPI document: it is true, its examples work, and neither valid nor invalid requests cause a 5xx."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import hypothesis
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from starlette.applications import Starlette

from qwen3tts_webui.checkpoints import LocalStore, MemoryBudget, ModelInstaller, RetryPolicy
from qwen3tts_webui.config import Settings
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.routes import example_of
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.checkpoints.test_installer import Starter
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client


def new_app(library: HistoryStore | None = None, **options: Any) -> Any:
    settings = Settings(max_text=2_000, rate_limit="1000000/minute")
    return create_app(Speech(ZeroCostSynthesizer(num_frames=1), Presets.load(), library), settings, **options)


class Later:
    """ASGI: an app that can be replaced, since its document is needed before there is a place for its files.

    It never goes down: schemathesis starts and stops the app around every call.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await (Starlette() if scope["type"] == "lifespan" else self.app)(scope, receive, send)


def installer_without_a_network(folder: Path, switch: HotSwapSynthesizer) -> ModelInstaller:
    room = MemoryBudget(device="cpu", dtypes=("float32",), free_bytes=1 << 30)
    retry_policy = RetryPolicy(max_attempts=1, initial_wait_s=0.001)
    return ModelInstaller(
        LocalStore(folder, caches=()),
        switch,
        Starter(),
        lambda: room,
        mirror="http://127.0.0.1:9",
        retry_policy=retry_policy,
    )


APP = new_app(run_doctor=list, model_installer=cast(ModelInstaller, None))
SERVED = Later(APP)
schema = schemathesis.openapi.from_asgi("/openapi.json", SERVED, headers={"Host": "127.0.0.1"})


class Names:
    """Ids of existing objects; created again for each operation, and after each that may have deleted them."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self._operation = ""
        self._names: dict[str, str] = {}
        self._pictures = 0

    def of(self, case: Any) -> dict[str, str] | None:
        """For each parameter of the path; None when this operation had enough of them: a picture takes a second."""
        self._pictures += case.path.endswith("/picture.png")
        if case.path.endswith("/picture.png") and self._pictures > 2:
            return None
        operation = f"{case.method} {case.path}"
        if operation != self._operation or case.method == "DELETE":
            self._operation = operation
            self._names = self._made()
        return self._names | {"id": self._names["entry_id" if case.path.startswith("/api/history") else "request_id"]}

    def _made(self) -> dict[str, str]:
        request_id = secrets.token_hex(8)
        self._client.post("/api/tts", json={"text": "Hello."}, headers={"X-Request-Id": request_id})
        entries = self._client.get(f"/api/history?request_id={request_id}").json()["entries"]
        entry_id = entries[0]["id"]
        card = self._client.post("/api/voices", json={"request_id": request_id, "name": "A voice"}).json()
        return {"request_id": request_id, "entry_id": entry_id, "voice_id": card["id"], "model_id": "tts-1"}


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    """The app behind `schema`, with a history, voices and an installer for models."""
    folder = tmp_path_factory.mktemp("openapi")
    switch = HotSwapSynthesizer(ZeroCostSynthesizer())
    installer = installer_without_a_network(folder / "models", switch)
    with closing(HistoryStore(folder)) as library, closing(switch), closing(installer):
        SERVED.app = new_app(library, run_doctor=list, model_installer=installer)
        yield Names(make_client(SERVED))


@pytest.mark.filterwarnings("ignore")
@schema.parametrize()
@hypothesis.settings(
    max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_no_request_is_a_server_error(named: Names, case: Any) -> None:
    case.headers = {**(case.headers or {}), "Host": "127.0.0.1"}
    answers = [case.call()]
    names = named.of(case) if case.path_parameters else None
    if names is not None:
        case.path_parameters = {name: names.get(name, value) for name, value in case.path_parameters.items()}
        answers.append(case.call())
    for answer in answers:
        case.validate_response(answer, checks=[not_a_server_error])


def examples() -> list[tuple[str, str, dict[str, Any]]]:
    document = APP.openapi()
    return [
        (method, path, example)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if (example := example_of(document, operation)) is not None and "{" not in path
    ]


def test_only_our_error_format_is_documented() -> None:
    assert "ValidationError" not in str(APP.openapi())


def operations() -> dict[str, dict[str, Any]]:
    paths = APP.openapi()["paths"]
    return {f"{method} {path}": operation for path, methods in paths.items() for method, operation in methods.items()}


def test_operation_ids_are_short_and_unique() -> None:
    ids = [operation["operationId"] for operation in operations().values()]
    assert len(ids) == len(set(ids)) and {"post_tts", "get_history_by_entry_id", "post_v1_audio_speech"} <= set(ids)


def test_every_route_that_reads_a_body_declares_it() -> None:
    without = {name for name, operation in operations().items() if "requestBody" not in operation}
    writing = {name for name in without if name.split()[0] in ("post", "put", "patch")}
    assert writing == {"post /api/token", "post /api/history/undelete"}


def test_keys_and_errors_are_declared() -> None:
    document = APP.openapi()
    assert document["components"]["securitySchemes"]["apiKey"] == {"type": "http", "scheme": "bearer"}
    error = {"$ref": "#/components/schemas/Error"}
    for name, operation in operations().items():
        responses = operation["responses"]
        wanted = {"408", "429", "431"} | ({"413", "415"} if "requestBody" in operation else set())
        assert wanted <= set(responses), name
        assert ("401" in responses) is (operation.get("security") != [])
        failed = [responses[status] for status in responses if status >= "400"]
        assert all(response["content"]["application/json"]["schema"] == error for response in failed)


def test_files_are_no_json() -> None:
    for name, operation in operations().items():
        if name.startswith("get") and name.endswith(("/audio", "/subtitles", ".zip", ".png", "/events")):
            responses = operation["responses"]
            assert "application/json" not in responses["200"]["content"], name
            assert ("206" in responses) is ("416" in responses)
            assert ("206" in responses) is not name.endswith((".zip", "/events")), name


def test_bodies_are_named_components() -> None:
    document = APP.openapi()
    for name in ("TtsBody", "OpenAIBody", "SaveBody", "StarBody", "Error"):
        assert document["components"]["schemas"][name]["type"] == "object"
    content = document["paths"]["/api/tts"]["post"]["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/TtsBody"}


def test_tts_has_an_example() -> None:
    assert "/api/tts" in [path for _, path, _ in examples()]


@pytest.mark.parametrize(("method", "path", "example"), examples())
def test_the_examples_work(method: str, path: str, example: dict[str, Any], tmp_path: Path) -> None:
    with closing(HistoryStore(tmp_path)) as library, make_client(new_app(library)) as client:
        client.post("/api/tts", json={"text": "Hello."}, headers={"X-Request-Id": "my-request-1"})  # some speak of it
        answer = client.request(method, path, json=example)
        assert answer.is_success, answer.text


def test_the_docs_page_names_every_route_and_loads_nothing() -> None:
    client = make_client(APP)
    page = client.get("/docs").text
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page
    assert "<script" not in page and "src=" not in page and "http://" not in page.replace("http://127.0.0.1:7860", "")
