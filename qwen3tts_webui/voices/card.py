"""A voice card, and the one file it is carried in.

In: a `SavedVoice`, or bytes that anybody may have sent. Out: the file, or the voice, or `BadFile`. The file is JSON
with the codes and the sample in base64: nothing to unpack, nothing to execute, no names of other files. It is bounded
before it is parsed, and every field is checked. Knows no disk.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.errors import BadFile, InvalidValue, Reason
from qwen3tts_webui.types import NUM_CODEBOOKS, Passage, Voice, VoiceReference
from qwen3tts_webui.voices.reference_fields import ReferenceFields, parse_reference, serialize_reference
from qwen3tts_webui.voices.voice_codes import MAX_FRAMES, from_base64, parse_codes, serialize_codes, to_base64

EXTENSION = "voice"
MIME = "application/json"
MAX_BYTES = 6 * 2**20
MAX_NAME = 80
MAX_SAMPLE_BYTES = 2 * 2**20
MAX_RECORDING_BYTES = 2**20
_FORMAT = "qwen3tts-webui voice"
_VERSIONS = (1, 2)  # 2 since there are cloned voices; a voice that is none is still written as 1


VoiceKind = Literal["designed", "speaker", "cloned"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedVoice:
    """A voice card. `id` and `created` (seconds since 1970) are given by who keeps it.

    `passage`, `engine_voice` and `speaker` are what the `engine` that spoke it needs to be this voice again; `sample`
    is an Ogg Opus file to listen to.

    A cloned voice has a `reference`, which needs the checkpoint `model`, and `consent`: whether the person who saved it
    confirmed that the voice may be used. `recording` is the recording itself, an Ogg Opus file, only if it was to be
    kept.
    """

    name: str
    description: str = ""
    language: str = "auto"
    engine: str = ""
    seed: int = 0
    passage: Passage | None = None
    engine_voice: str | None = None
    speaker: str | None = None
    sample: bytes | None = None
    reference: VoiceReference | None = None
    model: str = ""
    consent: bool = False
    recording: bytes | None = None
    starred: bool = False
    id: str = ""
    created: float = 0.0

    @property
    def kind(self) -> VoiceKind:
        """Where the voice comes from."""
        if self.reference is not None:
            return "cloned"
        return "speaker" if self.speaker is not None else "designed"

    @property
    def voice(self) -> Voice:
        """What an engine is asked to sound like."""
        return Voice(
            description=self.description,
            speaker=self.speaker,
            passage=self.passage,
            engine_voice=self.engine_voice,
            reference=self.reference,
        )

    @property
    def file_name(self) -> str:
        """For a download: letters and digits of the name, nothing that a file system or a header minds."""
        safe = re.sub(r"[^\w-]+", "-", self.name).strip("-_")[:60]
        return f"{safe or 'voice'}.{EXTENSION}"


def clean_name(name: str) -> str:
    """One line of at most `MAX_NAME` characters, without controls and without marks that turn the writing around."""
    kept = (c for c in name[:1_000] if c in "\u200c\u200d" or unicodedata.category(c) not in {"Cf", "Cs", "Co", "Cn"})
    spaced = "".join(" " if unicodedata.category(c) == "Cc" else c for c in kept)
    return " ".join(spaced.split())[:MAX_NAME].strip()


class _PassageFields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(max_length=20_000)]
    frames: Annotated[int, Field(ge=1, le=MAX_FRAMES)]
    codes: Annotated[str, Field(max_length=MAX_FRAMES * NUM_CODEBOOKS * 2 * 4 // 3 + 4)]


class _Fields(BaseModel):
    """The file. `codes` are little-endian int16, frame by frame; version 2 may have the fields of a cloned voice."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal["qwen3tts-webui voice"]
    version: Annotated[int, Field(ge=_VERSIONS[0], le=_VERSIONS[-1])]
    name: Annotated[str, Field(min_length=1, max_length=1_000)]
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,8}$")]
    engine: Annotated[str, Field(max_length=100)]
    seed: Annotated[int, Field(ge=0, lt=2**64)]
    created: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
    starred: bool
    speaker: Annotated[str, Field(max_length=100)] | None
    engine_voice: Annotated[str, Field(max_length=2_000)] | None
    passage: _PassageFields | None
    sample: Annotated[str, Field(max_length=MAX_SAMPLE_BYTES * 4 // 3 + 4)] | None
    reference: ReferenceFields | None = None
    model: Annotated[str, Field(max_length=200)] = ""
    consent: bool = False
    recording: Annotated[str, Field(max_length=MAX_RECORDING_BYTES * 4 // 3 + 4)] | None = None


def pack(voice: SavedVoice) -> bytes:
    """The file of `voice`; raises `InvalidValue` for a voice that `unpack` would refuse."""
    passage = None
    if voice.passage is not None:
        passage = {"text": voice.passage.text, **serialize_codes(voice.passage.codes)}
    fields: dict[str, object] = {
        "format": _FORMAT,
        "version": _VERSIONS[0] if voice.reference is None else _VERSIONS[1],
        "name": voice.name,
        "description": voice.description,
        "language": voice.language,
        "engine": voice.engine,
        "seed": voice.seed,
        "created": voice.created,
        "starred": voice.starred,
        "speaker": voice.speaker,
        "engine_voice": voice.engine_voice,
        "passage": passage,
        "sample": None if voice.sample is None else to_base64(voice.sample),
    }
    if voice.reference is not None:
        fields |= {
            "reference": serialize_reference(voice.reference),
            "model": voice.model,
            "consent": voice.consent,
            "recording": None if voice.recording is None else to_base64(voice.recording),
        }
    data = json.dumps(fields, ensure_ascii=False, indent=1).encode(errors="replace")
    try:
        unpack(data)
    except BadFile as error:
        raise InvalidValue(field="voice", expected="one that can be kept", got=str(error)) from error
    return data


def unpack(data: bytes) -> SavedVoice:
    """The voice in an exported file, without an id. Raises `BadFile`."""
    fields = _parsed(data)
    name = clean_name(fields.name)
    if not name:
        raise BadFile(reason=Reason("no_name", "the voice has no name"))
    passage = None
    if fields.passage is not None:
        passage = Passage(text=fields.passage.text, codes=parse_codes(fields.passage.frames, fields.passage.codes))
    return SavedVoice(
        name=name,
        description=fields.description,
        language=fields.language,
        engine=fields.engine,
        seed=fields.seed,
        passage=passage,
        engine_voice=fields.engine_voice,
        speaker=fields.speaker,
        sample=_ogg(fields.sample, MAX_SAMPLE_BYTES),
        reference=None if fields.reference is None else parse_reference(fields.reference),
        model=fields.model,
        consent=fields.consent,
        recording=_ogg(fields.recording, MAX_RECORDING_BYTES),
        starred=fields.starred,
        created=fields.created,
    )


def _parsed(data: bytes) -> _Fields:
    if len(data) > MAX_BYTES:
        raise BadFile(reason=Reason("too_large", "it is larger than {mib:g} MiB", mib=MAX_BYTES / 2**20))
    try:
        raw = json.loads(data, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadFile(reason=Reason("no_voice_file", "it is not a voice file of this program")) from error
    if not isinstance(raw, dict) or raw.get("format") != _FORMAT:
        raise BadFile(reason=Reason("no_voice_file", "it is not a voice file of this program"))
    if raw.get("version") not in _VERSIONS:
        raise BadFile(reason=Reason("other_version", "it was written by another version of this program"))
    try:
        json.dumps(raw, ensure_ascii=False).encode()  # a lone surrogate is no text
        return _Fields.model_validate(raw)
    except ValidationError as error:
        where = next((str(part) for part in error.errors()[0]["loc"] if part in _KNOWN), "a field")
        raise BadFile(reason=Reason("odd_field", "{where} in it is not what it should be", where=where)) from error
    except UnicodeEncodeError as error:
        raise BadFile(reason=Reason("no_characters", "it holds characters that are none")) from error


_KNOWN = frozenset(_Fields.model_fields)


def _unique(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is there twice")
    return fields


def _no_constant(name: str) -> object:
    raise ValueError("NaN and Infinity are no numbers of JSON")


def _ogg(text: str | None, max_bytes: int) -> bytes | None:
    """The Ogg file in `text`, if there is one."""
    if text is None:
        return None
    data = from_base64(text)
    if not data.startswith(b"OggS") or len(data) > max_bytes:
        raise BadFile(reason=Reason("no_ogg", "its sample is not an Ogg file"))
    return data
