"""The reference of a cloned voice in a voice file: x-vector, transcript and codes, never the audio.

In: a `VoiceReference`, or fields from anyone. Out: the fields, or the reference, or `InvalidFile`.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from qwen3tts_webui.errors import WRONG_NUMBER_OF_CODES, ErrorDetail, InvalidFile
from qwen3tts_webui.types import NUM_CODEBOOKS, CloneMode, VoiceReference, XVector
from qwen3tts_webui.voices.voice_codes import from_base64, parse_codes, serialize_codes, to_base64

MAX_REFERENCE_FRAMES = 750  # one minute
MAX_REFERENCE_TEXT = 2_000
_MAX_DIM = 8_192
_MAX_VALUE = 1e4  # of an x-vector, with values around 1


class ReferenceFields(BaseModel):
    """`x_vector` is little-endian float32; `codes` as in an acoustic prompt, absent in a voice without them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    mode: CloneMode
    text: Annotated[str, Field(max_length=MAX_REFERENCE_TEXT)]
    x_vector: Annotated[str, Field(max_length=_MAX_DIM * 4 * 4 // 3 + 4)]
    frames: Annotated[int, Field(ge=0, le=MAX_REFERENCE_FRAMES)]
    codes: Annotated[str, Field(max_length=MAX_REFERENCE_FRAMES * NUM_CODEBOOKS * 2 * 4 // 3 + 4)]


def serialize_reference(reference: VoiceReference) -> dict[str, object]:
    codes = np.zeros((0, NUM_CODEBOOKS), np.int16) if reference.codes is None else reference.codes
    vector = np.ascontiguousarray(reference.x_vector, dtype="<f4")
    return {
        "mode": reference.mode,
        "text": reference.text,
        "x_vector": to_base64(vector.tobytes()),
        **serialize_codes(codes),
    }


def parse_reference(fields: ReferenceFields) -> VoiceReference:
    """Raises `InvalidFile` for an x-vector or invalid codes, and for the mode "icl" without codes or text."""
    if fields.mode == "icl" and not (fields.frames and fields.text.strip()):
        raise InvalidFile(reason=WRONG_NUMBER_OF_CODES)
    codes = parse_codes(fields.frames, fields.codes) if fields.frames or fields.codes else None
    return VoiceReference(x_vector=_x_vector(fields.x_vector), mode=fields.mode, text=fields.text, codes=codes)


def _x_vector(text: str) -> XVector:
    data = from_base64(text)
    if not data or len(data) % 4:
        raise InvalidFile(reason=ErrorDetail("invalid_x_vector", "its x-vector is not valid"))
    vector = np.frombuffer(data, dtype="<f4").astype(np.float32)
    if not np.isfinite(vector).all() or np.abs(vector).max() > _MAX_VALUE:
        raise InvalidFile(reason=ErrorDetail("invalid_x_vector", "its x-vector is not valid"))
    return vector
