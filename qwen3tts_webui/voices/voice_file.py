"""A saved voice and its file format.

In: a `SavedVoice`, or untrusted bytes. Out: the file, or the voice, or `InvalidFile`. The file is JSON with the codes
and the sample in base64: nothing to unpack, nothing to execute, no names of other files. Its size is checked before it
is parsed, and every field after. Does no disk access.

Version 2 renamed two fields of version 1: `passage` is now `acoustic_prompt`, `engine_voice` is `engine_voice_id`.
Files of version 1 are still read.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.errors import ErrorDetail, InvalidFile, InvalidValue
from qwen3tts_webui.types import NUM_CODEBOOKS, AcousticPrompt, Codes, Voice

VOICE_FILE_EXTENSION = "voice"
VOICE_FILE_MIME = "application/json"
MAX_VOICE_FILE_BYTES = 4 * 2**20
MAX_NAME = 80
MAX_FRAMES = 1_500  # two minutes
MAX_SAMPLE_BYTES = 2 * 2**20
_MAX_CODE = 3_071
_FORMAT = "qwen3tts-webui voice"
_VERSION = 2
_RENAMED_IN_2 = MappingProxyType({"passage": "acoustic_prompt", "engine_voice": "engine_voice_id"})
_NOT_A_VOICE_FILE = ErrorDetail("not_a_voice_file", "it is not a voice file of this program")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedVoice:
    """A voice that was saved. `SavedVoices` assigns `id` and `created` (seconds since 1970).

    `acoustic_prompt`, `engine_voice_id` and `speaker` are what `engine` needs to reproduce the voice; `sample` is a
    preview as Ogg Opus.
    """

    name: str
    description: str = ""
    language: str = "auto"
    engine: str = ""
    seed: int = 0
    acoustic_prompt: AcousticPrompt | None = None
    engine_voice_id: str | None = None
    speaker: str | None = None
    sample: bytes | None = None
    starred: bool = False
    id: str = ""
    created: float = 0.0

    @property
    def voice(self) -> Voice:
        """The voice as an engine takes it."""
        return Voice(
            description=self.description,
            speaker=self.speaker,
            acoustic_prompt=self.acoustic_prompt,
            engine_voice_id=self.engine_voice_id,
        )

    @property
    def file_name(self) -> str:
        """A name for downloads: letters, digits, "_" and "-" only, safe in file systems and headers."""
        safe = re.sub(r"[^\w-]+", "-", self.name).strip("-_")[:60]
        return f"{safe or 'voice'}.{VOICE_FILE_EXTENSION}"


def clean_name(name: str) -> str:
    """Return one line of at most `MAX_NAME` characters, without control and bidirectional formatting characters."""
    kept = (c for c in name[:1_000] if c in "\u200c\u200d" or unicodedata.category(c) not in {"Cf", "Cs", "Co", "Cn"})
    spaced = "".join(" " if unicodedata.category(c) == "Cc" else c for c in kept)
    return " ".join(spaced.split())[:MAX_NAME].strip()


class _AcousticPromptFields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(max_length=20_000)]
    frames: Annotated[int, Field(ge=1, le=MAX_FRAMES)]
    codes: Annotated[str, Field(max_length=MAX_FRAMES * NUM_CODEBOOKS * 2 * 4 // 3 + 4)]


class _Fields(BaseModel):
    """The file. `codes` are little-endian int16, frame by frame."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal["qwen3tts-webui voice"]
    version: Annotated[int, Field(ge=_VERSION, le=_VERSION)]
    name: Annotated[str, Field(min_length=1, max_length=1_000)]
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,8}$")]
    engine: Annotated[str, Field(max_length=100)]
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    created: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
    starred: bool
    speaker: Annotated[str, Field(max_length=100)] | None
    engine_voice_id: Annotated[str, Field(max_length=2_000)] | None
    acoustic_prompt: _AcousticPromptFields | None
    sample: Annotated[str, Field(max_length=MAX_SAMPLE_BYTES * 4 // 3 + 4)] | None


def serialize_voice(voice: SavedVoice) -> bytes:
    """Return the file of `voice`. Raises `InvalidValue` for a voice that `parse_voice` would reject."""
    prompt = None
    if voice.acoustic_prompt is not None:
        codes = np.ascontiguousarray(voice.acoustic_prompt.codes, dtype="<i2")
        prompt = {"text": voice.acoustic_prompt.text, "frames": len(codes), "codes": _to_base64(codes.tobytes())}
    fields = {
        "format": _FORMAT,
        "version": _VERSION,
        "name": voice.name,
        "description": voice.description,
        "language": voice.language,
        "engine": voice.engine,
        "seed": voice.seed,
        "created": voice.created,
        "starred": voice.starred,
        "speaker": voice.speaker,
        "engine_voice_id": voice.engine_voice_id,
        "acoustic_prompt": prompt,
        "sample": None if voice.sample is None else _to_base64(voice.sample),
    }
    data = json.dumps(fields, ensure_ascii=False, indent=1).encode(errors="replace")
    try:
        parse_voice(data)
    except InvalidFile as error:
        expected = ErrorDetail("voice_within_limits", "within the limits of a voice file")
        raise InvalidValue(field="voice", expected=expected, got=error.params["reason"]) from error
    return data


def parse_voice(data: bytes) -> SavedVoice:
    """Return the voice in a file, without an id. Raises `InvalidFile`."""
    fields = _parse_fields(data)
    name = clean_name(fields.name)
    if not name:
        raise InvalidFile(reason=ErrorDetail("no_name", "the voice has no name"))
    prompt = None
    if fields.acoustic_prompt is not None:
        prompt = AcousticPrompt(text=fields.acoustic_prompt.text, codes=_parse_codes(fields.acoustic_prompt))
    sample = None if fields.sample is None else _from_base64(fields.sample)
    if sample is not None and (not sample.startswith(b"OggS") or len(sample) > MAX_SAMPLE_BYTES):
        raise InvalidFile(reason=ErrorDetail("sample_not_ogg", "its sample is not an Ogg file"))
    return SavedVoice(
        name=name,
        description=fields.description,
        language=fields.language,
        engine=fields.engine,
        seed=fields.seed,
        acoustic_prompt=prompt,
        engine_voice_id=fields.engine_voice_id,
        speaker=fields.speaker,
        sample=sample,
        starred=fields.starred,
        created=fields.created,
    )


def _parse_fields(data: bytes) -> _Fields:
    if len(data) > MAX_VOICE_FILE_BYTES:
        mib = MAX_VOICE_FILE_BYTES / 2**20
        raise InvalidFile(reason=ErrorDetail("too_large", "it is larger than {mib:g} MiB", mib=mib))
    try:
        raw = json.loads(data, object_pairs_hook=_reject_duplicate_keys, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidFile(reason=_NOT_A_VOICE_FILE) from error
    if not isinstance(raw, dict) or raw.get("format") != _FORMAT:
        raise InvalidFile(reason=_NOT_A_VOICE_FILE)
    if raw.get("version") == 1 and type(raw["version"]) is int:  # not True, not 1.0
        raw = _upgrade_from_1(raw)
    if raw.get("version") != _VERSION:
        raise InvalidFile(reason=ErrorDetail("other_version", "it was written by another version of this program"))
    try:
        json.dumps(raw, ensure_ascii=False).encode()  # lone surrogates cannot be encoded
        return _Fields.model_validate(raw)
    except ValidationError as error:
        location = error.errors()[0]["loc"]
        field = next((str(part) for part in location if part in _Fields.model_fields), "?")
        raise InvalidFile(reason=ErrorDetail("invalid_field", "its field {field} is not valid", field=field)) from error
    except UnicodeEncodeError as error:
        raise InvalidFile(reason=ErrorDetail("not_unicode", "it contains invalid characters")) from error


def _upgrade_from_1(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {**{_RENAMED_IN_2.get(key, key): value for key, value in raw.items()}, "version": 2}


def _reject_duplicate_keys(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("duplicate key")
    return fields


def _reject_constant(name: str) -> object:
    raise ValueError("NaN and Infinity are not JSON")


def _parse_codes(prompt: _AcousticPromptFields) -> Codes:
    """Return int16 (frames, NUM_CODEBOOKS)."""
    data = _from_base64(prompt.codes)
    if len(data) != prompt.frames * NUM_CODEBOOKS * 2:
        raise InvalidFile(reason=ErrorDetail("wrong_number_of_codes", "it has the wrong number of codes"))
    codes = np.frombuffer(data, dtype="<i2").astype(np.int16).reshape(prompt.frames, NUM_CODEBOOKS)
    if codes.min() < 0 or codes.max() > _MAX_CODE:
        raise InvalidFile(reason=ErrorDetail("code_range", "it has a code that is out of range"))
    return codes


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidFile(reason=ErrorDetail("damaged", "a part of it is damaged")) from error
