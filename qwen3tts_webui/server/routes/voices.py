"""`/api/voices`: the presets, saved voices, and the speakers of the model.

In: ids, names, voice files, the id of a request to save the voice of. Out: JSON, files, audio samples.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from pydantic import Field

from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.errors import ErrorDetail, InvalidValue, NotFound
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import Recorder, RequestRecord, VoiceSamples
from qwen3tts_webui.server.http import FileBytes, inline_schema, read_body, read_json
from qwen3tts_webui.server.routes.history import require_history
from qwen3tts_webui.server.schemas import Body
from qwen3tts_webui.types import SAMPLE_RATE
from qwen3tts_webui.voices import (
    MAX_NAME,
    MAX_VOICE_FILE_BYTES,
    VOICE_FILE_EXTENSION,
    VOICE_FILE_MIME,
    SavedVoice,
    SavedVoices,
)

_MAX_JSON_BYTES = 64 * 1024
_SAMPLE_S = 10
_FILE_TYPES = ("application/json", "application/octet-stream")
_SAVED_VOICE_ID = ErrorDetail("saved_voice_id", "the id of a saved voice")
_SAMPLE = ErrorDetail("sample", "sample")
_COMPLETED_SEGMENT = ErrorDetail("request_with_completed_segment", "request with a completed segment")


class SaveBody(Body):
    """`POST /api/voices`."""

    request_id: str = Field(description="A recent request.", examples=["my-request-1"])
    name: str = Field(description=f"1 to {MAX_NAME} characters.", examples=["Night radio"])
    segment: int | None = Field(
        default=None,
        description="The segment to save the voice of. Default: the first completed one.",
        examples=[0],
    )


class ChangeBody(Body):
    """`PATCH /api/voices/{id}`."""

    name: str | None = Field(default=None, description=f"1 to {MAX_NAME} characters.", examples=["Night radio"])
    starred: bool | None = Field(default=None, description="Starred voices come first.", examples=[True])


def voices_router(server: ServerContext) -> APIRouter:
    router = APIRouter(prefix="/api/voices", tags=["voices"])
    speech = server.speech
    samples = VoiceSamples(speech)

    def saved() -> SavedVoices:
        return require_history(server).voices

    def saved_id(voice_id: str) -> str:
        """Raises `InvalidValue` for a preset, which cannot be changed."""
        if any(preset.id == voice_id for preset in speech.presets.of("auto")):
            raise InvalidValue(field="voice_id", expected=_SAVED_VOICE_ID, got=voice_id)
        return voice_id

    @router.get("")
    def voices(language: str = "auto") -> dict[str, list[Any]]:
        """Presets (all, or of one language by code or name), saved voices, and the speakers of the model."""
        return {
            "presets": [asdict(preset) for preset in speech.presets_for(language)],
            "saved": [] if speech.library is None else [_to_json(voice) for voice in saved().list()],
            "speakers": list(speech.info.speakers),
        }

    @router.get("/{voice_id}")
    def voice(voice_id: str) -> dict[str, Any]:
        """One preset or saved voice."""
        if speech.library is not None and voice_id.startswith("saved-"):
            return _to_json(saved().get(voice_id))
        return asdict(speech.presets.get(voice_id))

    async def save(request: Request) -> dict[str, Any]:
        """Save the voice of a request: what the engine needs to continue it, its description, seed and a sample."""
        body = await read_json(request, SaveBody, max_bytes=_MAX_JSON_BYTES)
        record = server.requests.get(body.request_id)
        await record.finished()
        new_voice = await _voice_of(record, server.recorder, body.name, body.segment)
        return _to_json(await asyncio.to_thread(saved().save, new_voice))

    async def import_file(request: Request) -> dict[str, Any]:
        """Save the voice of an exported file, which is the body, under a new id."""
        data = await read_body(request, _FILE_TYPES, max_bytes=MAX_VOICE_FILE_BYTES)
        return _to_json(await asyncio.to_thread(saved().import_file, data))

    async def change(request: Request, voice_id: str) -> dict[str, Any]:
        """Rename or star a saved voice."""
        saved_id(voice_id)
        body = await read_json(request, ChangeBody, max_bytes=_MAX_JSON_BYTES)
        if body.name is not None:
            await asyncio.to_thread(saved().rename, voice_id, body.name)
        if body.starred is not None:
            await asyncio.to_thread(saved().set_starred, voice_id, body.starred)
        return _to_json(await asyncio.to_thread(saved().get, voice_id))

    @router.get("/{voice_id}/export", response_class=Response)
    def export(voice_id: str) -> Response:
        """The voice as one file, to import here or on another server."""
        data = saved().export(saved_id(voice_id))
        name = saved().get(voice_id).file_name
        ascii_name = name if name.isascii() else f"voice.{VOICE_FILE_EXTENSION}"
        disposition = f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name)}"
        return FileBytes(data, media_type=VOICE_FILE_MIME, headers={"Content-Disposition": disposition})

    @router.get("/{voice_id}/sample", response_class=Response)
    async def sample(voice_id: str) -> Response:
        """Up to ten seconds of the voice, Ogg Opus; of presets and speakers synthesized on demand and cached."""
        if voice_id.startswith("saved-"):
            data = (await asyncio.to_thread(saved().get, voice_id)).sample
        else:
            data = await samples.sample(voice_id)
        if data is None:
            raise NotFound(what=_SAMPLE, got=voice_id)
        return FileBytes(data, media_type="audio/ogg")

    @router.delete("/{voice_id}", status_code=204, response_class=Response)
    def delete(voice_id: str) -> Response:
        """Delete a saved voice."""
        saved().delete(saved_id(voice_id))
        return Response(status_code=204)

    router.add_api_route("", save, methods=["POST"], status_code=201, **_body_openapi("application/json", SaveBody))
    router.add_api_route("/import", import_file, methods=["POST"], status_code=201, **_body_openapi(_FILE_TYPES[0]))
    router.add_api_route("/{voice_id}", change, methods=["PATCH"], **_body_openapi("application/json", ChangeBody))
    return router


async def _voice_of(record: RequestRecord, recorder: Recorder, name: str, segment: int | None) -> SavedVoice:
    """Return the voice of a finished request, to be saved. Raises `NotFound` if no segment was completed."""
    continuation = record.session.continuation_voice(segment)
    if continuation is None:
        raise NotFound(what=_COMPLETED_SEGMENT, got=record.id)
    index, voice = continuation
    report = record.session.report
    spoken = next(one for one in report.segments if one.segment.index == index)
    pcm = await recorder.samples(record, spoken.start_sample, min(spoken.num_samples, _SAMPLE_S * SAMPLE_RATE))
    return SavedVoice(
        name=name,
        description=voice.description[:MAX_DESCRIPTION],
        language=report.language,
        engine=report.engine,
        seed=report.seed,
        acoustic_prompt=voice.acoustic_prompt,
        engine_voice_id=voice.engine_voice_id,
        speaker=voice.speaker,
        sample=None if pcm is None or not len(pcm) else await asyncio.to_thread(encode_all, pcm, "opus"),
    )


def _to_json(voice: SavedVoice) -> dict[str, Any]:
    """Return a saved voice without its codes and its sample."""
    fields = ("id", "name", "description", "language", "engine", "seed", "speaker", "starred", "created")
    return {field: getattr(voice, field) for field in fields} | {
        "continuation": _continuation_kind(voice),
        "has_sample": voice.sample is not None,
    }


def _continuation_kind(voice: SavedVoice) -> str:
    """Return what the engine reproduces the voice from."""
    if voice.acoustic_prompt is not None:
        return "acoustic_prompt"
    return "description" if voice.engine_voice_id is None else "engine_voice"


def _body_openapi(mime: str, body: type[Body] | None = None) -> dict[str, Any]:
    schema = {"type": "object"} if body is None else inline_schema(body)
    return {"openapi_extra": {"requestBody": {"required": True, "content": {mime: {"schema": schema}}}}}
