"""Cloned voices in their file: what it keeps, what it does not, and what is refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.errors import InvalidFile, InvalidValue
from qwen3tts_webui.types import AcousticPrompt, VoiceReference
from qwen3tts_webui.voices import SavedVoice, SavedVoices, parse_voice, serialize_voice

OGG = encode_all(np.zeros(4_800, dtype=np.float32), "opus")
CODES = (np.arange(25 * 16, dtype=np.int16).reshape(25, 16) * 7) % 2_048
REFERENCE = VoiceReference(
    x_vector=np.linspace(-2, 2, 1_024, dtype=np.float32), text="What I said, 我说的话。", codes=CODES
)
VOICE = SavedVoice(
    name="Me", engine="qwen3-tts", model="Qwen/Qwen3-TTS-12Hz-0.6B-Base", reference=REFERENCE, consent=True
)


def changed(**reference: object) -> bytes:
    fields = json.loads(serialize_voice(VOICE))
    fields["reference"] |= reference
    return json.dumps(fields).encode()


def test_a_cloned_voice_comes_back_whole(tmp_path: Path) -> None:
    voices = SavedVoices(tmp_path)
    again = voices.get(voices.save(replace(VOICE, recording=OGG, sample=OGG)).id)
    assert again.reference is not None and again.reference.codes is not None
    assert again.reference.x_vector.tobytes() == REFERENCE.x_vector.tobytes()
    assert again.reference.codes.tolist() == CODES.tolist()
    assert (again.reference.text, again.reference.mode) == (REFERENCE.text, "icl")
    assert (again.kind, again.consent, again.model) == ("cloned", True, VOICE.model)
    assert (again.recording, again.sample) == (OGG, OGG)
    assert again.voice.reference is again.reference


def test_the_recording_is_not_kept_unless_it_is_given() -> None:
    assert json.loads(serialize_voice(VOICE))["recording"] is None
    assert parse_voice(serialize_voice(VOICE)).recording is None


def test_an_x_vector_alone_is_a_voice() -> None:
    vector = VoiceReference(x_vector=REFERENCE.x_vector, mode="xvector")
    again = parse_voice(serialize_voice(replace(VOICE, reference=vector))).reference
    assert again is not None
    assert (again.mode, again.codes, again.text) == ("xvector", None, "")


def test_other_voices_are_written_without_the_fields_of_a_clone_and_have_a_kind() -> None:
    designed = SavedVoice(name="A", description="Warm.", acoustic_prompt=AcousticPrompt(text="Hi.", codes=CODES))
    fields = json.loads(serialize_voice(designed))
    assert fields["version"] == json.loads(serialize_voice(VOICE))["version"] == 2
    assert not {"reference", "model", "consent", "recording"} & fields.keys()
    assert parse_voice(serialize_voice(designed)).kind == "designed"
    assert replace(designed, speaker="ryan").kind == "speaker"


def base64_of(*values: float) -> str:
    return base64.b64encode(np.array(values, "<f4").tobytes()).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"x_vector": ""},
        {"x_vector": "AAAA"},
        {"x_vector": base64_of(float("nan"))},
        {"x_vector": base64_of(float("inf"))},
        {"x_vector": base64_of(1e9)},
        {"x_vector": "*"},
        {"x_vector": "A" * 60_000},
        {"frames": 24},
        {"frames": 0},
        {"frames": 751},
        {"frames": -1},
        {"codes": ""},
        {"codes": base64.b64encode(np.full(25 * 16, 3_072, "<i2").tobytes()).decode()},
        {"text": " "},
        {"text": "x" * 2_001},
        {"mode": "clone"},
        {"path": "/etc/passwd"},
    ],
)
def test_an_invalid_reference_is_rejected(change: dict[str, object]) -> None:
    with pytest.raises(InvalidFile):
        parse_voice(changed(**change))


@pytest.mark.parametrize("recording", [b"RIFF", OGG + bytes(2**20)])
def test_a_recording_that_is_no_small_ogg_file_cannot_be_saved(tmp_path: Path, recording: bytes) -> None:
    with pytest.raises(InvalidValue):
        SavedVoices(tmp_path).save(replace(VOICE, recording=recording))
