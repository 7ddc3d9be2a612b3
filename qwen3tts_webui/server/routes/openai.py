"""OpenAI's routes for speech, under /v1: clients that know only those speak through the same queue.

In: OpenAI's JSON. Out: sound or server-sent events, and errors in OpenAI's shape. What is ours (language, seed) may be
added to the body.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from qwen3tts_webui.audio.encode import FORMATS
from qwen3tts_webui.audio.output_format import Form
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue, NotFound, RequestError, SpeechError
from qwen3tts_webui.server.delivery.audio_response import SoundResponse
from qwen3tts_webui.server.delivery.audio_stream import Delivery
from qwen3tts_webui.server.delivery.recorder import Recorder
from qwen3tts_webui.server.delivery.request_context import Asked, begin
from qwen3tts_webui.server.delivery.request_registry import Runs
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.server.http.json_body import read
from qwen3tts_webui.server.http.openapi import documented
from qwen3tts_webui.server.routes.openai_voices import OPENAI_VOICES
from qwen3tts_webui.server.routes.tts import max_body_bytes
from qwen3tts_webui.server.schemas.speech import Body
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import EngineInfo, SpeechRequest, Voice

PREFIX = "/v1/"
_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
_EXAMPLES = {
    "a name of OpenAI's": {"model": "tts-1", "input": "Hello.", "voice": "alloy"},
    "described": {
        "model": "gpt-4o-mini-tts",
        "input": "Hello.",
        "voice": "alloy",
        "instructions": "An old man, husky.",
    },
    "events": {"model": "tts-1", "input": "Hello.", "voice": "en-british", "stream_format": "sse"},
}
_PARAMS = {"text": "input", "voice_desc": "instructions", "format": "response_format"}


class VoiceById(Body):
    """OpenAI's second way to name a voice."""

    id: str


class OpenAIBody(Body):
    """`POST /v1/audio/speech`."""

    model: str = Field(description="Any of GET /v1/models; all are the one that is loaded.", examples=["tts-1"])
    input: str = Field(description="What to speak.", examples=["Hello. Nice to meet you."])
    voice: str | VoiceById | None = Field(
        default=None,
        description="A preset, a saved voice or a speaker (GET /v1/audio/voices), or one of OpenAI's names, which "
        "stand for descriptions of ours. May be left out when `instructions` describe the voice.",
        examples=["alloy"],
    )
    instructions: str = Field(
        default="",
        description="The voice in plain words. They take the place of what an OpenAI name stands for, and are added to "
        "any other voice.",
        examples=["A calm old man, low and husky."],
    )
    response_format: str = Field(default="mp3", description="mp3, opus, flac, wav or pcm.", examples=["wav"])
    speed: float = Field(default=1.0, description="0.5 to 2.", examples=[1.0])
    stream_format: Literal["audio", "sse"] = Field(
        default="audio",
        description="audio: the bytes as they exist; sse: the same in base64 events.",
        examples=["audio"],
    )
    language: str = Field(default="auto", description="Ours: a code, a name, or auto.", examples=["en"])
    seed: int | None = Field(default=None, description="Ours: the same seed speaks the same way.", examples=[42])

    def request(self, asked: Asked) -> SpeechRequest:
        """As `Speech` takes it."""
        name = self.voice.id if isinstance(self.voice, VoiceById) else self.voice
        description = self.instructions
        if name is not None and name in OPENAI_VOICES:
            description = description if description.strip() else OPENAI_VOICES[name]
            name = None
        return SpeechRequest(
            text=self.input,
            language=self.language,
            voice=Voice(description=description),
            voice_id=name,
            seed=self.seed,
            speed=self.speed,
            client=asked.client,
            request_id=asked.request_id,
            deadline=asked.deadline,
        )


