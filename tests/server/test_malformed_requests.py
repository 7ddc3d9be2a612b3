"""Hostile requests, and the answer that each should get. Never a 5xx, a traceback, a path, the text, or a hang.

Raw sockets, because polite clients refuse to send most of this. One server for all; the slow cases have a hasty one.
"""

from __future__ import annotations

import json
import logging
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.fakes import SteppedSynthesizer, ZeroCostSynthesizer
from tests.support.server import open_request, run_server
from tests.support.wait import wait_until

SECRET = "sesame-open-up"
JSON = "Content-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    outputs = tmp_path_factory.mktemp("outputs")
    with run_server(ZeroCostSynthesizer(num_frames=1), outputs=outputs, max_text=1_000) as url:
        yield url


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    raw: bytes


def send(url: str, data: bytes, timeout_s: float = 60) -> Answer:
    """Everything that comes back until the server responds or closes the connection; status 0 for nothing at all."""
    host, port = url.removeprefix("http://").split(":")
    raw = b""
    with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
        try:
            connection.sendall(data)
            while not _complete(raw) and (piece := connection.recv(65_536)):
                raw += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
    head, _, body = raw.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ")[1]) if head else 0, body, raw)


def _complete(raw: bytes) -> bool:
    head, found, body = raw.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(found and lengths) and len(body) >= int(lengths[0].split(b":")[1])


def post(path: str, body: bytes | str, headers: str = JSON) -> bytes:
    data = body if isinstance(body, bytes) else body.encode()
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {len(data)}\r\n\r\n".encode() + data


