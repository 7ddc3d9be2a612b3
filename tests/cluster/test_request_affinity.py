"""Which replica handles which request."""

from __future__ import annotations

import pytest

from qwen3tts_webui.cluster.request_affinity import RequestAffinity, request_id_of_query, request_id_of_start

ID = "abcdefgh-1234"


@pytest.mark.parametrize(
    ("path", "request_id"),
    [
        (f"/api/requests/{ID}", ID),
        (f"/api/requests/{ID}/events", ID),
        (f"/api/requests/{ID}/audio", ID),
        (f"/api/stream/aB_-9~{ID}.mp3", ID),
        (f"/api/stream/aB_-9~{ID}", ID),
        (f"/api/stream/{ID}.mp3", None),
        ("/api/stream/aB_-9~short.mp3", None),
        ("/api/requests/short", None),
        (f"/api/history/{ID}", None),
        (f"/other/api/requests/{ID}", None),
        ("/api/tts", None),
        ("/", None),
    ],
)
def test_a_query_names_its_request(path: str, request_id: str | None):
    assert request_id_of_query({"type": "http", "method": "GET", "path": path}) == request_id


@pytest.mark.parametrize(
    ("query", "request_id"),
    [
        (f"request_id={ID}".encode(), ID),
        (f"limit=1&request_id={ID}".encode(), ID),
        (b"request_id=short", None),
        (b"search=apple", None),
        (b"", None),
    ],
)
def test_the_history_entry_of_a_request_belongs_to_it(query: bytes, request_id: str | None):
    scope = {"type": "http", "method": "GET", "path": "/api/history", "query_string": query}
    assert request_id_of_query(scope) == request_id


def test_only_synthesis_routes_start_a_request():
    headers = [(b"host", b"x"), (b"x-request-id", ID.encode())]
    assert request_id_of_start({"type": "http", "method": "POST", "headers": headers}) == ID
    assert request_id_of_start({"type": "websocket", "headers": headers}) == ID
    assert request_id_of_start({"type": "http", "method": "GET", "headers": headers}) is None
    assert request_id_of_start({"type": "http", "method": "POST", "headers": []}) is None
    assert request_id_of_start({}) is None


def test_the_oldest_are_forgotten_first():
    affinity = RequestAffinity(limit=2)
    affinity.set("one", "a")
    affinity.set("two", "b")
    affinity.set("one", "c")
    affinity.set("three", "d")
    assert (affinity.of("one"), affinity.of("two"), affinity.of("three")) == ("c", None, "d")
