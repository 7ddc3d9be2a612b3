"""What travels over `/ws/tts`: the client's messages, checked, and the header of a binary frame. See docs/websocket.md.

Knows no connection and no engine.
"""

from __future__ import annotations

import json
import struct
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from qwen3tts_webui.errors import InvalidValue, MalformedJson
from qwen3tts_webui.server.http.json_body import invalid
from qwen3tts_webui.server.schemas.speech import ContinueFrom
from qwen3tts_webui.types import SAMPLE_RATE, Sampling, SpeechRequest, Voice

MAX_MESSAGE_BYTES = 65_536
PROTOCOL = 1
HEADER = struct.Struct(">BBHII")  # protocol, form of the bytes, 0, number of the utterance, sequence number
FORMS: dict[str, int] = {"pcm": 1, "opus": 2}

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class _Message(BaseModel):
    """An unknown key is an error, and so is a number in quotes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    id: Id = "0"


def _text(value: object) -> str:
    """Any `str`: half a character may come alone, its other half in the next message."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "not text")
    return value


class Open(_Message):
    """Begin an utterance; its text comes in `Text` messages of the same id."""

    type: Literal["open"]
    language: str = Field(default="auto", max_length=64)
    voice_desc: str = Field(default="", max_length=20_000)
    voice: str | None = Field(default=None, max_length=200)
    speaker: str | None = Field(default=None, max_length=200)
    continue_from: ContinueFrom | None = None
    seed: int | None = None
    speed: float = 1.0
    format: Literal["pcm", "opus"] = "pcm"
    sample_rate: int = SAMPLE_RATE
    packet_ms: int = Field(default=16, ge=4, le=1_000)
    packet_frames: int | None = None
    loudness: bool = False
    max_seconds: float | None = None
    deadline_ms: int | None = Field(default=None, ge=1, le=86_400_000)
    greedy: bool | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float | None = None

    def request(self, *, request_id: str, client: str, now: float) -> SpeechRequest:
        """As `Speech` takes it; `now` on the monotonic clock."""
        names = ("greedy", "temperature", "top_k", "top_p", "repetition_penalty")
        drawn: dict[str, Any] = {name: value for name in names if (value := getattr(self, name)) is not None}
        return SpeechRequest(
            text="",
            language=self.language,
            voice=Voice(description=self.voice_desc, speaker=self.speaker),
            voice_id=self.voice,
            seed=self.seed,
            speed=self.speed,
            sampling=Sampling(**drawn),
            text_mode="streaming",
            max_seconds=self.max_seconds,
            packet_frames=self.packet_frames,
            loudness=self.loudness,
            client=client,
            request_id=request_id,
            deadline=None if self.deadline_ms is None else now + self.deadline_ms / 1000,
        )


class Text(_Message):
    """The next piece of an utterance's text, of any size."""

    type: Literal["text"]
    text: Annotated[str, PlainValidator(_text)]


class Flush(_Message):
    """Speak what was sent so far without waiting for more."""

    type: Literal["flush"]


class Close(_Message):
    """The text is complete."""

    type: Literal["close"]


class Cancel(_Message):
    """Stop at once."""

    type: Literal["cancel"]


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


def parse(text: str) -> Message:
    """One message. Raises `MalformedJson`, `InvalidValue`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedJson() from None
    if not isinstance(value, dict):
        raise MalformedJson()
    kind = value.get("type")
    model = _MESSAGES.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise InvalidValue(field="type", expected=" | ".join(_MESSAGES), got="another")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error, model) from None


def id_of(text: str) -> str | None:
    """The id in a message that `parse` refused, if it has a usable one: the answer should name it."""
    try:
        return TypeAdapter(Id).validate_python(json.loads(text).get("id", "0"), strict=True)
    except (ValueError, RecursionError, AttributeError, ValidationError):
        return None


def framed(data: bytes, *, form: str, number: int, sequence: int) -> bytes:
    """`data` behind its header of 12 bytes."""
    return HEADER.pack(PROTOCOL, FORMS[form], 0, number, sequence) + data
