"""Kokoro's symbols, pieces, and the silence around its audio."""

from __future__ import annotations

import numpy as np
import pytest

from qwen3tts_webui.config import asset
from qwen3tts_webui.preview.backend import FIRST_SYMBOLS, split_phonemes
from qwen3tts_webui.preview.kokoro import MAX_TOKENS, Symbols, audible_range


def test_unknown_symbols_are_counted_and_logged_once(caplog: pytest.LogCaptureFixture):
    symbols = Symbols(asset("preview/vocab.json"))
    assert symbols.ids("a☂b☂") == [43, 44]
    assert symbols.unknown == {"☂": 2}
    assert [record.getMessage() for record in caplog.records] == ["Kokoro has no symbol for U+2602; skipping it"]


def test_silence_around_speech_is_cut():
    pcm = np.zeros(24_000, np.float32)
    pcm[12_000:12_100] = 0.5
    assert len(pcm[audible_range(pcm, lead_s=0.01, tail_s=0.02)]) == 240 + 100 + 480


def test_silence_alone_is_nothing():
    assert audible_range(np.zeros(100, np.float32)) == slice(0, 0)


def test_an_urgent_clause_begins_with_few_words():
    found = list(split_phonemes("word " * 60, FIRST_SYMBOLS))
    assert " ".join(piece for _, piece in found).split() == ["word"] * 60
    assert [(start, len(piece)) for start, piece in found] == [(0, 19), (20, 39), (60, 84), (145, 155)]


def test_no_piece_exceeds_the_limit_of_the_model():
    found = list(split_phonemes("x" * 1_300, MAX_TOKENS))
    assert [(start, len(piece)) for start, piece in found] == [(0, 500), (500, 500), (1_000, 300)]
