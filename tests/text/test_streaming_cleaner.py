"""Text in pieces is cleaned like text in one piece, and no cut lets a control token through."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3tts_webui.text.clean import clean_text
from qwen3tts_webui.text.streaming_cleaner import StreamingCleaner

CONTROL_TOKEN = regex.compile(r"<\||\|>|</?(?:tts_\w{1,64}|think|tool_call|tool_response)>", regex.IGNORECASE)


def fed(pieces: list[str]) -> list[str]:
    live = StreamingCleaner()
    return [*(live.push(piece) for piece in pieces), live.flush()]


@pytest.mark.parametrize(
    ("pieces", "given_out"),
    [
        (["Hel", "lo wor", "ld. Bye"], ["", "Hello ", "world. ", "Bye"]),
        (["你", "好，", "世界"], ["", "你好，", "世", "界"]),
        (["か", "\u3099い"], ["", "が", "い"]),
        (["cafe", "\u0301 noir"], ["", "café ", "noir"]),
        (["One.\n", "Two."], ["One. ", "", "Two."]),
        (["Hi \U0001f600", " there"], ["Hi ", "", "there"]),
    ],
)
def test_words_are_returned_once_they_are_complete(pieces: list[str], given_out: list[str]) -> None:
    assert fed(pieces) == given_out


def test_two_halves_of_a_character_become_that_character() -> None:
    assert "".join(fed(["\ud842", "\udfb7野家"])) == "𠮷野家"


@pytest.mark.parametrize(
    "token", ["<|im_end|>", "<tts_pad>", "<tts_text_eod>", "</think>", "<|im_start|>", "<TOOL_CALL>"]
)
@pytest.mark.parametrize("filler", ["", "\u200b", "\x1f", "\u200b" * 100, "\x00", "\ufeff"])
def test_a_control_token_is_harmless_wherever_it_is_cut(token: str, filler: str) -> None:
    for cut in range(1, len(token)):
        for pieces in (
            ["a ", token[:cut] + filler, token[cut:], " b"],
            ["好", token[:cut], filler + token[cut:] + "好"],
            [*token],
        ):
            assert not CONTROL_TOKEN.search("".join(fed(pieces))), pieces


def test_a_flush_inside_a_control_token_makes_it_harmless_too() -> None:
    live = StreamingCleaner()
    text = live.push("a <|im_") + live.flush() + live.push("end|> b") + live.flush()
    assert not CONTROL_TOKEN.search(text)
    live = StreamingCleaner()
    assert not CONTROL_TOKEN.search(live.push("<tts") + live.flush() + live.push("_pad> b") + live.flush())


def test_a_word_without_an_end_does_not_wait_for_ever() -> None:
    assert StreamingCleaner().push("a" * 1_000) == "a" * 1_000


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("ab好。, <|>_/tsk\n\u200b\x85"), max_size=6), max_size=8))
def test_no_cut_of_any_text_forms_a_control_token(pieces: list[str]) -> None:
    assert not CONTROL_TOKEN.search("".join(fed(pieces)))


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("abé 好か。，,.!?"), min_size=1, max_size=5), max_size=8))
def test_pieces_say_what_the_whole_says(pieces: list[str]) -> None:
    whole = regex.sub(r"[\s。，,.!?…]+", "", clean_text("".join(pieces)))
    assert regex.sub(r"[\s。，,.!?…]+", "", "".join(fed(pieces))) == whole


@pytest.mark.parametrize("text", ["好👩好", "a 👩 b", "如果a<b，那么c>d", "3<5，对吗", "月</think>四"])
def test_characters_one_by_one_keep_what_the_whole_keeps(text: str) -> None:
    assert "".join(fed(list(text))) == clean_text(text)
