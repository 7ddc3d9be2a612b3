"""Cloned voices on their way through `Speech`: only to engines that clone, and each line by itself."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.errors import InvalidValue, Unsupported
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.speech import MODEL_FOR, Speech
from qwen3tts_webui.speech.validation import prepare
from qwen3tts_webui.speech.voice_resolution import with_voice
from qwen3tts_webui.types import EngineInfo, SpeechRequest, Voice, VoiceReference
from qwen3tts_webui.voices import Presets, SavedVoice
from tests.support.cloning import X_VECTOR_DIM, CloningFake
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.sounds import RATE, syllables

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
    with pytest.raises(Unsupported, match=MODEL_FOR["description"]):
        prepare(replace(asked, voice=Voice()), BASE, max_text=1_000)


def test_an_engine_that_does_not_clone_says_so() -> None:
    design = replace(BASE, features=frozenset({"description", "continuation"}))
    with pytest.raises(Unsupported, match="cloning"):
        prepare(SpeechRequest(text="One.", voice=CLONED), design, max_text=1_000)


def test_a_description_added_to_a_cloned_voice_is_refused_and_not_ignored() -> None:
    asked = SpeechRequest(text="One.", voice=Voice(description="Angry."))
    with pytest.raises(Unsupported):
        with_voice(asked, CLONED, BASE)
    assert with_voice(replace(asked, voice=Voice()), CLONED, BASE).voice.reference is REFERENCE


def speech(engine: ZeroCostSynthesizer, history: HistoryStore | None = None) -> Speech:
    return Speech(engine, Presets.load(), history)


def test_a_recording_becomes_a_voice_trimmed_leveled_and_with_hints() -> None:
    engine = CloningFake()
    silence = np.zeros(RATE, np.float32)
    recording = encode_all(np.concatenate([silence, syllables(2.0), silence]), "wav")
    cloned = speech(engine).clone(recording, " What I  said. ")
    assert (cloned.reference.mode, cloned.reference.text) == ("icl", "What I said.")
    assert cloned.reference.codes is not None
    assert cloned.audio.seconds == pytest.approx(4.0) and len(cloned.audio.pcm) < 2.5 * RATE
    assert cloned.audio.warnings == ("too_short",)
    assert cloned.voice.reference is cloned.reference


def test_without_the_transcript_only_the_x_vector_is_taken() -> None:
    recording = encode_all(syllables(4.0), "wav")
    assert speech(CloningFake()).clone(recording, x_vector_only=True).reference.codes is None
    with pytest.raises(InvalidValue, match="text must be the words"):
        speech(CloningFake()).clone(recording, " ", text_field="text")
    with pytest.raises(InvalidValue, match="ref_text must be 1 to 2000 characters"):
        speech(CloningFake()).clone(recording, "x" * 2_001)


def test_an_engine_that_cannot_clone_names_a_model_that_can() -> None:
    with pytest.raises(Unsupported, match=MODEL_FOR["cloning"]):
        speech(ZeroCostSynthesizer()).clone(b"", "What I said.")


@pytest.mark.parametrize(
    "combined",
    [SpeechRequest(text="One.", voice_id="en-service"), SpeechRequest(text="One.", voice=Voice(speaker="Ryan"))],
)
def test_a_recording_cannot_be_combined_with_another_voice(combined: SpeechRequest) -> None:
    asked = replace(combined, voice=replace(combined.voice, reference=REFERENCE))
    with pytest.raises(InvalidValue, match="ref_audio"):
        speech(CloningFake()).prepare(asked)


def test_a_saved_clone_names_the_model_that_it_is_for(tmp_path: Path) -> None:
    with closing(HistoryStore(tmp_path)) as history:
        x_vector = np.ones(X_VECTOR_DIM, np.float32)
        saved = SavedVoice(
            name="Me", model="Qwen/Base", reference=VoiceReference(x_vector=x_vector, mode="xvector"), consent=True
        )
        request = SpeechRequest(text="One.", voice_id=history.voices.save(saved).id)
        resolved = speech(CloningFake(), history).prepare(request).voice.reference
        assert resolved is not None and resolved.x_vector.tolist() == x_vector.tolist()
        other_size = CloningFake()
        other_size.info = replace(other_size.info, x_vector_dim=16)
        for engine in (ZeroCostSynthesizer(), other_size):
            with pytest.raises(Unsupported, match="Load Qwen/Base"):
                speech(engine, history).prepare(request)