class OpenAIProblems(Problems):
    """`{"error": {"message", "type", "param", "code"}}`; what the caller got wrong is a 400, as there."""

    def answer(self, error: SpeechError, accept_language: str, headers: Mapping[str, str] | None = None) -> Response:
        answer = super().answer(error, accept_language, headers)
        answer.status_code = 400 if error.status == 422 or error.code == "unknown_voice" else error.status
        answer.body = json.dumps({"error": self.shaped(error, accept_language)}, ensure_ascii=False).encode()
        answer.headers["content-length"] = str(len(answer.body))
        return answer

    def shaped(self, error: SpeechError, accept_language: str) -> dict[str, str | None]:
        """`error` as OpenAI's clients read it."""
        told = self.told(error, accept_language)
        field = told.get("field")
        kind = "invalid_request_error" if isinstance(error, RequestError) else "server_error"
        return {
            "message": told["message"],
            "type": "rate_limit_error" if error.status == 429 else kind,
            "param": None if field is None else _PARAMS.get(field, field),
            "code": told["code"],
        }


class SpeechEvents(SoundResponse):
    """The sound as `speech.audio.delta` events, then `speech.audio.done`. No figure of tokens is made up: they are
    null."""

    def __init__(self, delivery: Delivery, info: EngineInfo, problems: OpenAIProblems, *, wish: str) -> None:
        super().__init__(delivery, info, problems, wish=wish)
        self._told = problems

    @property
    def mime(self) -> str:
        return "text/event-stream"

    def wrapped(self, piece: bytes) -> bytes:
        return _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode("ascii")})

    def closing(self) -> bytes:
        error = self.delivery.cut
        if error is not None:
            return _event({"type": "error", "error": self._told.shaped(error, self._wish)})
        usage = dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"))
        return _event({"type": "speech.audio.done", "usage": usage})


def _event(event: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def openai_router(
    speech: Speech, settings: Settings, runs: Runs, recorder: Recorder, problems: OpenAIProblems
) -> APIRouter:
    """`problems` tells errors in OpenAI's shape."""
    router = APIRouter(prefix=PREFIX.rstrip("/"), tags=["OpenAI"])
    max_bytes = max_body_bytes(settings)

    def models() -> list[dict[str, Any]]:
        owner = f"qwen3tts-webui: {speech.info.label}"
        names = (speech.info.model, *_MODELS)
        return [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name in names]

    async def create_speech(request: Request) -> Response:
        """OpenAI's speech endpoint, streamed in every format."""
        asked = Asked.of(request, runs)
        body = await read(request, OpenAIBody, max_bytes=max_bytes)
        if body.model not in (model["id"] for model in models()):
            raise InvalidValue(field="model", expected="one of those that GET /v1/models lists", got="another")
        if body.response_format not in FORMATS:
            raise InvalidValue(field="format", expected=f"one of {', '.join(FORMATS)}", got="another")
        run = await begin(speech, runs, body.request(asked), asked.received)
        delivery = Delivery(run, Form(format=body.response_format), recorder, problems, asked.wish)
        kind = SpeechEvents if body.stream_format == "sse" else SoundResponse
        return kind(delivery, speech.info, problems, wish=asked.wish)

    router.add_api_route(
        "/audio/speech",
        create_speech,
        methods=["POST"],
        response_class=Response,
        **documented(
            OpenAIBody,
            statuses=(400, 413, 415, 429, 500, 503, 504),
            content={info.mime: {} for info in FORMATS.values()} | {"text/event-stream": {}},
            examples=_EXAMPLES,
        ),
    )

    @router.get("/models")
    async def list_models() -> dict[str, Any]:
        """The loaded model under its own name, and under the names that OpenAI's clients ask for."""
        return {"object": "list", "data": models()}

    @router.get("/models/{model_id:path}")
    async def get_model(model_id: str) -> dict[str, Any]:
        """One of them."""
        for model in models():
            if model["id"] == model_id:
                return model
        raise NotFound(what="model", got="?")

    @router.get("/audio/voices")
    def voices() -> dict[str, list[dict[str, str]]]:
        """All that `voice` takes: presets, saved voices, speakers, and OpenAI's own names."""
        found = [(preset.id, preset.name["en"]) for preset in speech.presets.of("auto")]
        if speech.library is not None:
            found += [(card.id, card.name) for card in speech.library.voices.list()]
        found += [(name, name) for name in (*speech.info.speakers, *OPENAI_VOICES)]
        return {"voices": [{"id": id, "name": name} for id, name in found]}

    return router
