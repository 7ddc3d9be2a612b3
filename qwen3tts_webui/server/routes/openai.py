"""OpenAI's speech routes, under /v1, for clients that only support those; requests share the same queue.

In: OpenAI's JSON, with `language`, `normalize` and `seed` as extensions. Out: audio or server-sent events, and errors
in OpenAI's format.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.sse import format_sse_event
from pydantic import Field

from qwen3tts_webui.audio import FORMATS, OutputFormat
from qwen3tts_webui.errors import ANOTHER_VALUE, ErrorDetail, InvalidValue, NotFound, RequestError, SpeechError, one_of
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import (
    MAX_INLINE_BYTES,
    AudioResponse,
    AudioStream,
    RequestContext,
    inline_recording,
    quality_warning,
    start_request,
    with_recording,
)
from qwen3tts_webui.server.http import ErrorRenderer, form_openapi, new_router, openapi_for, read_object, validate
from qwen3tts_webui.server.routes.openai_cloning import VoiceUpload, prepare_cloning, upload_voice
from qwen3tts_webui.server.routes.openai_leniency import lenient_fields
from qwen3tts_webui.server.routes.tts import max_body_bytes
from qwen3tts_webui.server.schemas import Body
from qwen3tts_webui.text import AUTO, LANGUAGES
from qwen3tts_webui.types import NormalizeMode, SpeechRequest, Voice
from qwen3tts_webui.voices import OPENAI_VOICES

OPENAI_PREFIX = "/v1/"
_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
_MODEL = ErrorDetail("model", "model")
_LANGUAGE_NAMES = {language.code: language.name for language in LANGUAGES}
_EXAMPLES = {
    "an OpenAI voice": {"model": "tts-1", "input": "Hello.", "voice": "alloy"},
    "a description": {
        "model": "gpt-4o-mini-tts",
        "input": "Hello.",
        "voice": "alloy",
        "instructions": "An old man, husky.",
    },
    "events": {"model": "tts-1", "input": "Hello.", "voice": "en-british", "stream_format": "sse"},
}
_PARAMS = {"text": "input", "voice_desc": "instructions", "format": "response_format"}


class VoiceById(Body):
    """OpenAI's alternative way to name a voice."""

    id: str


class OpenAIBody(Body):
    """`POST /v1/audio/speech`."""

    model: str = Field(default="tts-1", description="Any name; all mean the loaded model.", examples=["tts-1"])
    input: str = Field(description="The text.", examples=["Hello. Nice to meet you."])
    voice: str | VoiceById | None = Field(
        default=None,
        description="A preset, saved voice or speaker (GET /v1/audio/voices), or one of OpenAI's names, which stand "
        "for descriptions of a similar character. Optional if `instructions` describe the voice.",
        examples=["alloy"],
    )
    instructions: str = Field(
        default="",
        description="The voice in plain words. Replaces the description of an OpenAI name; appended to that of any "
        "other voice.",
        examples=["A calm old man, low and husky."],
    )
    response_format: str = Field(default="mp3", description="mp3, opus, aac, flac, wav or pcm.", examples=["wav"])
    speed: float = Field(default=1.0, description="0.5 to 2.", examples=[1.0])
    stream_format: Literal["audio", "sse"] = Field(
        default="audio",
        description="audio: bytes as they are generated; sse: the same as base64 events.",
        examples=["audio"],
    )
    language: str = Field(default="auto", description="Extension: a code, a name, or auto.", examples=["en"])
    normalize: NormalizeMode = Field(
        default="auto", description="Extension: auto, on or off, as for /api/tts.", examples=["auto"]
    )
    seed: int | None = Field(
        default=None, description="Extension: the same seed reproduces the same audio.", examples=[42]
    )
    task_type: str | None = Field(
        default=None, description="Extension: Base clones `ref_audio`; others have no effect.", examples=["Base"]
    )
    ref_audio: str | None = Field(
        default=None,
        description="Extension, with a Base model: a recording to clone, as base64 or a data URL; no path or address.",
        examples=["data:audio/wav;base64,UklGR..."],
    )
    ref_text: str = Field(default="", description="Extension: what is said in `ref_audio`.", examples=["Hello."])
    x_vector_only_mode: bool = Field(
        default=False, description="Extension: clone the timbre alone, without `ref_text`.", examples=[False]
    )


class OpenAIErrorRenderer(ErrorRenderer):
    """`{"error": {"message", "type", "param", "code"}}`; client errors are a 400, as in OpenAI's API."""

    def response(self, error: SpeechError, accept_language: str, headers: Mapping[str, str] | None = None) -> Response:
        response = super().response(error, accept_language, headers)
        response.status_code = 400 if error.status == 422 or error.code == "unknown_voice" else error.status
        response.body = json.dumps({"error": self.openai_error(error, accept_language)}, ensure_ascii=False).encode()
        response.headers["content-length"] = str(len(response.body))
        return response

    def openai_error(self, error: SpeechError, accept_language: str) -> dict[str, str | None]:
        """Return `error` in OpenAI's format."""
        rendered = self.to_dict(error, accept_language)
        field = rendered.get("field")
        kind = "invalid_request_error" if isinstance(error, RequestError) else "server_error"
        return {
            "message": rendered["message"],
            "type": "rate_limit_error" if error.status == 429 else kind,
            "param": None if field is None else _PARAMS.get(field, field),
            "code": rendered["code"],
        }


