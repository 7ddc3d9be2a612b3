"""`/ws/tts`: text in while audio comes out, on a real server, with a fake engine that counts its packets."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.typing import Origin

from qwen3tts_webui.audio import to_s16le
from tests.support.fakes import SteppedSynthesizer, TextStreamingSynthesizer, ZeroCostSynthesizer, audio_of, frame_of
from tests.support.server import connect, run_server
from tests.support.wait import wait_until


class Talk:
    """One connection: sends messages, keeps the events and, by utterance, the audio."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.events: list[dict[str, Any]] = []
        self.sound: dict[int, bytes] = {}
        self.sequences: dict[int, list[int]] = {}

    def say(self, kind: str, **fields: Any) -> None:
        self.connection.send(json.dumps({"type": kind, **fields}))

    def hear(self, timeout_s: float = 60) -> dict[str, Any] | None:
        """The next event, or None after a binary frame."""
        message = self.connection.recv(timeout=timeout_s)
        if isinstance(message, str):
            self.events.append(json.loads(message))
            return self.events[-1]
        version, form, zero, number, sequence = struct.unpack(">BBHII", message[:12])
        assert (version, zero) == (1, 0) and form in (1, 2)
        self.sound[number] = self.sound.get(number, b"") + message[12:]
        self.sequences.setdefault(number, []).append(sequence)
        return None

    def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Listen until the event `kind` with these fields."""
        while True:
            event = self.hear()
            if event and event["type"] == kind and fields.items() <= event.items():
                return event

    def speak(self, text: str, **fields: Any) -> dict[str, Any]:
        """A whole utterance; gives its `done`."""
        self.say("open", **fields)
        names = {"id": fields["id"]} if "id" in fields else {}
        self.say("text", text=text, **names)
        self.say("close", **names)
        return self.until("done")


@contextmanager
def talking(synthesizer: ZeroCostSynthesizer, **options: Any) -> Iterator[Talk]:
    with run_server(synthesizer, **options) as url, connect(url.replace("http", "ws") + "/ws/tts") as connection:
        yield Talk(connection)


@pytest.fixture(scope="module")
def patient() -> Iterator[str]:
    """The address of one server for all tests that need nothing of their own."""
    with run_server(ZeroCostSynthesizer(num_frames=1)) as url:
        yield url.replace("http", "ws") + "/ws/tts"


def test_an_utterance_from_open_to_done() -> None:
    with talking(ZeroCostSynthesizer(num_frames=3)) as talk:
        done = talk.speak("Hello there.", language="en", seed=7, id="a")
        kinds = [event["type"] for event in talk.events]
        assert kinds == ["opened", "started", "segment", "words", "words", "timings", "done"]
        opened = talk.events[0]
        assert (opened["id"], opened["number"], opened["seed"], opened["sample_rate"]) == ("a", 0, 7, 24_000)
        assert (opened["engine"], opened["preview"]) == ("fake", True)
        assert talk.events[1]["first_audio_ms"] > 0
        assert (done["finish_reason"], done["num_samples"], done["num_frames"]) == (
            "stop",
            5_760,
            len(talk.sequences[0]),
        )
        assert done["words"] == talk.events[4]["words"] and done["words_estimated"] is True
        assert [(word["text"], word["start"]) for word in done["words"]] == [("Hello", 0), ("there", 6)]
        assert (done["spoken_chars"], done["heard_chars"]) == (11, None)
        assert talk.sound[0] == to_s16le(audio_of("Hello there.", 3))
        assert talk.sequences[0] == list(range(len(talk.sequences[0])))


def test_audio_starts_after_the_first_word_and_waits_for_late_text() -> None:
    synthesizer = TextStreamingSynthesizer()
    with talking(synthesizer) as talk:
        talk.say("open")
        talk.say("text", text="Hello wor")
        wait_until(lambda: synthesizer.load.running == 1)
        synthesizer.step()
        talk.until("started")
        for _ in range(50):
            synthesizer.step()
        assert synthesizer.spoken == ["Hello"]
        talk.say("text", text="ld.")
        talk.say("close")
        wait_until(lambda: synthesizer.step() is None and synthesizer.spoken == ["Hello", "world."])
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)
        talk.until("done")
        assert talk.sound[0] == to_s16le(np.concatenate([frame_of("Hello", 0), frame_of("world.", 0)]))


def test_a_control_token_split_across_messages_reaches_no_engine() -> None:
    synthesizer = TextStreamingSynthesizer()
    with talking(synthesizer) as talk:
        talk.say("open")
        for piece in ("Hi ", "<|im_", "end|> ", "you <tts_", "pad>", " all"):
            talk.say("text", text=piece)
        talk.say("close")
        wait_until(lambda: synthesizer.step() is None and len(synthesizer.spoken) == 3)
        assert synthesizer.spoken == ["Hi", "you", "all"]


def test_engines_without_text_streaming_work_clause_by_clause() -> None:
    synthesizer = SteppedSynthesizer(num_frames=2)
    with talking(synthesizer) as talk:
        talk.say("open")
        talk.say("text", text="First this, then th")
        wait_until(lambda: len(synthesizer.utterances) == 1)
        assert synthesizer.utterances[0].text == "First this,"
        synthesizer.step()
        talk.until("started")
        talk.say("text", text="at.")
        talk.say("close")
        wait_until(lambda: synthesizer.step() is None and len(synthesizer.utterances) == 2)
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)
        talk.until("done")
        assert talk.sound[0] == to_s16le(np.concatenate([audio_of("First this,", 2), audio_of("then that.", 2)]))


def test_a_flush_does_not_wait_for_the_end_of_a_clause() -> None:
    synthesizer = ZeroCostSynthesizer()
    with talking(synthesizer) as talk:
        talk.say("open")
        talk.say("text", text="Well")
        talk.say("flush")
        assert talk.until("segment")["text"] == "Well"


def test_concurrent_utterances_keep_their_audio_apart() -> None:
    with talking(ZeroCostSynthesizer(num_frames=2)) as talk:
        for name in ("a", "b"):
            talk.say("open", id=name)
        talk.say("text", id="b", text="Second.")
        talk.say("text", id="a", text="First.")
        for name in ("a", "b"):
            talk.say("close", id=name)
        ended = {talk.until("done")["id"], talk.until("done")["id"]}
        assert ended == {"a", "b"}
        assert talk.sound == {0: to_s16le(audio_of("First.", 2)), 1: to_s16le(audio_of("Second.", 2))}


def test_an_id_can_be_used_again_and_gets_a_new_number() -> None:
    with talking(ZeroCostSynthesizer()) as talk:
        talk.speak("One.", id="x")
        talk.speak("Two.", id="x")
        assert sorted(talk.sound) == [0, 1]


def test_cancel_stops_within_one_packet_and_says_so() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with talking(synthesizer) as talk:
        talk.say("open")
        talk.say("text", text="A long story, it goes on")
        wait_until(lambda: synthesizer.load.running == 1)
        synthesizer.step()
        talk.until("started")
        talk.say("cancel", played_sample=0)
        done = talk.until("done")
        assert (done["finish_reason"], done["heard_chars"]) == ("cancelled", 0)
        made = synthesizer.packets_made
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)
        assert synthesizer.packets_made - made <= 1


def test_a_client_that_leaves_frees_everything_within_one_packet() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with run_server(synthesizer) as url:
        with connect(url.replace("http", "ws") + "/ws/tts") as connection:
            talk = Talk(connection)
            for name in ("a", "b"):
                talk.say("open", id=name)
                talk.say("text", id=name, text="A long story, and")
            wait_until(lambda: synthesizer.load.running == 2)
            synthesizer.step()
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)
        assert synthesizer.packets_made <= 2 * 3


def test_opus_is_a_whole_ogg_file() -> None:
    import io

    import av

    with talking(ZeroCostSynthesizer(num_frames=10)) as talk:
        talk.speak("Hello.", format="opus", sample_rate=48_000)
        with av.open(io.BytesIO(talk.sound[0])) as file:
            seconds = sum(frame.samples for frame in file.decode(audio=0)) / 48_000
        assert seconds == pytest.approx(0.8, abs=0.05)


def test_another_sample_rate_has_as_many_samples_as_it_should() -> None:
    with talking(ZeroCostSynthesizer(num_frames=10)) as talk:
        talk.speak("Hello.", sample_rate=8_000)
        assert len(talk.sound[0]) == 2 * 6_400


@pytest.mark.parametrize("packet_ms", [16, 80, 100])
def test_all_frames_but_the_last_are_whole_packets(packet_ms: int) -> None:
    with talking(ZeroCostSynthesizer(num_frames=4)) as talk:
        talk.say("open", packet_ms=packet_ms)
        talk.say("text", text="Hi.")
        talk.say("close")
        sizes = []
        while not (talk.events and talk.events[-1]["type"] == "done"):
            before = len(talk.sound.get(0, b""))
            talk.hear()
            sizes.append(len(talk.sound.get(0, b"")) - before)
        sizes = [size for size in sizes if size]
        assert all(size % (48 * packet_ms) == 0 for size in sizes[:-1])
        assert sum(sizes) == 4 * 3_840


def test_ping_is_answered_with_the_same_id() -> None:
    with talking(ZeroCostSynthesizer()) as talk:
        talk.say("ping", id="42")
        assert talk.until("pong")["id"] == "42"


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ("{", "malformed_json", None),
        ("[]", "malformed_json", None),
        ("", "malformed_json", None),
        ("[" * 5_000, "malformed_json", None),
        (b"\x00\x01", "malformed_json", None),
        ('{"type": "shout"}', "invalid_value", "type"),
        ('{"type": ["open"]}', "invalid_value", "type"),
        ('{"type": "open", "colour": 1}', "invalid_value", "colour"),
        ('{"type": "open", "speed": "fast"}', "invalid_value", "speed"),
        ('{"type": "open", "speed": NaN}', "invalid_value", "speed"),
        ('{"type": "open", "speed": 9}', "invalid_value", "speed"),
        ('{"type": "open", "format": "wav"}', "invalid_value", "format"),
        ('{"type": "open", "sample_rate": 7}', "invalid_value", "sample_rate"),
        ('{"type": "open", "packet_ms": 0}', "invalid_value", "packet_ms"),
        ('{"type": "open", "id": "../etc"}', "invalid_value", "id"),
        ('{"type": "open", "id": "%s"}' % ("x" * 100), "invalid_value", "id"),
        ('{"type": "open", "seed": -1}', "invalid_value", "seed"),
        ('{"type": "open", "language": "tlh"}', "unknown_language", "language"),
        ('{"type": "open", "voice": "nobody"}', "unknown_voice", "voice"),
        ('{"type": "open", "speaker": "Vivian"}', "unsupported", None),
        ('{"type": "open", "deadline_ms": 0}', "invalid_value", "deadline_ms"),
        ('{"type": "text", "text": "without an open"}', "invalid_value", "id"),
        ('{"type": "text", "text": 5}', "invalid_value", "text"),
        ('{"type": "open", "continue_from": "a"}', "invalid_value", "continue_from"),
        ('{"type": "open", "continue_from": {"request_id": "never-spoken"}}', "not_found", "continue_from.request_id"),
        ('{"type": "open", "language": "\\ud83d"}', "unknown_language", "language"),
        ('{"type": "open", "\\ud83d": 1}', "invalid_value", "\ufffd" * 3),
        ('{"type": "open", "seed": 1, "seed": 2}', "invalid_value", "seed"),
    ],
)
def test_an_invalid_message_is_reported_and_the_connection_stays_open(
    patient: str, message: str | bytes, code: str, field: str | None
) -> None:
    with connect(patient) as connection:
        talk = Talk(connection)
        talk.connection.send(message)
        error = talk.until("error")
        assert (error["code"], error.get("field"), error["fatal"]) == (code, field, True)
        assert "nobody" not in error["message"] or code == "unknown_voice"
        assert talk.speak("Still here.")["finish_reason"] == "stop"


def test_websocket_errors_are_in_the_clients_language() -> None:
    with run_server(ZeroCostSynthesizer()) as url:
        headers = {"Accept-Language": "zh"}
        with connect(url.replace("http", "ws") + "/ws/tts", additional_headers=headers) as connection:
            connection.send("{")
            assert "请求体" in json.loads(connection.recv(timeout=60))["message"]


def test_too_much_text_is_rejected_and_the_utterance_continues() -> None:
    with talking(ZeroCostSynthesizer(num_frames=1), max_text=20) as talk:
        talk.say("open")
        talk.say("text", text="Short enough.")
        talk.say("text", text="x" * 20)
        error = talk.until("error")
        assert (error["code"], error["fatal"]) == ("text_too_long", False)
        talk.say("close")
        talk.until("done")
        assert talk.sound[0] == to_s16le(audio_of("Short enough.", 1))


def test_a_message_that_is_too_large_ends_the_connection() -> None:
    with talking(ZeroCostSynthesizer()) as talk:
        talk.say("text", text="x" * 1_100_000)
        with pytest.raises(ConnectionClosed) as closed:
            talk.hear()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


def test_an_open_id_cannot_be_opened_again() -> None:
    with talking(ZeroCostSynthesizer()) as talk:
        talk.say("open", id="a")
        talk.say("open", id="a")
        error = talk.until("error")
        assert (error["code"], error["fatal"]) == ("invalid_value", False)


def test_a_connection_has_a_bounded_number_of_utterances() -> None:
    with talking(ZeroCostSynthesizer()) as talk:
        for number in range(17):
            talk.say("open", id=f"u{number}")
        error = talk.until("error")
        assert (error["code"], error["id"], error["retry_after_s"]) == ("too_many_requests", "u16", 1)


def test_a_full_queue_is_reported_before_any_work() -> None:
    synthesizer = SteppedSynthesizer(slots=0, queue_size=0)
    with talking(synthesizer) as talk:
        talk.say("open")
        talk.say("text", text="Hello there.")
        talk.say("close")
        error = talk.until("error")
        assert (error["code"], error["retry_after_s"], error["fatal"]) == ("busy", 5, True)
        assert synthesizer.packets_made == 0


def test_an_utterance_without_a_word_is_an_empty_text() -> None:
    with talking(ZeroCostSynthesizer()) as talk:
        talk.say("open")
        talk.say("close")
        assert talk.until("error")["code"] == "empty_text"


def test_a_deadline_ends_it() -> None:
    with talking(SteppedSynthesizer()) as talk:
        talk.say("open", deadline_ms=50)
        talk.say("text", text="Hello there, you.")
        assert talk.until("error")["code"] == "deadline_exceeded"


def test_an_utterance_without_new_text_times_out() -> None:
    synthesizer = TextStreamingSynthesizer()
    with talking(synthesizer, client_timeout_s=0.5) as talk:
        talk.say("open")
        talk.say("text", text="Hello and")
        assert talk.until("error")["code"] == "request_timeout"
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)


def test_an_idle_connection_is_closed() -> None:
    with talking(ZeroCostSynthesizer(), client_timeout_s=0.5) as talk:
        assert talk.until("error")["code"] == "request_timeout"
        with pytest.raises(ConnectionClosed):
            talk.hear()


def test_an_expired_connection_ends_with_all_its_utterances() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with talking(synthesizer, websocket_max_s=2) as talk:
        talk.say("open", id="a")
        talk.say("text", id="a", text="A long story, and")
        wait_until(lambda: synthesizer.load.running == 1)
        errors = [talk.until("error"), talk.until("error")]
        assert {error["id"]: error["code"] for error in errors} == dict.fromkeys(("a", None), "connection_expired")
        with pytest.raises(ConnectionClosed) as closed:
            talk.hear()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)


def test_an_utterance_is_kept_like_any_request(tmp_path: Path) -> None:
    with run_server(ZeroCostSynthesizer(num_frames=3), outputs=tmp_path) as url:
        with connect(url.replace("http", "ws") + "/ws/tts") as connection:
            talk = Talk(connection)
            talk.speak("First line.\nSecond line.", seed=7)
        request_id = talk.events[0]["request_id"]
        account = httpx.get(f"{url}/api/requests/{request_id}").json()
        entry = httpx.get(f"{url}/api/history?request_id={request_id}").json()["entries"][0]
        sound = httpx.get(f"{url}/api/requests/{request_id}/audio?format=pcm").content
        events = httpx.get(f"{url}/api/requests/{request_id}/events").text
    assert account["ended"] and account["text"] == entry["text"] == "First line.\nSecond line."
    assert [part["segment"]["text"] for part in entry["segments"]] == ["First line.", "Second line."]
    assert account["server_first_pcm_ms"] > 0 and entry["seed"] == 7
    assert sound == talk.sound[0] and '"type": "done"' in events


def test_a_cancelled_utterance_is_kept_and_marked(tmp_path: Path) -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with run_server(synthesizer, outputs=tmp_path) as url, connect(url.replace("http", "ws") + "/ws/tts") as connection:
        talk = Talk(connection)
        talk.say("open")
        talk.say("text", text="A long story, and")
        wait_until(lambda: synthesizer.load.running == 1)
        synthesizer.step()
        talk.until("started")
        httpx.delete(f"{url}/api/requests/{talk.events[0]['request_id']}")
        assert talk.until("done")["finish_reason"] == "cancelled"
        entries = httpx.get(f"{url}/api/history?request_id={talk.events[0]['request_id']}").json()["entries"]
        entry = entries[0]
    assert (entry["finish_reason"], entry["num_samples"]) == ("cancelled", 1_920)


def test_a_tag_out_of_range_is_reported_and_the_utterance_continues() -> None:
    with talking(ZeroCostSynthesizer(num_frames=1)) as talk:
        talk.say("open", id="a")
        talk.say("text", id="a", text="One. [9x] Two.[pause 0.5s]")
        talk.say("close", id="a")
        error = talk.until("error")
        assert (error["code"], error["field"], error["id"], error["fatal"]) == ("invalid_value", "text", "a", False)
        assert talk.until("done")["num_samples"] == 12_000 + 1_920 * len(
            [e for e in talk.events if e["type"] == "segment"]
        )


def test_a_client_with_too_many_errors_is_disconnected() -> None:
    with talking(ZeroCostSynthesizer()) as talk:
        for _ in range(50):
            talk.connection.send("{")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                talk.hear()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


def test_a_client_that_does_not_read_is_dropped_and_holds_no_slot() -> None:
    synthesizer = SteppedSynthesizer(num_frames=100_000)
    with talking(synthesizer, client_timeout_s=0.5) as talk:
        talk.say("open")
        talk.say("text", text="A long story, and")
        wait_until(lambda: synthesizer.load.running == 1)
        # no client calls recv: the client's library stops reading, the sockets fill up, the server gives up
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Host": "evil.example"}, 421)],
)
def test_other_websites_cannot_connect(headers: dict[str, str], status: int) -> None:
    with run_server(ZeroCostSynthesizer()) as url, pytest.raises(InvalidStatus) as refused:
        connect(url.replace("http", "ws") + "/ws/tts", additional_headers=headers)
    assert refused.value.response.status_code == status


def test_the_number_of_connections_is_limited() -> None:
    with run_server(ZeroCostSynthesizer(), client_streams=2) as url:
        address = url.replace("http", "ws") + "/ws/tts"
        with connect(address), connect(address) as second:
            with pytest.raises(InvalidStatus) as refused:
                connect(address)
            assert refused.value.response.status_code == 429
            assert refused.value.response.headers["Retry-After"] == "2"
            assert Talk(second).speak("Hi.")["finish_reason"] == "stop"
        wait_until(lambda: "http_in_flight 1.0" in httpx.get(f"{url}/metrics").text)
        with connect(address) as third:
            assert Talk(third).speak("Hi.")["finish_reason"] == "stop"


def test_the_own_page_can_connect() -> None:
    with (
        run_server(ZeroCostSynthesizer()) as url,
        connect(url.replace("http", "ws") + "/ws/tts", origin=Origin(url)) as connection,
    ):
        assert Talk(connection).speak("Hi.")["finish_reason"] == "stop"


def test_shutdown_is_reported() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with ExitStack() as server:
        url = server.enter_context(run_server(synthesizer))
        with connect(url.replace("http", "ws") + "/ws/tts") as connection:
            talk = Talk(connection)
            talk.say("open")
            talk.say("text", text="A long story, and")
            wait_until(lambda: synthesizer.load.running == 1)
            server.close()
            assert talk.until("error")["code"] == "engine_stopped"
