"""Messages of `/ws/tts`: the client's messages, validated, and the header of a binary frame. See docs/api/websocket.md.

Knows no connection and no engine.
"""

from __future__ import annotations

import json
import struct
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, PlainValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from qwen3tts_webui.errors import ANOTHER_VALUE, InvalidValue, one_of
from qwen3tts_webui.server.http import from_pydantic_error, parse_object
from qwen3tts_webui.server.schemas.speech import Body, SpeechFields

MAX_MESSAGE_BYTES = 65_536
MAX_RECORDING_MESSAGE_BYTES = 2**20
"""An `open` with `ref_audio`: ten seconds as WAV, a minute compressed."""
PROTOCOL_VERSION = 1
FRAME_HEADER = struct.Struct(">BBHII")  # protocol version, format code, 0, utterance number, sequence number
FORMAT_CODES: dict[str, int] = {"pcm": 1, "opus": 2, "mp3": 3, "mulaw": 4, "alaw": 5}

MessageId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class _Message(Body):
    """Base of all messages."""

    id: MessageId = "0"


def _any_text(value: object) -> str:
    """Accept any `str`, also half a surrogate pair; the next message has the other half."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "not text")
    return value


class Open(SpeechFields, _Message):
    """Open an utterance; its text follows in `Text` messages with the same id."""

    type: Literal["open"]
    language: str = Field(default="auto", max_length=64)
    voice_desc: str = Field(
        default="", max_length=20_000, validation_alias=AliasChoices("voice_desc", "instruct", "instructions")
    )
    voice: str | None = Field(default=None, max_length=200)
    speaker: str | None = Field(default=None, max_length=200)
    format: Literal["pcm", "opus", "mp3", "mulaw", "alaw"] = "pcm"
    audio: Literal["binary", "base64"] = "binary"
    packet_ms: int = Field(default=16, ge=4, le=1_000)
    deadline_ms: int | None = Field(default=None, ge=1, le=86_400_000)


class Text(_Message):
    """The next part of an utterance's text, of any length."""

    type: Literal["text"]
    text: Annotated[str, PlainValidator(_any_text)]


class Flush(_Message):
    """Synthesize the text sent so far without waiting for more."""

    type: Literal["flush"]


class Close(_Message):
    """The text is complete."""

    type: Literal["close"]


class Cancel(_Message):
    """Stop the utterance at once. `played_sample`: how far the client has played it, in samples at 24 kHz."""

    type: Literal["cancel"]
    played_sample: int | None = Field(default=None, ge=0)


class Ping(_Message):
    """Answered by a pong with the same id."""

    type: Literal["ping"]


Message = Open | Text | Flush | Close | Cancel | Ping
_MESSAGES: dict[str, type[Message]] = {
    "open": Open,
    "text": Text,
    "flush": Flush,
    "close": Close,
    "cancel": Cancel,
    "ping": Ping,
}
_RAW_FIELDS = ("text",)  # it may end in half a surrogate pair


def parse_message(text: str) -> Message:
    """Parse one message; null means not given. Raises `MalformedJson`, `InvalidValue`."""
    value = parse_object(text, raw=_RAW_FIELDS)
    kind = value.get("type")
    model = _MESSAGES.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise InvalidValue(field="type", expected=one_of(_MESSAGES), got=ANOTHER_VALUE)
    try:
        return model.model_validate({name: part for name, part in value.items() if part is not None})
    except ValidationError as error:
        raise from_pydantic_error(error, model) from None


def message_id(text: str) -> str | None:
    """Return the id of a message that `parse_message` rejected, if it has a valid one, to name it in the error."""
    try:
        return TypeAdapter(MessageId).validate_python(json.loads(text).get("id", "0"), strict=True)
    except (ValueError, RecursionError, AttributeError, ValidationError):
        return None


def pack_frame(data: bytes, *, format: str, number: int, sequence: int) -> bytes:
    """Prefix `data` with its header of 12 bytes."""
    return FRAME_HEADER.pack(PROTOCOL_VERSION, FORMAT_CODES[format], 0, number, sequence) + data
