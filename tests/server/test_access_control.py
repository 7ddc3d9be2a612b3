"""Access control: host names, origins, keys, cookies; the same for page, API and WebSocket."""

from __future__ import annotations

import json
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import HTMLResponse
from starlette.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import NotFound
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.auth import ApiKeyStore, BrowserSessions, secret_file
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client

HELLO = {"text": "Hello.", "streaming": True}


def page(app: FastAPI) -> None:
    @app.get("/")
    def root() -> HTMLResponse:
        return HTMLResponse("<!doctype html><p>the page</p>")


def client_with(synthesizer: ZeroCostSynthesizer | None = None, *, base_url: str = "", **settings: Any) -> TestClient:
    speech = Speech(synthesizer or ZeroCostSynthesizer(num_frames=1), Presets.load())
    app = create_app(speech, Settings(**settings), page=page)
    return make_client(app, base_url=base_url or "http://127.0.0.1", follow_redirects=False)


usual_client = cache(client_with)


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeyStore:
    return ApiKeyStore(tmp_path / "config" / "keys.json")


# host names


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:7860", "localhost", "LOCALHOST:1", "[::1]", "[::1]:7860", "localhost."]
)
def test_loopback_names_are_accepted(host: str) -> None:
    assert usual_client().get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.7", "", "localhost:80@evil"]
)
def test_a_rebound_name_is_rejected_even_on_an_open_bind_address(host: str) -> None:
    answer = usual_client().get("/health", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "forbidden_host")


def test_two_host_headers_are_rejected() -> None:
    answer = usual_client().get("/health", headers=[("Host", "127.0.0.1"), ("Host", "evil.example")])
    assert answer.status_code == 421


def test_a_listed_name_and_the_bound_host_are_allowed() -> None:
    client = client_with(host="studio.lan", allowed_hosts=("tts.example.org",))
    assert client.get("/health", headers={"Host": "studio.lan:7860"}).status_code == 200
    assert client.get("/health", headers={"Host": "tts.example.org"}).status_code == 200
    assert client.get("/health", headers={"Host": "other.example.org"}).status_code == 421


def test_a_server_bound_to_all_addresses_accepts_addresses_but_no_foreign_names() -> None:
    client = client_with(host="0.0.0.0")
    assert client.get("/health", headers={"Host": "192.168.1.7:7860"}).status_code == 200
    assert client.get("/health", headers={"Host": "evil.example"}).status_code == 421


def test_lists_in_the_environment_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN3TTS_ALLOWED_HOSTS", "a.example, b.example")
    assert Settings().allowed_hosts == ("a.example", "b.example")