class SseAudioResponse(AudioResponse):
    """The audio as `speech.audio.delta` events, then `speech.audio.done`. Token counts are unknown, therefore null."""

    @property
    def mime(self) -> str:
        return "text/event-stream"

    def wrap(self, chunk: bytes) -> bytes:
        return _sse({"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode("ascii")})

    def closing(self) -> bytes:
        error, errors = self.stream.truncated_by, self.context.errors
        if error is not None:
            assert isinstance(errors, OpenAIErrorRenderer)
            return _sse({"type": "error", "error": errors.openai_error(error, self.context.accept_language)})
        usage = dict.fromkeys(("input_tokens", "output_tokens", "total_tokens"))
        return _sse({"type": "speech.audio.done", "usage": usage})


def _sse(event: dict[str, Any]) -> bytes:
    return format_sse_event(data_str=json.dumps(event, ensure_ascii=False))


def openai_router(server: ServerContext) -> APIRouter:
    router = new_router(prefix=OPENAI_PREFIX.rstrip("/"), tags=["OpenAI"])
    speech = server.speech
    max_bytes = max_body_bytes(server.settings) + MAX_INLINE_BYTES

    def models() -> list[dict[str, Any]]:
        owned = {info.model: info for info in speech.engines} | dict.fromkeys(_MODELS, speech.info)
        return [
            {"id": name, "object": "model", "created": 0, "owned_by": f"qwen3tts-webui: {info.label}"}
            for name, info in owned.items()
        ]

    async def create_speech(request: Request) -> Response:
        """OpenAI's speech endpoint, streamed in every format."""
        context = RequestContext.of(request, server)
        given, ignored = await prepare_cloning(await read_object(request, max_bytes=max_bytes), speech)
        fields, warnings = lenient_fields(given, speech, OpenAIBody, strict=server.settings.strict_openai)
        body = validate(fields, OpenAIBody)
        warnings += ignored
        if body.response_format not in FORMATS:
            raise InvalidValue(field="format", expected=one_of(FORMATS), got=ANOTHER_VALUE)
        speech_request = _speech_request(body, context)
        recording = inline_recording(body.ref_audio, body.ref_text, body.x_vector_only_mode)
        if recording is not None:
            cloned = await server.recordings.clone(recording)
            speech_request = with_recording(speech_request, cloned)
            warnings += quality_warning(cloned)
        record = await start_request(context, speech_request)
        stream = AudioStream(record, OutputFormat.of(body.response_format), context)
        kind = SseAudioResponse if body.stream_format == "sse" else AudioResponse
        return kind(stream, warnings)

    router.add_api_route(
        "/audio/speech",
        create_speech,
        methods=["POST"],
        response_class=Response,
        **openapi_for(
            OpenAIBody,
            statuses=(400, 413, 415, 429, 500, 503, 504),
            content={info.mime: {} for info in FORMATS.values()} | {"text/event-stream": {}},
            examples=_EXAMPLES,
        ),
    )

    @router.get("/models")
    async def list_models() -> dict[str, Any]:
        """The loaded models, and the names that OpenAI's clients use for the active one."""
        return {"object": "list", "data": models()}

    @router.get("/audio/models")
    async def list_audio_models() -> dict[str, Any]:
        """The same; `models` repeats the list in the form that some clients expect."""
        names = [{"id": model["id"], "name": model["id"]} for model in models()]
        return {"object": "list", "data": models(), "models": names}

    @router.get("/models/{model_id:path}")
    async def get_model(model_id: str) -> dict[str, Any]:
        """One model."""
        for model in models():
            if model["id"] == model_id:
                return model
        raise NotFound(what=_MODEL, got="?")

    @router.get("/audio/voices")
    def voices() -> dict[str, list[dict[str, str]]]:
        """All values of `voice`: presets, saved voices, speakers, and OpenAI's names, each with its language."""
        found = [(preset.id, preset.name["en"], preset.language) for preset in speech.presets.of("auto")]
        if speech.library is not None:
            found += [(voice.id, voice.name, voice.language) for voice in speech.library.voices.list()]
        found += [(name, name, AUTO) for name in (*speech.speakers, *OPENAI_VOICES)]
        return {"voices": [_listed_voice(*voice) for voice in found]}

    async def upload(request: Request) -> dict[str, Any]:
        """Save the voice of a recording, as vLLM-Omni does; requests then name it as `voice`."""
        return await upload_voice(request, server)

    extra = form_openapi(VoiceUpload, "audio_sample")
    router.add_api_route("/audio/voices", upload, methods=["POST"], openapi_extra=extra)
    return router


def _listed_voice(id: str, name: str, language: str) -> dict[str, str]:
    """Return an entry of the list. Its name includes the language, because clients show nothing else."""
    known = _LANGUAGE_NAMES.get(language)
    return {"id": id, "name": f"{name} ({known})" if known else name, "language": language}


def _speech_request(body: OpenAIBody, context: RequestContext) -> SpeechRequest:
    name = body.voice.id if isinstance(body.voice, VoiceById) else body.voice
    description = body.instructions
    if name is not None and name in OPENAI_VOICES:
        description = description if description.strip() else OPENAI_VOICES[name]
        name = None
    return SpeechRequest(
        text=body.input,
        language=body.language,
        voice=Voice(description=description),
        voice_id=name,
        seed=body.seed,
        speed=body.speed,
        normalize=body.normalize,
        client=context.client,
        request_id=context.request_id,
        deadline=context.deadline,
    )
