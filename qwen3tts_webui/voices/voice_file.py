"""A saved voice and its file format.

In: a `SavedVoice`, or untrusted bytes. Out: the file, or the voice, or `InvalidFile`. The file is JSON with the codes
and the sample in base64: nothing to unpack, nothing to execute, no names of other files. Its size is checked before it
is parsed, and every field after. Does no disk access.

Version 2 renamed two fields of version 1: `passage` is now `acoustic_prompt`, `engine_voice` is `engine_voice_id`. A
cloned voice has four more fields, which other voices leave out: `reference`, `model`, `consent` and `recording`; an
exported voice may have a `lexicon`.
Files of version 1 are still read.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.errors import ErrorDetail, InvalidFile, InvalidValue, too_large
from qwen3tts_webui.text import MAX_ENTRIES, MAX_ENTRY_LENGTH, Lexicon, LexiconEntry
from qwen3tts_webui.types import NUM_CODEBOOKS, AcousticPrompt, Voice, VoiceReference
from qwen3tts_webui.voices.reference_fields import ReferenceFields, parse_reference, serialize_reference
from qwen3tts_webui.voices.voice_codes import MAX_FRAMES, from_base64, parse_codes, serialize_codes, to_base64

VOICE_FILE_EXTENSION = "voice"
VOICE_FILE_MIME = "application/json"
MAX_VOICE_FILE_BYTES = 8 * 2**20
MAX_NAME = 80
MAX_SAMPLE_BYTES = 2 * 2**20
MAX_RECORDING_BYTES = 2**20
_FORMAT = "qwen3tts-webui voice"
_VERSION = 2
_RENAMED_IN_2 = MappingProxyType({"passage": "acoustic_prompt", "engine_voice": "engine_voice_id"})
_NOT_A_VOICE_FILE = ErrorDetail("not_a_voice_file", "it is not a voice file of this program")

VoiceKind = Literal["designed", "speaker", "cloned"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedVoice:
    """A voice that was saved. `SavedVoices` assigns `id` and `created` (seconds since 1970).

    `acoustic_prompt`, `engine_voice_id` and `speaker` are what `engine` needs to reproduce the voice; `sample` is a
    preview as Ogg Opus.

    A cloned voice has a `reference`, which needs the checkpoint `model`, and `consent`: whether the user confirmed that
    the voice may be used. `recording` is the recording itself as Ogg Opus, only if the user chose to store it.
    `lexicon` are the pronunciations that travel with an exported voice.
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
    reference: VoiceReference | None = None
    model: str = ""
    consent: bool = False
    recording: bytes | None = None
    lexicon: tuple[LexiconEntry, ...] = ()
    starred: bool = False
    id: str = ""
    created: float = 0.0

    @property
    def kind(self) -> VoiceKind:
        """How the voice was created."""
        if self.reference is not None:
            return "cloned"
        return "speaker" if self.speaker is not None else "designed"

    @property
    def voice(self) -> Voice:
        """The voice as an engine takes it."""
        return Voice(
            description=self.description,
            speaker=self.speaker,
            acoustic_prompt=self.acoustic_prompt,
            engine_voice_id=self.engine_voice_id,
            reference=self.reference,
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


class _LexiconFields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    written: Annotated[str, Field(max_length=MAX_ENTRY_LENGTH)]
    spoken: Annotated[str, Field(max_length=MAX_ENTRY_LENGTH)]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,8}$")]
    case_sensitive: bool


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
    reference: ReferenceFields | None = None
    model: Annotated[str, Field(max_length=200)] = ""
    consent: bool = False
    recording: Annotated[str, Field(max_length=MAX_RECORDING_BYTES * 4 // 3 + 4)] | None = None
    lexicon: Annotated[list[_LexiconFields], Field(max_length=MAX_ENTRIES)] = []


def serialize_voice(voice: SavedVoice) -> bytes:
    """Return the file of `voice`. Raises `InvalidValue` for a voice that `parse_voice` would reject."""
    prompt = None
    if voice.acoustic_prompt is not None:
        prompt = {"text": voice.acoustic_prompt.text, **serialize_codes(voice.acoustic_prompt.codes)}
    fields: dict[str, object] = {
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
        "sample": None if voice.sample is None else to_base64(voice.sample),
    }
    if voice.reference is not None:
        fields |= {
            "reference": serialize_reference(voice.reference),
            "model": voice.model,
            "consent": voice.consent,
            "recording": None if voice.recording is None else to_base64(voice.recording),
        }
    if voice.lexicon:
        fields["lexicon"] = [asdict(entry) for entry in voice.lexicon]
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
        codes = parse_codes(fields.acoustic_prompt.frames, fields.acoustic_prompt.codes)
        prompt = AcousticPrompt(text=fields.acoustic_prompt.text, codes=codes)
    return SavedVoice(
        name=name,
        description=fields.description,
        language=fields.language,
        engine=fields.engine,
        seed=fields.seed,
        acoustic_prompt=prompt,
        engine_voice_id=fields.engine_voice_id,
        speaker=fields.speaker,
        sample=_parse_ogg(fields.sample, MAX_SAMPLE_BYTES),
        reference=None if fields.reference is None else parse_reference(fields.reference),
        model=fields.model,
        consent=fields.consent,
        recording=_parse_ogg(fields.recording, MAX_RECORDING_BYTES),
        lexicon=_parse_lexicon(fields.lexicon),
        starred=fields.starred,
        created=fields.created,
    )


def _parse_fields(data: bytes) -> _Fields:
    if len(data) > MAX_VOICE_FILE_BYTES:
        raise InvalidFile(reason=too_large(MAX_VOICE_FILE_BYTES))
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


def _parse_lexicon(entries: Sequence[_LexiconFields]) -> tuple[LexiconEntry, ...]:
    try:
        return Lexicon(LexiconEntry(**entry.model_dump()) for entry in entries).entries
    except InvalidValue as error:
        raise InvalidFile(
            reason=ErrorDetail("invalid_field", "its field {field} is not valid", field="lexicon")
        ) from error


def _parse_ogg(text: str | None, max_bytes: int) -> bytes | None:
    """Return the Ogg file in `text`, if there is one."""
    if text is None:
        return None
    data = from_base64(text)
    if not data.startswith(b"OggS") or len(data) > max_bytes:
        raise InvalidFile(reason=ErrorDetail("sample_not_ogg", "its sample is not an Ogg file"))
    return data
