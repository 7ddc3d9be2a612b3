"""HTTP as real clients speak it: offered upgrades, HTTP/1.0, HEAD, ranges, unknown routes and refused handshakes."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
import websockets.exceptions

from qwen3tts_webui.audio import to_s16le
from tests.support.fakes import ZeroCostSynthesizer, audio_of
from tests.support.server import connect, run_server

AUDIO = to_s16le(audio_of("Hello.", 5))
BODY = json.dumps({"text": "Hello.", "streaming": True}).encode()
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_server(ZeroCostSynthesizer(), outputs=tmp_path_factory.mktemp("outputs")) as url:
        yield url


def exchange(url: str, *packets: bytes) -> tuple[str, bytes]:
    """Send the packets one after another, then read until the server closes. Returns the head and the body."""
    host, port = url.removeprefix("http://").split(":")
    raw = b""
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for packet in packets:
            connection.sendall(packet)
            time.sleep(0.05)
        while piece := connection.recv(65_536):
            raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    return head.decode("latin-1").lower(), body


def head_of(headers: str, version: str = "1.1", length: int = len(BODY)) -> bytes:
    return (
        f"POST /api/tts HTTP/{version}\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n{headers}\r\n"
    ).encode()


def unchunked(body: bytes) -> bytes:
    data = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        data, body = data + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return data


LAST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("cuts", [(), (0,), (0, 10), (-5,)])
def test_an_offered_upgrade_is_ignored_and_the_body_kept(server: str, cuts: tuple[int, ...]) -> None:
    packets, start = [head_of(H2C)], 0
    if cuts == ():
        packets = [packets[0] + BODY]
    else:
        for cut in cuts:
            end = cut % len(BODY)
            packets.append(BODY[start:end])
            start = end
        packets.append(BODY[start:])
    head, body = exchange(server, *[packet for packet in packets if packet], LAST)
    assert head.startswith("http/1.1 200")
    chunks, _, rest = body.partition(b"\r\n0\r\n\r\n")
    assert unchunked(chunks + b"\r\n") == AUDIO
    assert b'{"status":"ok"}' in rest  # the connection stays usable


def test_an_upgrade_offered_with_a_chunked_body(server: str) -> None:
    head = head_of(H2C).replace(f"Content-Length: {len(BODY)}".encode(), b"Transfer-Encoding: chunked")
    answer, _ = exchange(server, head, b"%x\r\n%b\r\n" % (len(BODY), BODY), b"0\r\n\r\n" + LAST)
    assert answer.startswith("http/1.1 200")


def test_a_websocket_offered_with_a_post_is_ignored(server: str) -> None:
    offer = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    head, body = exchange(server, head_of(offer), BODY, LAST)
    assert head.startswith("http/1.1 200")
    assert b'{"status":"ok"}' in body


def test_an_upgrade_offered_with_a_get(server: str) -> None:
    head, _ = exchange(server, f"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n{H2C}\r\n".encode() + LAST)
    assert head.startswith("http/1.1 200")


def test_a_client_of_http_1_0_gets_plain_bytes_until_the_end(server: str) -> None:
    head, body = exchange(server, head_of("", "1.0") + BODY)
    assert "transfer-encoding" not in head and "connection: close" in head
    assert body == AUDIO


def test_a_file_for_http_1_0_keeps_its_length(server: str) -> None:
    body = json.dumps({"text": "Hello."}).encode()
    head, data = exchange(server, head_of("", "1.0", len(body)) + body)
    assert f"content-length: {len(data)}" in head and data[:4] == b"RIFF"


@pytest.fixture(scope="module")
def files(server: str) -> list[str]:
    """Paths of finished files of every kind."""
    httpx.post(f"{server}/api/tts", json={"text": "Hello."}, headers={"X-Request-Id": "finished-1"})
    entry = httpx.get(f"{server}/api/history?request_id=finished-1").json()["entries"][0]["id"]
    voice = httpx.post(f"{server}/api/voices", json={"request_id": "finished-1", "name": "A voice"}).json()["id"]
    return [
        "/api/requests/finished-1/audio",
        "/api/requests/finished-1/audio?format=flac",
        "/api/requests/finished-1/subtitles",
        f"/api/history/{entry}/audio",
        f"/api/history/{entry}/audio?format=mp3",
        f"/api/history/{entry}/subtitles?format=vtt",
        f"/api/voices/{voice}/export",
        f"/api/voices/{voice}/sample",
    ]


def test_finished_files_can_be_resumed(server: str, files: list[str]) -> None:
    for path in files:
        whole = httpx.get(server + path)
        assert whole.headers["accept-ranges"] == "bytes"
        size = len(whole.content)
        part = httpx.get(server + path, headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, whole.content[10:20])
        assert part.headers["content-range"] == f"bytes 10-19/{size}"
        assert httpx.get(server + path, headers={"Range": "bytes=-7"}).content == whole.content[-7:]
        assert httpx.get(server + path, headers={"Range": "bytes=20-"}).content == whole.content[20:]
        huge = "9" * 5_000
        for header in (f"bytes=0-{huge}", f"bytes=-{huge}"):
            answer = httpx.get(server + path, headers={"Range": header})
            assert (answer.status_code, answer.content) == (206, whole.content)
        for header in (f"bytes={size}-", f"bytes={huge}-", "bytes=-0"):
            beyond = httpx.get(server + path, headers={"Range": header})
            assert (beyond.status_code, beyond.json()["error"]["code"]) == (416, "range_not_satisfiable")
            assert beyond.headers["content-range"] == f"bytes */{size}"
            other = httpx.get(server + path, headers={"Range": header, "If-Range": '"another"'})
            assert (other.status_code, other.content) == (200, whole.content)
        same = httpx.get(server + path, headers={"Range": "bytes=0-9", "If-Range": whole.headers["etag"]})
        assert (same.status_code, same.content) == (206, whole.content[:10])


@pytest.mark.parametrize("header", ["bytes=5-2", "lines=1-2", "bytes=a-b", "bytes=-", "bytes"])
def test_a_range_that_is_none_is_ignored(server: str, files: list[str], header: str) -> None:
    for path in files:
        answer = httpx.get(server + path, headers={"Range": header})
        assert (answer.status_code, len(answer.content)) == (200, int(answer.headers["content-length"]))


def test_head_describes_what_get_returns(server: str, files: list[str]) -> None:
    for path in [*files, "/api/voices", "/v1/models", "/health"]:
        head, get = httpx.head(server + path), httpx.get(server + path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/nothing", "/api/info/", "/api/tts/", "/v1", "/v1/x", "/ws/x", "//v1/models"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_routes_are_reported_in_our_format(server: str, path: str, method: str) -> None:
    answer = httpx.request(method, server + path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "route_not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/api/tts", "POST"),
        ("HEAD", "/api/tts", "POST"),
        ("PUT", "/api/history/x", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/audio/speech", "POST"),
    ],
)
def test_wrong_methods_name_the_right_ones(server: str, method: str, path: str, allow: str) -> None:
    answer = httpx.request(method, server + path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)
    if method != "HEAD":
        assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(("length", "status"), [(8_000, 404), (9_000, 414), (60_000, 414), (200_000, 414)])
def test_long_urls_are_reported_in_our_format(server: str, length: int, status: int) -> None:
    url = f"/api/nothing?{'a' * length}"
    head, body = exchange(server, f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    assert head.startswith(f"http/1.1 {status}")
    assert set(json.loads(body)["error"]) == {"code", "message"}


def test_what_is_no_http_is_reported_in_our_format(server: str) -> None:
    _, body = exchange(server, b"hello\r\n\r\n")
    assert json.loads(body)["error"]["code"] == "malformed_request"


@pytest.mark.parametrize("path", ["/", "/ws", "/ws/other", "/api/tts", "/queue/join"])
def test_unknown_sockets_are_not_found(server: str, path: str) -> None:
    with pytest.raises(websockets.exceptions.InvalidStatus) as caught, connect(server.replace("http", "ws") + path):
        pass
    assert caught.value.response.status_code == 404
    assert json.loads(caught.value.response.body)["error"]["code"] == "route_not_found"


def test_refused_handshakes_log_no_error(server: str, caplog: pytest.LogCaptureFixture) -> None:
    upgrade = "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{}\r\n"
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    cases = [
        ("/ws/tts", "127.0.0.1", "", 400),
        ("/ws/tts", "evil.example", key, 421),
        ("/ws/none", "127.0.0.1", key, 404),
        (f"/ws/tts?{'a' * 9_000}", "127.0.0.1", key, 414),
        ("/ws/tts", "127.0.0.1", f"{key}X: {'a' * 9_000}\r\n", 431),
        ("/ws/tts", "127.0.0.1", key + "".join(f"X-{number}: 1\r\n" for number in range(150)), 431),
        ("/ws/tts", "127.0.0.1", f"{key}Content-Length: 5\r\n", 400),
    ]
    with caplog.at_level(logging.INFO):
        for *case, status in cases:
            head, body = exchange(server, upgrade.format(*case).encode())
            assert head.split()[1] == str(status)
            assert status == 400 or "code" in json.loads(body)["error"]
        text = b"\x81\x82\0\0\0\0\xff\xfe"  # not UTF-8
        _, answer = exchange(server, upgrade.format("/ws/tts", "127.0.0.1", key).encode(), text)
        assert answer[2:4] == (1_007).to_bytes(2, "big")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
