"""What a prompt refuses, and how a passage and new text become one text. The rows themselves are in test_parity."""

from __future__ import annotations

import numpy as np
import pytest

from qwen3tts_webui.errors import InvalidValue, SpeechError, UnknownLanguage, UnknownSpeaker, Unsupported
from qwen3tts_webui.model.config.model_config import read_model_config
from qwen3tts_webui.model.prompt.builder import NO_CODE, PromptBuilder, join_texts
from qwen3tts_webui.model.prompt.tokenizer import Tokenizer
from qwen3tts_webui.types import AcousticPrompt, Utterance, Voice
from tests.support.golden_cases import GOLDEN


def builder(name: str = "design") -> PromptBuilder:
    return PromptBuilder(read_model_config(GOLDEN / name), Tokenizer(GOLDEN / name))


def passage(*shape: int, code: int = 0) -> AcousticPrompt:
    return AcousticPrompt(text="Before.", codes=np.full(shape, code, np.int16))


@pytest.mark.parametrize(
    ("checkpoint", "utterance", "error"),
    [
        ("design", Utterance(text="x", language="Klingon"), UnknownLanguage),
        ("design", Utterance(text="x", language="it"), UnknownLanguage),  # this checkpoint has six languages
        ("custom", Utterance(text="x", language="sichuan_dialect"), UnknownLanguage),
        ("custom", Utterance(text="x", voice=Voice(speaker="nobody")), UnknownSpeaker),
        ("design", Utterance(text="x", voice=Voice(speaker="Vivian")), Unsupported),
        ("design", Utterance(text="x", voice=Voice(engine_voice_id="preview:1")), Unsupported),
        ("design", Utterance(text="x", voice=Voice(acoustic_prompt=passage(3, 15))), InvalidValue),
        ("design", Utterance(text="x", voice=Voice(acoustic_prompt=passage(3, 16, code=64))), InvalidValue),
        ("design", Utterance(text="x", voice=Voice(acoustic_prompt=passage(3, 16, code=-1))), InvalidValue),
    ],
)
def test_an_unsupported_utterance_is_rejected(checkpoint: str, utterance: Utterance, error: type[SpeechError]) -> None:
    with pytest.raises(error):
        builder(checkpoint).check(utterance)


@pytest.mark.parametrize("language", ["zh", "Chinese", "CHINESE", "中文", "zh-CN"])
def test_languages_are_accepted_by_code_and_name(language: str) -> None:
    prompts = builder()
    ids = prompts.input_ids([1, 2])
    named = prompts.build(Utterance(text="x", language=language), ids, streaming=False)
    assert named.codes[3:7, 0].tolist() == [170, 172, 71, 173]


def test_speaker_names_ignore_case() -> None:
    prompts = builder("custom")
    ids = prompts.input_ids([1])
    rows = [
        prompts.build(Utterance(text="x", voice=Voice(speaker=name)), ids, streaming=False).codes.tolist()
        for name in ("uncle_fu", "Uncle_Fu", " UNCLE_FU ")
    ]
    assert rows[0] == rows[1] == rows[2]
    assert [1026] in [row[:1] for row in rows[0]]


def test_open_text_has_no_end_id() -> None:
    prompts = builder()
    utterance = Utterance(text="x")
    ids = prompts.input_ids([7, 8, 9])
    eos = read_model_config(GOLDEN / "design").text.eos_id
    assert prompts.build(utterance, ids, streaming=True, more=True).trailing == (8, 9)
    assert prompts.build(utterance, ids, streaming=True).trailing == (8, 9, eos)


def test_an_acoustic_prompt_ends_the_prompt() -> None:
    prompts = builder()
    codes = np.arange(48, dtype=np.int16).reshape(3, 16)
    utterance = Utterance(text="x", voice=Voice(acoustic_prompt=AcousticPrompt(text="a", codes=codes)))
    prompt = prompts.build(utterance, prompts.input_ids([7, 8]), streaming=False)
    assert prompt.codes[-3:].tolist() == codes.tolist()
    assert prompt.codes[-4].tolist() == [165, *[NO_CODE] * 15]


def test_missing_text_of_an_acoustic_prompt_is_pad() -> None:
    prompts = builder()
    text = read_model_config(GOLDEN / "design").text
    utterance = Utterance(text="x", voice=Voice(acoustic_prompt=passage(3, 16)))
    ids = prompts.input_ids([7, 8])
    assert prompts.build(utterance, ids, streaming=True, more=True).text[-4:].tolist() == [7, 8, *[text.pad_id] * 2]
    whole = prompts.build(utterance, ids, streaming=True)
    assert whole.text[-4:].tolist() == [7, 8, text.eos_id, text.pad_id]
    assert whole.trailing == ()


@pytest.mark.parametrize(
    ("spoken", "new", "joined"),
    [
        ("One.", "Two.", "One. Two."),
        ("One. ", "Two.", "One. Two."),
        ("One", " two", "One two"),
        ("你好。", "世界", "你好。世界"),
        ("안녕", "세계", "안녕 세계"),
        ("", "Two.", "Two."),
        ("One.", "", "One."),
    ],
)
def test_texts_are_joined_by_script(spoken: str, new: str, joined: str) -> None:
    assert join_texts(spoken, new) == joined