# origins


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1"}, 200),
        ({"Origin": "http://127.0.0.1:80"}, 200),
        ({"Origin": "http://localhost"}, 403),
        ({"Origin": "http://127.0.0.1:8000"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "file://"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_only_the_own_page_may_send_unsafe_requests_from_a_browser(headers: dict[str, str], status: int) -> None:
    synthesizer = ZeroCostSynthesizer(num_frames=1)
    assert client_with(synthesizer).post("/api/tts", json=HELLO, headers=headers).status_code == status
    assert len(synthesizer.utterances) == (status == 200)


def test_cors_is_off_unless_an_origin_is_listed() -> None:
    ask = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    answer = usual_client().options("/api/tts", headers=ask)
    assert "access-control-allow-origin" not in answer.headers
    allowed = client_with(cors_origins=("https://app.example",))
    answer = allowed.options("/api/tts", headers=ask)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://app.example")
    assert "access-control-allow-credentials" not in answer.headers
    spoken = allowed.post("/api/tts", json=HELLO, headers={"Origin": "https://app.example"})
    assert (spoken.status_code, spoken.headers["access-control-allow-origin"]) == (200, "https://app.example")
    assert "X-Request-Id" in spoken.headers["access-control-expose-headers"]
    other = allowed.post("/api/tts", json=HELLO, headers={"Origin": "https://evil.example"})
    assert (other.status_code, "access-control-allow-origin" in other.headers) == (403, False)


# keys


def test_a_key_is_shown_once_and_stored_as_a_hash(keys: ApiKeyStore, tmp_path: Path) -> None:
    key, secret = keys.create("laptop")
    file = tmp_path / "config" / "keys.json"
    assert secret not in file.read_text() and len(secret) > 40
    assert json.loads(file.read_text())["keys"][0]["label"] == "laptop"
    assert keys.id_of(secret) == key.id
    assert keys.id_of(secret + "x") is None and keys.id_of("") is None and keys.id_of("ü" * 10_000) is None
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def sessions_in(tmp_path: Path) -> BrowserSessions:
    file = tmp_path / "config" / "keys.json"
    return BrowserSessions(ApiKeyStore(file), secret_file(file))


def test_a_session_is_valid_on_every_server_with_the_same_files(keys: ApiKeyStore, tmp_path: Path) -> None:
    key, _ = keys.create()
    session = sessions_in(tmp_path).create(key.id)
    assert sessions_in(tmp_path).id_of(session) == key.id
    key_id, until, signature = session.split(".")
    forged = [
        f"{key_id}.{until[:-1]}{'A' if until[-1] != 'A' else 'B'}.{signature}",
        f"{key_id}.0.{signature}",
        f"x.{until}.{signature}",
        "..",
        "ü.1.é",
    ]
    assert [sessions_in(tmp_path).id_of(token) for token in forged] == [None] * len(forged)


def test_the_key_file_does_not_suffice_to_forge_a_session(keys: ApiKeyStore, tmp_path: Path) -> None:
    key, _ = keys.create()
    sessions = sessions_in(tmp_path)
    sessions.create(key.id)
    stolen = BrowserSessions(ApiKeyStore(tmp_path / "config" / "keys.json"), None).create(key.id)
    assert sessions.id_of(stolen) is None
    file = tmp_path / "config" / "keys.sessions"
    assert key.sha256 not in file.read_text() and len(bytes.fromhex(file.read_text())) == 32
    assert [path.name for path in file.parent.iterdir() if path.name != "keys.json"] == ["keys.sessions"]
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_new_secret_ends_all_sessions(keys: ApiKeyStore, tmp_path: Path) -> None:
    key, _ = keys.create()
    sessions = sessions_in(tmp_path)
    session = sessions.create(key.id)
    secret_file(tmp_path / "config" / "keys.json").unlink()
    assert sessions.id_of(session) is None
    assert sessions.id_of(sessions.create(key.id)) == key.id


@pytest.mark.parametrize("broken", ["", "zz", "00" * 31])
def test_a_broken_secret_signs_nothing(keys: ApiKeyStore, tmp_path: Path, broken: str) -> None:
    key, _ = keys.create()
    secret_file(tmp_path / "config" / "keys.json").write_text(broken)
    assert sessions_in(tmp_path).id_of(sessions_in(tmp_path).create(key.id)) is None


def test_servers_that_start_concurrently_share_one_secret(keys: ApiKeyStore, tmp_path: Path) -> None:
    key, _ = keys.create()
    with ThreadPoolExecutor(8) as threads:
        begun = list(threads.map(lambda _: sessions_in(tmp_path).create(key.id), range(32)))
    assert {sessions_in(tmp_path).id_of(session) for session in begun} == {key.id}


def test_a_revoked_key_and_its_sessions_are_invalid(keys: ApiKeyStore, tmp_path: Path) -> None:
    key, secret = keys.create()
    sessions = sessions_in(tmp_path)
    session = sessions.create(key.id)
    keys.create("another")
    assert sessions.id_of(session) == key.id
    keys.revoke(key.id)
    assert keys.id_of(secret) is None and sessions.id_of(session) is None
    with pytest.raises(NotFound):
        keys.revoke(key.id)


def test_without_keys_or_their_file_access_stays_denied(keys: ApiKeyStore, tmp_path: Path) -> None:
    key, _ = keys.create()
    file = tmp_path / "config" / "keys.json"
    client = client_with(api_keys_file=file)
    assert client.get("/api/info").status_code == 401
    keys.revoke(key.id)
    assert client.get("/api/info").status_code == 401
    file.unlink()
    assert client.get("/api/info").status_code == 401


def test_a_broken_key_file_denies_access(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text("{")
    assert client_with(api_keys_file=file).get("/api/info").status_code == 401


@pytest.fixture
def locked(keys: ApiKeyStore, tmp_path: Path) -> tuple[TestClient, str]:
    _, secret = keys.create()
    return client_with(api_keys_file=tmp_path / "config" / "keys.json"), secret


@pytest.mark.parametrize("path", ["/api/info", "/api/voices", "/metrics", "/docs", "/openapi.json", "/", "/no-such"])
def test_everything_needs_the_key(locked: tuple[TestClient, str], path: str) -> None:
    client, secret = locked
    refused = client.get(path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert client.get(path, headers={"Authorization": f"Bearer {secret}"}).status_code == (404 if "no" in path else 200)


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Bearer x", "Basic {}", "{}", "Bearer {}x", "bearer x {}"])
def test_a_wrong_key_is_rejected(locked: tuple[TestClient, str], value: str) -> None:
    client, secret = locked
    assert client.post("/api/tts", json=HELLO, headers={"Authorization": value.format(secret)}).status_code == 401


def test_probes_need_no_key(locked: tuple[TestClient, str]) -> None:
    assert [locked[0].get(path).status_code for path in ("/health", "/ready")] == [200, 200]


def test_a_websocket_needs_the_key(locked: tuple[TestClient, str]) -> None:
    from starlette.testclient import WebSocketDenialResponse

    client, secret = locked
    host = {"Host": "127.0.0.1"}
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/ws/tts", headers=host):
        pass
    assert refused.value.status_code == 401
    with client.websocket_connect("/ws/tts", headers={**host, "Authorization": f"Bearer {secret}"}) as socket:
        socket.send_json({"type": "ping"})
        assert socket.receive_json()["type"] == "pong"


def test_logging_in_sets_a_session_cookie(locked: tuple[TestClient, str]) -> None:
    client, secret = locked
    sent_on = client.get("/", headers={"Accept": "text/html"})
    assert (sent_on.status_code, sent_on.headers["location"]) == (303, "/login")
    form = client.get("/login")
    assert 'type="password"' in form.text
    assert client.post("/login", data={"key": "wrong"}).status_code == 401
    entered = client.post("/login", data={"key": secret})
    assert entered.status_code == 303
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and secret not in cookie
    assert client.get("/").text.endswith("<p>the page</p>")
    assert client.post("/api/tts", json=HELLO).status_code == 200


def test_a_key_in_the_page_url_becomes_a_cookie_and_leaves_the_url(
    locked: tuple[TestClient, str],
) -> None:
    client, secret = locked
    entered = client.get(f"/?key={secret}", headers={"Accept": "text/html"})
    assert (entered.status_code, entered.headers["location"]) == (303, "http://127.0.0.1/")
    assert client.get("/").status_code == 200
    client.cookies.clear()
    assert client.get(f"/api/info?key={secret}").status_code == 401  # programs send a header


def test_a_cookie_does_not_help_another_website(locked: tuple[TestClient, str]) -> None:
    client, secret = locked
    client.post("/login", data={"key": secret})
    assert client.post("/api/tts", json=HELLO, headers={"Origin": "https://evil.example"}).status_code == 403


# what answers say about themselves


@pytest.mark.parametrize("path", ["/health", "/api/info", "/no-such-path", "/docs", "/"])
def test_every_response_has_security_headers(path: str) -> None:
    headers = usual_client().get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    if path not in ("/", "/docs"):
        assert headers["content-security-policy"].startswith("default-src 'none'")


def test_an_unexpected_error_has_the_same_headers_and_no_details(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings())

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("the user's secret text")

    answer = make_client(app, raise_server_exceptions=False).get("/broken")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-request-id"]
