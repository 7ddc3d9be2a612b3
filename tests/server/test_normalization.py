"""What a text sounds like before it is spoken, the lexicon, and what is left out, over HTTP and the WebSocket."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import regex
from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.model.prompt.text_ids import PromptText
from qwen3tts_webui.model.prompt.tokenizer import Tokenizer
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.text import LANGUAGES, Lexicon, LexiconEntry
from qwen3tts_webui.types import Utterance
from qwen3tts_webui.voices import LexiconFile, Presets
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.golden_cases import GOLDEN
from tests.support.server import make_client

CSV = {"Content-Type": "text/csv"}
ENGINE = ZeroCostSynthesizer(num_frames=1)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    library = HistoryStore(tmp_path_factory.mktemp("outputs"))
    with make_client(create_app(Speech(ENGINE, Presets.load(), library), Settings())) as client:
        yield client
    library.close()


@pytest.fixture(autouse=True)
def no_entries(client: TestClient) -> None:
    assert client.put("/api/lexicon", json={"entries": []}).status_code == 200


def spoken_of(client: TestClient, route: str, body: dict[str, Any]) -> str:
    """What the engine is given to say."""
    num_before = len(ENGINE.utterances)
    assert client.post(route, json=body).status_code == 200
    return ENGINE.utterances[num_before].text


def normalized(client: TestClient, text: str, **fields: Any) -> list[dict[str, Any]]:
    answer = client.post("/api/normalize", json={"text": text, **fields})
    assert answer.status_code == 200, answer.text
    lines: list[dict[str, Any]] = answer.json()["lines"]
    return lines


MODES = {"auto": "It is 5 kilometers.", "on": "It is five kilometers.", "off": "It is 5 km."}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("route", "name"), [("/api/tts", "text"), ("/v1/audio/speech", "input")])
def test_normalize_says_what_the_engine_gets(client: TestClient, route: str, name: str, mode: str) -> None:
    body = {name: "It is 5 km.", "language": "en", "normalize": mode}
    assert spoken_of(client, route, body) == MODES[mode]


def test_normalize_works_over_the_websocket(client: TestClient) -> None:
    num_before = len(ENGINE.utterances)
    with client.websocket_connect("ws://127.0.0.1/ws/tts") as socket:
        socket.send_json({"type": "open", "language": "en", "normalize": "on"})
        socket.send_json({"type": "text", "text": "It is 5 km."})
        socket.send_json({"type": "close"})
        receive_until(socket, "done")
    assert ENGINE.utterances[num_before].text == "It is five kilometers."


def receive_until(socket: Any, kind: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] != kind:
        message = socket.receive()
        if message.get("text"):
            events.append(json.loads(message["text"]))
    return events


PIECES = {
    "auto": "Call| five| five| five|,| zero| one| nine| nine|,| |5| kilometers|.",
    "on": "Call| five| five| five|,| zero| one| nine| nine|,| five| kilometers|.",
    "off": "Call| |5|5|5|-|0|1|9|9|,| |5| km|.",
}


@pytest.mark.parametrize("mode", MODES)
def test_the_token_ids_that_reach_the_model(client: TestClient, mode: str) -> None:
    body = {"text": "Call 555-0199, 5 km.", "language": "en", "normalize": mode}
    num_before = len(ENGINE.utterances)
    assert client.post("/api/tts", json=body).status_code == 200
    tokenizer = Tokenizer(GOLDEN / "design")
    ids = PromptText(tokenizer, ENGINE.utterances[num_before]).whole()
    assert ids == [token for piece in PIECES[mode].split("|") for token in tokenizer.encode(piece)]


TABLES = Path(__file__).parents[1] / "text" / "normalize_cases"
SHORT = LexiconEntry("SQL", "sequel")


@pytest.mark.parametrize("code", [language.code for language in LANGUAGES])
def test_random_cuts_over_the_websocket_say_what_the_whole_says(code: str) -> None:
    chance = random.Random(code)
    rows = [row.split("\t")[1] for row in (TABLES / f"{code}.tsv").read_text("utf-8").splitlines()[1:]]
    text = "SQL <b>OK</b>, &amp; [link](https://a.b), <think>x</think> ".join(["", *chance.sample(rows, 4), "SQL."])
    engine = ZeroCostSynthesizer(num_frames=1, features=("description", "text_streaming"))
    lexicon = LexiconFile(lexicon=Lexicon([SHORT]))
    speech = Speech(engine, Presets.load(), lexicon=lexicon)
    with make_client(create_app(speech, Settings())) as client:
        for num_cuts in (0, 3, 12, 40):
            cuts = sorted(chance.sample(range(len(text)), min(num_cuts, len(text))))
            with client.websocket_connect("ws://127.0.0.1/ws/tts") as socket:
                socket.send_json({"type": "open", "language": code, "normalize": "on"})
                for start, end in pairwise([0, *cuts, len(text)]):
                    socket.send_json({"type": "text", "text": text[start:end]})
                socket.send_json({"type": "close"})
                receive_until(socket, "done")
    said = [said_by(utterance) for utterance in engine.utterances]
    assert len(said) == 4
    assert set(said) == {said[0]}
    assert "sequel" in said[0]
    assert not regex.search(r"[<&\d]|think", said[0])


def said_by(utterance: Utterance) -> str:
    rest = "" if utterance.text_stream is None else utterance.text_stream.take()
    return " ".join((utterance.text + rest).split())


@pytest.mark.parametrize("route", ["/api/tts", "/v1/audio/speech"])
def test_another_mode_is_an_error(client: TestClient, route: str) -> None:
    answer = client.post(route, json={"text": "Hi.", "normalize": "maybe"} if "tts" in route else
                         {"input": "Hi.", "normalize": "maybe"})  # fmt: skip
    assert answer.status_code == (422 if "tts" in route else 400)


def test_code_and_tables_are_read_on_request(client: TestClient) -> None:
    text = "```\nx is one\n```\n| a | b |"
    assert spoken_of(client, "/api/tts", {"text": text, "skip_code": False}) == "x is one"
    assert spoken_of(client, "/api/tts", {"text": text, "skip_tables": False}) == "a, b."
    answer = client.post("/api/tts", json={"text": text})
    assert answer.json()["error"]["code"] == "empty_text"


def test_a_text_is_shown_as_it_will_be_read(client: TestClient) -> None:
    assert normalized(client, "It is 5 km.\n\nBye.", mode="on") == [
        {
            "text": "It is 5 km.",
            "language": "en",
            "spoken": "It is five kilometers.",
            "spans": [[6, 10, 6, 21]],
        },
        {"text": "Bye.", "language": "en", "spoken": "Bye.", "spans": []},
    ]
    assert normalized(client, "5 km", language="German", mode="on")[0]["spoken"] == "fünf Kilometer"
    assert normalized(client, "5 km", language="en")[0]["spoken"] == "five kilometers"  # the engine is a preview


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_value"),
        ({"text": 1}, 422, "invalid_value"),
        ({"text": "a", "mode": "x"}, 422, "invalid_value"),
        ({"text": "a", "language": "yue"}, 422, "unknown_language"),
        ({"text": "a" * 20_001}, 413, "text_too_long"),
    ],
)
def test_mistakes_are_named(client: TestClient, body: dict[str, Any], status: int, code: str) -> None:
    answer = client.post("/api/normalize", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


ENTRIES = [
    {"written": "SQL", "spoken": "sequel", "language": "en", "case_sensitive": True},
    {"written": "仇", "spoken": "qiu2", "language": "zh", "case_sensitive": False},
]


def test_a_lexicon_is_used_at_once_and_kept(client: TestClient) -> None:
    assert client.put("/api/lexicon", json={"entries": ENTRIES}).json() == {"entries": ENTRIES}
    assert client.get("/api/lexicon").json() == {"entries": ENTRIES}
    assert spoken_of(client, "/api/tts", {"text": "I like SQL.", "language": "en"}) == "I like sequel."
    assert normalized(client, "I like SQL.", language="en")[0]["spans"] == [[7, 10, 7, 13]]


def test_a_lexicon_changed_elsewhere_is_not_overwritten(client: TestClient) -> None:
    client.put("/api/lexicon", json={"entries": []})
    seen = client.get("/api/lexicon").headers["etag"]
    assert client.get("/api/lexicon", params={"format": "csv"}).headers["etag"] == seen
    first = client.put("/api/lexicon", json={"entries": ENTRIES}, headers={"If-Match": f'"other", {seen}'})
    assert first.json() == {"entries": ENTRIES}
    for changes in ({"json": {"entries": []}, "headers": {}}, {"content": "AI,auto,ay eye", "headers": CSV}):
        stale = client.put("/api/lexicon", **{**changes, "headers": {**changes["headers"], "If-Match": seen}})
        assert (stale.status_code, stale.json()["error"]["code"]) == (412, "changed_meanwhile")
    assert client.get("/api/lexicon").json() == {"entries": ENTRIES}
    for current in (first.headers["etag"], "*"):
        assert client.put("/api/lexicon", json={"entries": []}, headers={"If-Match": current}).status_code == 200


def test_a_lexicon_goes_out_and_in_as_csv(client: TestClient) -> None:
    client.put("/api/lexicon", json={"entries": ENTRIES})
    file = client.get("/api/lexicon", params={"format": "csv"})
    assert (file.headers["content-type"], file.text.splitlines()[1]) == (
        "text/csv; charset=utf-8",
        "SQL,en,sequel,true",
    )
    client.put("/api/lexicon", json={"entries": []})
    assert client.put("/api/lexicon", content=file.content, headers=CSV).json() == {"entries": ENTRIES}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"json": {"entries": [{"written": "", "spoken": "a"}]}}, "invalid_value"),
        ({"json": {"entries": [{"written": "a", "spoken": "b\nc"}]}}, "invalid_value"),
        ({"json": {"entries": [{"written": "a", "spoken": "b", "language": "tlh"}]}}, "unknown_language"),
        ({"json": {"entries": [{"written": f"w{i}", "spoken": "b"} for i in range(2_001)]}}, "invalid_value"),
        ({"content": b"SQL,en", "headers": CSV}, "invalid_value"),
        ({"content": b"\xff\xfe", "headers": CSV}, "invalid_value"),
        ({"content": b"a" * 2_200_000, "headers": CSV}, "body_too_large"),
        ({"content": b"a", "headers": {"Content-Type": "text/plain"}}, "unsupported_media_type"),
    ],
)
def test_a_wrong_lexicon_changes_nothing(client: TestClient, sent: dict[str, Any], code: str) -> None:
    client.put("/api/lexicon", json={"entries": ENTRIES})
    assert client.put("/api/lexicon", **sent).json()["error"]["code"] == code
    assert client.get("/api/lexicon").json() == {"entries": ENTRIES}


def test_a_damaged_file_is_reported_not_overwritten_in_silence(tmp_path: Path) -> None:
    file = tmp_path / "lexicon.csv"
    file.write_text("SQL,en", encoding="utf-8")
    speech = Speech(ZeroCostSynthesizer(), Presets.load(), lexicon=LexiconFile(file))
    with make_client(create_app(speech, Settings())) as client:
        assert client.get("/api/lexicon").json()["error"]["field"] == "lexicon, line 1"
        assert client.post("/api/tts", json={"text": "SQL"}).status_code == 200


def test_a_lexicon_travels_with_a_voice(client: TestClient) -> None:
    client.put("/api/lexicon", json={"entries": ENTRIES})
    client.post("/api/tts", json={"text": "Hi."}, headers={"X-Request-Id": "lexicon-voice"})
    voice = client.post("/api/voices", json={"request_id": "lexicon-voice", "name": "V"}).json()["id"]
    plain = client.get(f"/api/voices/{voice}/export", params={"lexicon": "false"}).json()
    assert "lexicon" not in plain
    file = client.get(f"/api/voices/{voice}/export").content
    own = {"written": "SQL", "spoken": "my ess queue ell", "language": "en", "case_sensitive": False}
    client.put("/api/lexicon", json={"entries": [own]})
    imported = client.post("/api/voices/import", content=file, headers={"Content-Type": "application/json"}).json()
    assert imported["lexicon_added"] == 1
    assert client.get("/api/lexicon").json() == {"entries": [own, ENTRIES[1]]}


ARABIC = "Hello there.\nمرحبا بالعالم\nHi שלום friend."


def test_what_no_engine_reads_is_skipped_with_warnings(client: TestClient) -> None:
    num_before = len(ENGINE.utterances)
    headers = {"X-Request-Id": "skipped-text", "Accept-Language": "zh"}
    answer = client.post("/api/tts", json={"text": ARABIC, "streaming": True}, headers=headers)
    assert answer.headers["x-warning"] == (
        "line 2: Arabic is not supported and is skipped; line 3: Hebrew is not supported and is skipped"
    )
    assert [utterance.text for utterance in ENGINE.utterances[num_before:]] == ["Hello there.", "Hi friend."]
    report = client.get("/api/requests/skipped-text").json()
    assert report["warnings"] == [
        {"code": "unsupported_script", "line": 1, "language": "Arabic", "text": "مرحبا بالعالم"},
        {"code": "unsupported_script", "line": 2, "language": "Hebrew", "text": "שלום"},
    ]
    assert [segment["segment"]["line"] for segment in report["segments"]] == [0, 2]
    events = client.get("/api/requests/skipped-text/events").text
    assert "第 2 行：不支持阿拉伯语，将跳过这部分。" in events


@pytest.mark.parametrize("pieces", [[ARABIC], list(ARABIC)])
def test_a_streamed_text_is_skipped_like_the_whole(client: TestClient, pieces: list[str]) -> None:
    num_before = len(ENGINE.utterances)
    with client.websocket_connect("ws://127.0.0.1/ws/tts") as socket:
        socket.send_json({"type": "open"})
        for piece in pieces:
            socket.send_json({"type": "text", "text": piece})
        socket.send_json({"type": "close"})
        events = receive_until(socket, "done")
    assert [(event["line"], event["language"], event["message"]) for event in events if event["type"] == "warning"] == [
        (1, "Arabic", "Line 2: Arabic is not supported and is skipped."),
        (2, "Hebrew", "Line 3: Hebrew is not supported and is skipped."),
    ]
    assert " ".join(utterance.text for utterance in ENGINE.utterances[num_before:]) == "Hello there. Hi friend."


FOREIGN = "Hello there.\nПривіт, як справи?\n[pause 1s] Het is vandaag mooi weer."


@pytest.mark.parametrize("pieces", [[FOREIGN], list(FOREIGN)])
def test_what_is_read_as_another_language_is_named(client: TestClient, pieces: list[str]) -> None:
    said = [
        (1, "Ukrainian", "Russian", "Line 2: Ukrainian is not supported and is read as Russian."),
        (2, "Dutch", "English", "Line 3: Dutch is not supported and is read as English."),
    ]
    whole = client.post("/api/analyze-text", json={"text": FOREIGN}).json()["warnings"]
    with client.websocket_connect("ws://127.0.0.1/ws/tts") as socket:
        socket.send_json({"type": "open"})
        for piece in pieces:
            socket.send_json({"type": "text", "text": piece})
        socket.send_json({"type": "close"})
        events = receive_until(socket, "done")
    for found in (whole, [event for event in events if event["type"] == "warning"]):
        assert [(one["line"], one["language"], one["read_as"], one["message"]) for one in found] == said
    chosen = client.post("/api/tts", json={"text": FOREIGN, "language": "en"})
    assert chosen.headers["x-warning"].startswith("line 2: Ukrainian is not supported and is read as English; line 3")


def test_a_text_with_nothing_else_is_an_error_that_names_the_language(client: TestClient) -> None:
    answer = client.post("/api/tts", json={"text": "สวัสดี"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], "Thai" in error["message"]) == (422, "unknown_language", True)
    chinese = client.post("/api/tts", json={"text": "สวัสดี"}, headers={"Accept-Language": "zh"})
    assert "不支持语言 泰语" in chinese.json()["error"]["message"]


def test_the_page_learns_it_while_typing(client: TestClient) -> None:
    answer = client.post("/api/analyze-text", json={"text": ARABIC}).json()
    assert [(one["line"], one["message"]) for one in answer["warnings"]] == [
        (1, "Line 2: Arabic is not supported and is skipped."),
        (2, "Line 3: Hebrew is not supported and is skipped."),
    ]
    assert answer["joined"] is None
    wrapped = (
        "This paragraph was pasted from a mail that\nbreaks its lines at the same column and it\nreads better in one."
    )
    assert client.post("/api/analyze-text", json={"text": wrapped}).json()["joined"] == wrapped.replace("\n", " ")
