"""Who speaks which request."""

from __future__ import annotations

import pytest

from qwen3tts_webui.cluster.owners import Owners, asked_about, begun_by

ID = "abcdefgh-1234"


@pytest.mark.parametrize(
    ("path", "request_id"),
    [
        (f"/api/requests/{ID}", ID),
        (f"/api/requests/{ID}/events", ID),
        (f"/api/requests/{ID}/audio", ID),
        (f"/api/history/of/{ID}", ID),
        ("/api/requests/short", None),
        (f"/api/history/{ID}", None),
        (f"/other/api/requests/{ID}", None),
        ("/api/tts", None),
        ("/", None),
    ],
)
def test_a_question_names_its_request(path: str, request_id: str | None):
    assert asked_about({"type": "http", "method": "GET", "path": path}) == request_id


def test_only_what_may_speak_begins_a_request():
    headers = [(b"host", b"x"), (b"x-request-id", ID.encode())]
    assert begun_by({"type": "http", "method": "POST", "headers": headers}) == ID
    assert begun_by({"type": "websocket", "headers": headers}) == ID
    assert begun_by({"type": "http", "method": "GET", "headers": headers}) is None
    assert begun_by({"type": "http", "method": "POST", "headers": []}) is None
    assert begun_by({}) is None


def test_the_oldest_are_forgotten_first():
    owners = Owners(limit=2)
    owners.set("one", "a")
    owners.set("two", "b")
    owners.set("one", "c")
    owners.set("three", "d")
    assert (owners.of("one"), owners.of("two"), owners.of("three")) == ("c", None, "d")
