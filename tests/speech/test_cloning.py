"""Cloned voices on their way through `Speech`: only to engines that clone, and each line by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qwen3tts_webui.errors import Unsupported
from qwen3tts_webui.speech.validation import prepare
from qwen3tts_webui.speech.voice_resolution import with_voice
from qwen3tts_webui.types import EngineInfo, SpeechRequest, Voice, VoiceReference

REFERENCE = VoiceReference(x_vector=np.zeros(4, np.float32), mode="xvector")
CLONED = Voice(reference=REFERENCE)
BASE = EngineInfo(
    name="qwen3-tts",
    label="Qwen3-TTS, Base",
    preview=False,
    model="Base",
    model_type="base",
    device="cpu",
    dtype="float32",
    languages=("en",),
    features=frozenset({"cloning", "continuation"}),
)


def test_a_cloned_voice_is_the_same_in_every_line_without_waiting_for_the_one_before() -> None:
    asked = SpeechRequest(text="One.\nTwo.", voice=CLONED)
    assert prepare(asked, BASE, max_text=1_000).voice.reference is REFERENCE
    assert not prepare(asked, BASE, max_text=1_000).continues
    assert prepare(replace(asked, voice=Voice()), BASE, max_text=1_000).continues


def test_an_engine_that_does_not_clone_says_so() -> None:
    design = replace(BASE, features=frozenset({"description", "continuation"}))
    with pytest.raises(Unsupported, match="cloning"):
        prepare(SpeechRequest(text="One.", voice=CLONED), design, max_text=1_000)


def test_a_description_added_to_a_cloned_voice_is_refused_and_not_ignored() -> None:
    asked = SpeechRequest(text="One.", voice=Voice(description="Angry."))
    with pytest.raises(Unsupported):
        with_voice(asked, CLONED, BASE)
    assert with_voice(replace(asked, voice=Voice()), CLONED, BASE).voice.reference is REFERENCE