def get(target: str, headers: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode("latin-1")


def tts(**fields: object) -> bytes:
    return post("/api/tts", json.dumps({"text": "Hello.", **fields}))


TABLE: list[tuple[str, bytes, int]] = [
    # bodies that are no JSON, or no object
    ("empty body", post("/api/tts", ""), 400),
    ("half of JSON", post("/api/tts", '{"text": "' + SECRET), 400),
    ("a list", post("/api/tts", "[]"), 400),
    ("a number", post("/api/tts", "1"), 400),
    ("null", post("/api/tts", "null"), 400),
    ("two values", post("/api/tts", '{"text":"a"}{"text":"b"}'), 400),
    ("UTF-16", post("/api/tts", '{"text":"a"}'.encode("utf-16")), 400),
    ("broken UTF-8", post("/api/tts", b'{"text":"\xff\xfe"}'), 400),
    ("NUL bytes", post("/api/tts", b"\x00" * 100), 400),
    ("deep lists", post("/api/tts", "[" * 20_000), 400),
    ("deep objects", post("/api/tts", '{"a":' * 6_000), 400),
    ("a number of many digits", post("/api/tts", '{"text":"a","seed":' + "9" * 5_000 + "}"), 400),
    ("XML", post("/api/tts", "<x/>", "Content-Type: application/xml\r\n"), 415),
    ("a form", post("/api/tts", "text=a", "Content-Type: application/x-www-form-urlencoded\r\n"), 415),
    ("text/plain, as a foreign form may send", post("/api/tts", '{"text":"a"}', "Content-Type: text/plain\r\n"), 415),
    ("no content type", post("/api/tts", '{"text":"a"}', ""), 415),
    # wrong fields
    ("no text", post("/api/tts", "{}"), 422),
    ("unknown field", tts(color=1), 422),
    ("a field twice", post("/api/tts", '{"text":"a","text":"b"}'), 422),
    ("half a pair in an inner name", post("/api/tts", '{"text":"a","continue_from":{"\\ud83d":1}}'), 422),
    ("__proto__", post("/api/tts", '{"text":"a","__proto__":{"x":1}}'), 422),
    ("text is a number", tts(text=5), 422),
    ("text is an object", tts(text={"$gt": ""}), 422),
    ("text is null", tts(text=None), 422),
    ("empty text", tts(text=""), 422),
    ("only control characters", tts(text="\x00\x07\x1b"), 422),
    ("only control tokens", tts(text="<|im_end|><|im_start|>"), 422),
    ("too much text", tts(text="a" * 1_001), 413),
    ("giant text", post("/api/tts", b'{"text":"' + b"a" * 2_000_000 + b'"}'), 413),
    ("giant description", tts(voice_desc="a" * 2_049), 422),
    ("streaming is a word", tts(streaming="yes"), 422),
    ("speed NaN", post("/api/tts", '{"text":"a","speed":NaN}'), 422),
    ("speed Infinity", post("/api/tts", '{"text":"a","speed":Infinity}'), 422),
    ("speed 1e999", post("/api/tts", '{"text":"a","speed":1e999}'), 422),
    ("speed 0", tts(speed=0), 422),
    ("speed -1", tts(speed=-1.0), 422),
    ("speed in quotes", tts(speed="1"), 422),
    ("seed -1", tts(seed=-1), 422),
    ("seed 2^63", tts(seed=2**63), 422),
    ("seed 2^80", tts(seed=2**80), 422),
    ("seed 1.5", tts(seed=1.5), 422),
    ("seed true", tts(seed=True), 422),
    ("temperature NaN", post("/api/tts", '{"text":"a","temperature":NaN}'), 422),
    ("top_k -5", tts(top_k=-5), 422),
    ("unknown language", tts(language="klingon"), 422),
    ("a path as a language", tts(language="../../etc/passwd"), 422),
    ("a voice that is a path", tts(voice="../../../etc/passwd"), 404),
    ("a saved voice that is a path", tts(voice="saved-../../x"), 404),
    ("an unknown format", tts(format="exe"), 422),
    ("a sample rate of 1", tts(sample_rate=1), 422),
    ("a pause of a year", tts(text="a [pause 99999s] b"), 422),
    ("a number in a list of texts", tts(text=["a", 1]), 422),
    ("lists in lists", tts(text=[["a"]]), 422),
    ("an empty list", tts(text=[]), 422),
    ("257 texts", tts(text=["a"] * 257), 422),
    ("a list in which nothing can be spoken", tts(text=["", "***"]), 422),
    ("packets of no time", tts(packet_ms=0), 422),
    ("a rate that Opus does not know", tts(format="opus", sample_rate=22_050), 422),
    ("half a character as a name", post("/api/tts", '{"text":"a","\\ud800":1}'), 422),
    # headers
    ("a bad request id", post("/api/tts", '{"text":"a"}', JSON + "X-Request-Id: ../../x\r\n"), 422),
    ("a deadline of words", post("/api/tts", '{"text":"a"}', JSON + "X-Deadline-Ms: soon\r\n"), 422),
    ("a deadline of 0", post("/api/tts", '{"text":"a"}', JSON + "X-Deadline-Ms: 0\r\n"), 422),
    ("a negative deadline", post("/api/tts", '{"text":"a"}', JSON + "X-Deadline-Ms: -5\r\n"), 422),
    ("a deadline in other digits", post("/api/tts", '{"text":"a"}', JSON + "X-Deadline-Ms: ٣\r\n"), 422),
    ("a deadline of 30 years", post("/api/tts", '{"text":"a"}', JSON + "X-Deadline-Ms: 999999999999\r\n"), 422),
    ("two deadlines", post("/api/tts", '{"text":"a"}', JSON + "X-Deadline-Ms: 9\r\nX-Deadline-Ms: 8\r\n"), 422),
    ("two ids", post("/api/tts", '{"text":"a"}', JSON + "X-Request-Id: aaaaaaaa\r\n" * 2), 422),
    ("two types", post("/api/tts", '{"text":"a"}', JSON + "Content-Type: text/plain\r\n"), 415),
    ("two origins", post("/api/tts", '{"text":"a"}', JSON + "Origin: http://127.0.0.1\r\n" * 2), 403),
    ("a lying length", b"POST /api/tts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n{", 413),
    ("two lengths", post("/api/tts", "hello", "Content-Length: 6\r\n"), 400),
    ("a negative length", b"POST /api/tts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", 400),
    (
        "length and chunks (smuggling)",
        post("/api/tts", "0\r\n\r\n", "Transfer-Encoding: chunked\r\n"),
        400,
    ),
    (
        "chunks of an odd kind (smuggling)",
        b"POST /api/tts HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("a broken chunk", b"POST /api/tts HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ("a blank before the colon", b"GET /health HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400),
    ("a folded header", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n b\r\n\r\n", 400),
    ("a NUL in a header", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n", 400),
    ("101 headers", get("/health", "".join(f"X-{n}: 1\r\n" for n in range(101))), 431),
    ("one giant header", get("/health", f"X: {'a' * 40_000}\r\n"), 431),
    ("a header without an end", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000, 431),
    ("no host", b"GET /health HTTP/1.1\r\n\r\n", 421),
    ("two hosts", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", 421),
    ("a host with half a bracket", b"GET /api/info HTTP/1.1\r\nHost: [::1\r\n\r\n", 421),
    ("a host with a zone", b"GET /api/info HTTP/1.1\r\nHost: [::1%25eth0]\r\n\r\n", 421),
    ("a host with a user", b"GET /api/info HTTP/1.1\r\nHost: 127.0.0.1@evil.example\r\n\r\n", 421),
    ("a host as one number", b"GET /api/info HTTP/1.1\r\nHost: 2130706433\r\n\r\n", 421),
    ("a rebound host", b"GET /api/info HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    ("a foreign origin", post("/api/tts", '{"text":"a"}', JSON + "Origin: https://evil.example\r\n"), 403),
    ("the origin of a sandbox", post("/api/tts", '{"text":"a"}', JSON + "Origin: null\r\n"), 403),
    ("a foreign form that signs in", post("/login", "key=x", "Origin: https://evil.example\r\n"), 403),
    # what is no HTTP
    ("another protocol", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, 400),
    ("a word", b"hello\r\n\r\n", 400),
    ("HTTP/9.9", b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", 400),
    ("an unknown method", b"SING /api/tts HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
    ("a handshake without a key", get("/ws/tts", "Upgrade: websocket\r\nConnection: Upgrade\r\n"), 400),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("an absolute target elsewhere", b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
    # methods and paths
    ("GET of a POST", get("/api/tts"), 405),
    ("TRACE", b"TRACE /api/info HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
    ("no such path", get("/api/nothing"), 404),
    ("a path out of the folder", get("/../../../../etc/passwd"), 404),
    ("the same, encoded", get("/%2e%2e/%2e%2e/etc/passwd"), 404),
    ("a backslash path", get("/..%5c..%5cwindows"), 404),
    ("a NUL in the path", get("/api/voices/%00"), 404),
    ("broken escapes", get("/api/voices/%ff%fe"), 404),
    ("a request id that is a path", get("/api/requests/..%2f..%2fetc%2fpasswd"), 404),
    ("a request id of 5,000 characters", get("/api/requests/" + "a" * 5_000), 404),
    ("the sound of a path", get("/api/requests/%2e%2e/audio"), 404),
    ("a voice that is a template", get("/api/voices/%7B%7B7*7%7D%7D"), 404),
    ("a voice that is SQL", get("/api/voices/saved-'%20OR%201=1--"), 404),
    ("a page of words", get("/api/history?limit=x"), 422),
    ("a page of none", get("/api/history?limit=0"), 422),
    ("a misspelled filter", b"DELETE /api/history?serch=x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 422),
    ("an endless undo", b"DELETE /api/history?undo_s=inf HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 422),
    ("a parameter twice", get("/api/history?limit=1&limit=2"), 422),
    ("a parameter of no use", get("/api/info?x=1"), 422),
    ("a link that is neither", post("/api/tts?link=2", '{"text":"a"}'), 422),
    ("a field in the query", post("/api/tts?format=mp3", '{"text":"a"}'), 422),
    ("a lenient query", get("/v1/models?x=1"), 200),
    ("a second encoding", post("/api/tts", "x", JSON + "Content-Encoding:\r\nContent-Encoding: gzip\r\n"), 415),
    ("a page beyond all numbers", get("/api/history?offset=9223372036854775808"), 200),
    ("a search that is SQL", get("/api/history?search=%25'%22;--"), 200),
    ("a WebSocket by POST", post("/ws/tts", "{}"), 404),
]  # fmt: skip


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 60 and len({name for name, _, _ in TABLE}) == len(TABLE)


@pytest.mark.parametrize(("data", "status"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_response_is_the_expected_one_and_leaks_nothing(server: str, data: bytes, status: int) -> None:
    answer = send(server, data)
    assert answer.status == status, answer.raw[:300]
    for leak in (b"Traceback", b'File "', b"site-packages", b"/work/", b"root:", SECRET.encode()):
        assert leak not in answer.raw
    if status >= 400 and answer.body.startswith(b"{"):
        assert set(json.loads(answer.body)["error"]) <= {"code", "message", "field", "line"}


def test_the_server_still_works_afterwards(server: str) -> None:
    assert httpx.post(f"{server}/api/tts", json={"text": "Hello."}).status_code == 200
    assert httpx.get(f"{server}/metrics").text.count('code="internal"') == 0


# time


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, SteppedSynthesizer]]:
    synthesizer = SteppedSynthesizer(num_frames=100_000)
    with run_server(synthesizer, client_timeout_s=0.5) as url:
        yield url, synthesizer


def connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def read_all(connection: socket.socket) -> bytes:
    raw = b""
    try:
        while piece := connection.recv(65_536):
            raw += piece
    except ConnectionResetError:
        pass
    return raw


@pytest.mark.parametrize("start", [b"", b"GET /health HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "])
def test_missing_headers_time_out(hasty: tuple[str, SteppedSynthesizer], start: bytes) -> None:
    with connected(hasty[0]) as connection:
        connection.sendall(start)
        assert read_all(connection).startswith(b"HTTP/1.1 408")


def test_trickling_headers_time_out(hasty: tuple[str, SteppedSynthesizer]) -> None:
    with connected(hasty[0]) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        try:
            for number in range(1_000):
                connection.sendall(f"X-{number}: 1\r\n".encode())
                time.sleep(0.02)
        except (BrokenPipeError, ConnectionResetError):
            return
        pytest.fail("the server listened for 20 s")


def test_a_missing_body_times_out(hasty: tuple[str, SteppedSynthesizer]) -> None:
    with connected(hasty[0]) as connection:
        connection.sendall(post("/api/tts", "x" * 1_000)[:-999])
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_a_trickling_body_times_out(hasty: tuple[str, SteppedSynthesizer]) -> None:
    with connected(hasty[0]) as connection:
        connection.sendall(post("/api/tts", "x" * 5_000)[:-5_000])
        connection.settimeout(0.02)
        for _ in range(1_000):
            try:
                connection.sendall(b"x")
                if connection.recv(100).startswith(b"HTTP/1.1 408"):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        pytest.fail("the server listened for 20 s")


def test_a_client_that_does_not_read_loses_its_slot(hasty: tuple[str, SteppedSynthesizer]) -> None:
    url, synthesizer = hasty
    with open_request(url, {"text": "A long story.", "streaming": True}):
        wait_until(lambda: synthesizer.load.running == 1)
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)


def test_a_half_closed_socket_counts_as_disconnected(hasty: tuple[str, SteppedSynthesizer]) -> None:
    url, synthesizer = hasty
    with open_request(url, {"text": "A long story.", "streaming": True}) as connection:
        wait_until(lambda: synthesizer.load.running == 1)
        connection.shutdown(socket.SHUT_WR)
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)


def test_a_reset_during_the_body_leaves_nothing(
    hasty: tuple[str, SteppedSynthesizer], caplog: pytest.LogCaptureFixture
) -> None:
    url, synthesizer = hasty
    for _ in range(20):
        connection = connected(url)
        connection.sendall(post("/api/tts", "x" * 1_000)[:-500])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    wait_until(lambda: "qwen3tts_http_in_flight 1.0" in httpx.get(f"{url}/metrics").text)
    assert synthesizer.load.running == 0
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


# how much


def test_too_many_requests_get_a_retry_after() -> None:
    synthesizer = ZeroCostSynthesizer(num_frames=1)
    with run_server(synthesizer, rate_limit="3/minute") as url:
        statuses = [httpx.post(f"{url}/api/tts", json={"text": "Hi."}) for _ in range(5)]
        assert [answer.status_code for answer in statuses] == [200, 200, 200, 429, 429]
        assert statuses[-1].json()["error"]["code"] == "too_many_requests"
        assert 1 <= int(statuses[-1].headers["retry-after"]) <= 61
        assert len(synthesizer.utterances) == 3
        assert httpx.get(f"{url}/api/info").status_code == 200


def test_too_many_concurrent_streams_are_rejected() -> None:
    synthesizer = SteppedSynthesizer(num_frames=1_000)
    with run_server(synthesizer, client_streams=2) as url:
        body = {"text": "A long story.", "streaming": True}
        with open_request(url, body), open_request(url, body):
            wait_until(lambda: synthesizer.load.running == 2)
            refused = httpx.post(f"{url}/api/tts", json=body)
            assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
            assert len(synthesizer.utterances) == 2
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)
        wait_until(lambda: httpx.post(f"{url}/api/tts", json={"text": "", "streaming": True}).status_code == 422)


# imports


def bomb() -> bytes:
    """A ZIP of a few KB that claims to hold 500 MB."""
    import io
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("voice.json", "w") as member:
        for _ in range(500):
            member.write(b"0" * 1_000_000)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["bomb", "traversal", "pickle", "noise", "nothing"])
def test_an_invalid_voice_file_is_rejected(server: str, kind: str) -> None:
    import io
    import pickle
    import zipfile

    if kind == "bomb":
        data = bomb()
    elif kind == "traversal":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("../../../../tmp/owned", "x")
        data = file.getvalue()
    else:
        data = {"pickle": pickle.dumps({"a": 1}), "noise": bytes(range(256)) * 64, "nothing": b""}[kind]
    answers = [
        httpx.post(f"{server}/api/voices/import", content=data, headers={"Content-Type": mime}, timeout=30)
        for mime in ("application/octet-stream", "application/zip")
    ]
    assert all(400 <= answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
    assert not Path("/tmp/owned").exists()
