"""Links that stream once, and `Server-Timing`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest

from qwen3tts_webui.audio import OutputFormat, to_s16le
from qwen3tts_webui.cluster.request_affinity import request_id_of_query
from qwen3tts_webui.errors import NotFound
from qwen3tts_webui.server.auth import ApiKeyStore
from qwen3tts_webui.server.delivery import LINK_S, StreamLinks
from qwen3tts_webui.types import SpeechRequest
from tests.support.fakes import SteppedSynthesizer, ZeroCostSynthesizer, audio_of
from tests.support.server import run_server
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with run_server(ZeroCostSynthesizer()) as url:
        yield url


def link_to(url: str, **body: object) -> dict[str, str]:
    answer = httpx.post(f"{url}/api/tts?link=1", json={"text": "Hi.", **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_link_streams_once(url: str) -> None:
    link = link_to(url, format="pcm")
    head = httpx.head(url + link["url"])
    assert (head.status_code, head.headers["content-type"]) == (200, "audio/pcm")  # some players ask first
    assert "content-length" not in head.headers
    assert request_id_of_query({"path": link["url"]}) == link["request_id"]  # replicas are found by it
    first = httpx.get(url + link["url"])
    assert (first.status_code, first.content) == (200, to_s16le(audio_of("Hi.", 5)))
    assert first.headers["x-request-id"] == link["request_id"]
    assert "content-length" not in first.headers
    again = httpx.get(url + link["url"])
    assert (again.status_code, again.json()["error"]["code"]) == (404, "not_found")
    assert httpx.get(f"{url}/api/requests/{link['request_id']}").json()["finish_reason"] == "stop"


def test_what_leaves_a_link_unused_and_what_uses_it(url: str) -> None:
    link = url + link_to(url, format="pcm")["url"]
    for method in ("POST", "PUT", "DELETE", "HEAD"):
        answer = httpx.request(method, link)
        assert (answer.status_code, answer.headers.get("allow")) in ((405, "GET, HEAD"), (200, None))
    part = httpx.get(link, headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.content) == (200, to_s16le(audio_of("Hi.", 5)))
    assert "accept-ranges" not in part.headers
    assert httpx.head(link).status_code == httpx.get(link, headers={"Range": "bytes=2-"}).status_code == 404


def test_the_default_is_mp3(url: str) -> None:
    assert httpx.get(url + link_to(url)["url"]).headers["content-type"] == "audio/mpeg"


def test_audio_comes_while_it_is_generated() -> None:
    synthesizer = SteppedSynthesizer(num_frames=2)
    with run_server(synthesizer) as url:
        link = link_to(url, format="pcm")
        assert synthesizer.load.running == 0  # nothing is generated before the link is opened
        with httpx.Client() as client:
            request = client.build_request("GET", url + link["url"])
            stepping = Thread(target=lambda: (wait_until(lambda: synthesizer.load.running == 1), synthesizer.step()))
            stepping.start()
            answer = client.send(request, stream=True)
            pieces = answer.iter_bytes(768)
            first = next(pieces)
            assert synthesizer.packets_made == 1
            synthesizer.step()
            assert first + b"".join(pieces) == to_s16le(audio_of("Hi.", 2))
            stepping.join()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": ["One."]}, "invalid_value"),
        ({"text": " "}, "empty_text"),
        ({"format": "tape"}, "invalid_value"),
        ({"voice": "nobody"}, "unknown_voice"),
    ],
)
def test_an_invalid_body_gets_no_link(url: str, body: dict[str, object], code: str) -> None:
    answer = httpx.post(f"{url}/api/tts?link=1", json={"text": "Hi.", **body})
    assert answer.json()["error"]["code"] == code


def test_a_link_expires() -> None:
    now = 100.0
    links = StreamLinks(lambda: now)
    tokens = [links.create(SpeechRequest(text="Hi."), OutputFormat()) for _ in range(2)]
    now += LINK_S - 1
    assert links.take(tokens[0]).request.text == "Hi."
    now += 1
    with pytest.raises(NotFound):
        links.take(tokens[1])


def test_links_are_bounded() -> None:
    links = StreamLinks()
    first = links.create(SpeechRequest(text="Hi."), OutputFormat())
    for _ in range(1_000):
        last = links.create(SpeechRequest(text="Hi."), OutputFormat())
    with pytest.raises(NotFound):
        links.take(first)
    links.take(last)


def test_a_link_needs_no_key_but_making_one_does(tmp_path: Path) -> None:
    _, secret = ApiKeyStore(tmp_path / "keys.json").create()
    with run_server(ZeroCostSynthesizer(), api_keys_file=tmp_path / "keys.json") as url:
        assert httpx.post(f"{url}/api/tts?link=1", json={"text": "Hi."}).status_code == 401
        headers = {"Authorization": f"Bearer {secret}"}
        link = httpx.post(f"{url}/api/tts?link=1", json={"text": "Hi."}, headers=headers).json()
        assert httpx.get(url + link["url"]).status_code == 200


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("path", ["/api/tts", "/v1/audio/speech"])
def test_server_timing(url: str, path: str, streaming: bool) -> None:
    body = {"text": "Hi.", "streaming": streaming} if path == "/api/tts" else {"input": "Hi."}
    header = httpx.post(url + path, json=body).headers["server-timing"]
    assert re.fullmatch(r"queue;dur=0\.0, first-audio;dur=\d+\.\d", header), "the fake engine has no other times"
