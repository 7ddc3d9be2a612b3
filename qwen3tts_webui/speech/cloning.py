"""Clone recordings: read and check a recording, and have the active engine encode it.

In: an audio file from anyone, or samples. Out: a `ClonedRecording` with the reference that an utterance carries, or an
error. A recording is encoded once; the reference can be used and stored from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qwen3tts_webui.errors import EMPTY, ErrorDetail, InvalidValue, num_characters
from qwen3tts_webui.speech.engine_choice import needs_model
from qwen3tts_webui.types import CloneMode, EncodesReferences, EngineInfo, Voice, VoiceReference
from qwen3tts_webui.voices import MAX_REFERENCE_TEXT, VoiceKind

if TYPE_CHECKING:
    from qwen3tts_webui.audio import ReferenceAudio


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClonedRecording:
    """`reference` is what an engine needs of a recording; `audio` is the recording, trimmed and leveled."""

    reference: VoiceReference
    audio: ReferenceAudio

    @property
    def voice(self) -> Voice:
        """The voice of the recording."""
        return Voice(reference=self.reference)


def clone_recording(
    encoder: EncodesReferences | None,
    info: EngineInfo,
    recording: bytes | ReferenceAudio,
    text: str = "",
    *,
    x_vector_only: bool = False,
    text_field: str = "ref_text",
) -> ClonedRecording:
    """Encode a recording with `encoder`, that of the engine `info`; blocks while it does.

    `text` is the transcript, named `text_field` in errors; it is not needed with `x_vector_only`.

    Raises `Unsupported` if the engine cannot clone, `InvalidFile` for audio that cannot be used, `InvalidValue` for the
    transcript.
    """
    from qwen3tts_webui.audio import read_reference  # PyAV takes a while to load

    if encoder is None:
        raise needs_model(info, "cloning")
    text = " ".join(text.split())
    mode: CloneMode = "xvector" if x_vector_only else "icl"
    _check_text(text, mode, text_field)
    audio = read_reference(recording) if isinstance(recording, bytes) else recording
    return ClonedRecording(reference=encoder.encode(audio.pcm, text, mode=mode), audio=audio)


def voice_kind(voice: Voice) -> VoiceKind:
    """How `voice` was made."""
    if voice.reference is not None:
        return "cloned"
    return "designed" if voice.speaker is None else "speaker"


def _check_text(text: str, mode: CloneMode, field: str) -> None:
    if len(text) > MAX_REFERENCE_TEXT:
        expected = num_characters(1, MAX_REFERENCE_TEXT)
        raise InvalidValue(field=field, expected=expected, got=len(text))
    if mode == "icl" and not text:
        expected = ErrorDetail("transcript", "the words of the recording, or x-vector only")
        raise InvalidValue(field=field, expected=expected, got=EMPTY)
