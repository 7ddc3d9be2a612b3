"""Gradio's own client gets audio, and what it does not need is closed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import soundfile
from gradio_client import Client
from gradio_client.exceptions import AppError

from qwen3tts_webui.audio import to_s16le
from tests.support.fakes import ZeroCostSynthesizer, audio_of
from tests.support.server import run_server

pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.PandasChangeWarning")  # Gradio's use of pandas


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with run_server(ZeroCostSynthesizer(), page=True) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(url, verbose=False, download_files=tmp_path_factory.mktemp("audio"), analytics_enabled=False)


def test_generate_gives_a_file(client: Client) -> None:
    path = Path(client.predict("Hi.", "English", "A calm old man.", api_name="/generate"))
    assert path.suffix == ".wav"
    assert soundfile.info(path).frames == 9_600


def test_generate_stream_gives_chunks(client: Client) -> None:
    chunks = [base64.b64decode(chunk) for chunk in client.submit("Hi.", "en", api_name="/generate_stream")]
    assert len(chunks) > 1 and b"".join(chunks) == to_s16le(audio_of("Hi.", 5))


@pytest.mark.parametrize("name", ["/generate", "/generate_stream"])
def test_errors_have_our_message(client: Client, name: str) -> None:
    with pytest.raises(AppError, match="nothing to synthesize"):
        client.submit(" ", api_name=name).result(timeout=60)


def test_the_endpoints_are_described_with_types(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(endpoints) == ["/generate", "/generate_stream"]
    for endpoint, returned in (("/generate", "filepath"), ("/generate_stream", "str")):
        parameters = {one["parameter_name"]: one["python_type"]["type"] for one in endpoints[endpoint]["parameters"]}
        assert parameters == {"text": "str", "language": "str", "voice_desc": "str"}
        assert endpoints[endpoint]["returns"][0]["python_type"]["type"] == returned


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/run/predict"),
        ("POST", "/gradio_api/api/generate"),
        ("GET", "/gradio_api/openapi.json"),
        ("POST", "/gradio_api/vibe-edit"),
        ("GET", "/gradio_api/proxy=http://example.org"),
        ("GET", "/monitoring/summary"),
        ("POST", "/gradio_api/process_recording"),
    ],
)
def test_other_routes_are_closed(url: str, method: str, path: str) -> None:
    answer = httpx.request(method, url + path, json={} if method == "POST" else None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "route_not_found")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"x" * 400_000, 413), (b"not json", 400), (b"[]", 400), (json.dumps({"secret": "s3cret"}).encode(), 400)],
)
def test_bodies_are_limited_and_not_repeated(url: str, body: bytes, status: int) -> None:
    answer = httpx.post(f"{url}/gradio_api/queue/join", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status and "error" in answer.json()
    assert "s3cret" not in answer.text


def test_the_page_still_loads(url: str) -> None:
    assert "gradio_config" in httpx.get(url).text
    assert httpx.get(f"{url}/config").status_code == 200


@pytest.mark.parametrize("path", ["/config", "/gradio_api/info", "/"])
def test_gradio_allows_no_origin_of_its_own(url: str, path: str) -> None:
    for method in ("GET", "OPTIONS"):
        headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}
        answer = httpx.request(method, url + path, headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control-")]
