"""Codes and other binary fields of a voice file, as text in JSON: little-endian, base64.

In: arrays, or text from anyone. Out: text, or arrays, or `InvalidFile`.
"""

from __future__ import annotations

import base64

import numpy as np

from qwen3tts_webui.errors import WRONG_NUMBER_OF_CODES, ErrorDetail, InvalidFile
from qwen3tts_webui.types import NUM_CODEBOOKS, Codes

MAX_FRAMES = 1_500  # two minutes
_MAX_CODE = 3_071


def serialize_codes(codes: Codes) -> dict[str, object]:
    """The fields `frames` and `codes` for codes (frames, NUM_CODEBOOKS)."""
    data = np.ascontiguousarray(codes, dtype="<i2")
    return {"frames": len(data), "codes": to_base64(data.tobytes())}


def parse_codes(frames: int, text: str) -> Codes:
    """int16 (frames, NUM_CODEBOOKS). Raises `InvalidFile`."""
    data = from_base64(text)
    if len(data) != frames * NUM_CODEBOOKS * 2:
        raise InvalidFile(reason=WRONG_NUMBER_OF_CODES)
    codes = np.frombuffer(data, dtype="<i2").astype(np.int16).reshape(frames, NUM_CODEBOOKS)
    if codes.min() < 0 or codes.max() > _MAX_CODE:
        raise InvalidFile(reason=ErrorDetail("code_range", "it has a code that is out of range"))
    return codes


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Raises `InvalidFile`."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidFile(reason=ErrorDetail("damaged", "a part of it is damaged")) from error
