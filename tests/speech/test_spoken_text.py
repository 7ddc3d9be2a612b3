"""The text front end inside a request: what the engine gets, and what the listener is shown."""

from __future__ import annotations

import asyncio

import pytest

from qwen3tts_webui.model.prompt.tokenizer import Tokenizer
from qwen3tts_webui.speech import SegmentStarted, Speech, SpokenText, spoken_lines
from qwen3tts_webui.text import Lexicon, LexiconEntry
from qwen3tts_webui.types import NormalizeMode, SpeechRequest
from qwen3tts_webui.voices import Presets
from tests.support.fakes import TextStreamingSynthesizer, ZeroCostSynthesizer
from tests.support.golden_cases import GOLDEN

TEXT = "Call **555-123-4567**, it is 5 km.\n<think>no\nno</think>\nBye <b>now</b>."


async def test_the_engine_gets_the_spoken_form_and_events_show_what_was_typed() -> None:
    synthesizer = ZeroCostSynthesizer(num_frames=1)
    speaking = Speech(synthesizer, Presets.load()).speak(SpeechRequest(text=TEXT, language="en"))
    shown = [(event.segment.line, event.segment.text) async for event in speaking if isinstance(event, SegmentStarted)]
    assert shown == [(0, "Call 555-123-4567, it is 5 km."), (3, "Bye now.")]
    assert list(dict.fromkeys(utterance.text for utterance in synthesizer.utterances)) == [
        "Call five five five, one two three, four five six seven, it is 5 kilometers.",
        "Bye now.",
    ]


async def test_a_streamed_text_is_spoken_like_the_whole() -> None:
    synthesizer = TextStreamingSynthesizer()
    speaking, feed = Speech(synthesizer, Presets.load()).speak_stream(SpeechRequest(text="", language="en"))

    async def listen() -> None:
        async for _ in speaking:
            pass

    listening = asyncio.create_task(listen())
    for piece in ("Call 555-", "123-4567, it is 5", " km. <thi", "nk>no</think> Bye <b>no", "w</b>."):
        feed.write(piece)
        await asyncio.sleep(0)
    feed.close()
    while not listening.done():
        synthesizer.step()
        await asyncio.sleep(0.001)
    assert " ".join(synthesizer.spoken) == (
        "Call five five five, one two three, four five six seven, it is 5 kilometers. Bye now."
    )


@pytest.mark.parametrize(
    ("mode", "spoken"),
    [
        ("auto", "Call five five five, one two three, four five six seven, it is 5 kilometers."),
        ("on", "Call five five five, one two three, four five six seven, it is five kilometers."),
    ],
)
def test_each_mode_says_it_its_way(mode: str, spoken: str) -> None:
    lines = spoken_lines(TEXT, "en", mode)
    assert [line.spoken for line in lines if line.spoken] == [spoken, "Bye now."]
    assert lines[0].written == "Call 555-123-4567, it is 5 km."


def test_off_leaves_the_text() -> None:
    assert spoken_lines("Call 555-123-4567", "en", "off")[0].spoken == "Call 555-123-4567"


def test_auto_is_left_to_the_model_but_for_kanji_in_a_japanese_text() -> None:
    front_end = SpokenText(text="東京大学\nこれは学校です。")
    assert front_end.engine_language("東京大学", preview=False) == "ja"
    assert front_end.engine_language("これは学校です。", preview=False) == "auto"
    assert front_end.engine_language("東京大学", preview=True) == "ja"
    assert SpokenText(language="de", text="x").engine_language("x", preview=False) == "de"


def test_the_lexicon_counts_in_every_mode() -> None:
    lexicon = Lexicon([LexiconEntry("SQL", "sequel")])
    for mode in ("auto", "on", "off"):
        assert spoken_lines("SQL it is", "en", mode, lexicon)[0].spoken == "sequel it is"


@pytest.mark.parametrize(
    ("mode", "pieces"),
    [
        ("off", ["电话", "13812345678", "㎡"]),
        ("auto", ["幺三八", "平方米", "2个人"]),
        ("on", ["幺三八", "平方米", "两个人"]),
    ],
)
def test_the_token_ids_that_reach_the_model(mode: NormalizeMode, pieces: list[str]) -> None:
    """Each mode's ids are those of its spoken form, and spell it completely."""
    encoder = Tokenizer(GOLDEN / "design")
    (line,) = spoken_lines("电话13812345678，2个人，5㎡。", "zh", mode)
    spelled = "".join(encoder.pieces(line.spoken))
    assert all(piece in spelled for piece in pieces)
    assert encoder.encode_spoken(line.spoken) == encoder.encode_spoken(EXPECTED[mode])


EXPECTED = {
    "off": "电话13812345678，2个人，5㎡。",
    "auto": "电话幺三八幺二三四五六七八，2个人，5平方米。",
    "on": "电话幺三八幺二三四五六七八，两个人，五平方米。",
}
