"""`/api/voices`: the presets, saved voices, and the speakers of the model.

In: ids, names, voice files, the id of a request to save the voice of. Out: JSON, files, audio samples.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from pydantic import Field

from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.errors import SAMPLE, ErrorDetail, InvalidValue, NotFound
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import RequestRecord, VoiceSamples
from qwen3tts_webui.server.http import (
    FileBytes,
    form_content,
    form_openapi,
    inline_schema,
    is_form,
    new_router,
    read_body,
    read_json,
)
from qwen3tts_webui.server.routes.cloned_voices import (
    CONSENT,
    SAMPLE_S,
    RecordingBody,
    TranscribeBody,
    check_recording,
    clone_take,
    save_recording,
    transcribe_recording,
)
from qwen3tts_webui.server.routes.history import require_history
from qwen3tts_webui.server.routes.voice_json import voice_to_json
from qwen3tts_webui.server.schemas import Body
from qwen3tts_webui.types import SAMPLE_RATE, CloneMode
from qwen3tts_webui.voices import (
    MAX_NAME,
    MAX_VOICE_FILE_BYTES,
    VOICE_FILE_EXTENSION,
    VOICE_FILE_MIME,
    SavedVoice,
    SavedVoices,
    parse_voice,
    serialize_voice,
)

_MAX_JSON_BYTES = 64 * 1024
_FILE_TYPES = ("application/json", "application/octet-stream")
_SAVED_VOICE_ID = ErrorDetail("saved_voice_id", "the id of a saved voice")
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
    mode: CloneMode | None = Field(
        default=None,
        description="With a Base model: clone the segment like a recording (icl or xvector), so that the voice speaks "
        "with that model. Default: continue the segment, with the model that generated it.",
    )
    consent: bool = Field(
        default=False, description="true: you may use this voice. Required if the request cloned a recording."
    )


class ChangeBody(Body):
    """`PATCH /api/voices/{id}`."""

    name: str | None = Field(default=None, description=f"1 to {MAX_NAME} characters.", examples=["Night radio"])
    starred: bool | None = Field(default=None, description="Starred voices come first.", examples=[True])


def voices_router(server: ServerContext) -> APIRouter:
    router = new_router(prefix="/api/voices", tags=["voices"])
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
            "saved": [] if speech.library is None else [voice_to_json(voice) for voice in saved().list()],
            "speakers": list(speech.speakers),
        }

    @router.get("/{voice_id}")
    def voice(voice_id: str) -> dict[str, Any]:
        """One preset or saved voice."""
        if speech.library is not None and voice_id.startswith("saved-"):
            return voice_to_json(saved().get(voice_id))
        return asdict(speech.presets.get(voice_id))

    async def save(request: Request) -> dict[str, Any]:
        """Save the voice of a request: what the engine needs to continue it, its description, seed and a sample.

        As a multipart form with the file `audio`: save the voice of that recording, with a Base model.
        """
        if is_form(request):
            return await save_recording(request, server)
        body = await read_json(request, SaveBody, max_bytes=_MAX_JSON_BYTES)
        record = server.requests.get(body.request_id)
        await record.finished()
        new_voice = await _voice_of(record, server, body)
        return voice_to_json(await asyncio.to_thread(saved().save, new_voice))

    async def import_file(request: Request) -> dict[str, Any]:
        """Save the voice of an exported file, which is the body, under a new id.

        Pronunciations in the file are added to the lexicon, except for words that have one; `lexicon_added` says how
        many.
        """
        data = await read_body(request, _FILE_TYPES, max_bytes=MAX_VOICE_FILE_BYTES)
        voice = await asyncio.to_thread(saved().import_file, data)
        added = await asyncio.to_thread(speech.lexicon_file.add_missing, voice.lexicon)
        return {**voice_to_json(voice), "lexicon_added": added}

    async def change(request: Request, voice_id: str) -> dict[str, Any]:
        """Rename or star a saved voice."""
        saved_id(voice_id)
        body = await read_json(request, ChangeBody, max_bytes=_MAX_JSON_BYTES)
        if body.name is not None:
            await asyncio.to_thread(saved().rename, voice_id, body.name)
        if body.starred is not None:
            await asyncio.to_thread(saved().set_starred, voice_id, body.starred)
        return voice_to_json(await asyncio.to_thread(saved().get, voice_id))

    @router.get("/{voice_id}/export", response_class=Response)
    def export(voice_id: str, lexicon: bool = True) -> Response:
        """The voice as one file, to import here or on another server; `lexicon=false` leaves out the pronunciations."""
        data = saved().export(saved_id(voice_id))
        if lexicon and speech.lexicon:
            data = serialize_voice(replace(parse_voice(data), lexicon=speech.lexicon.entries))
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
            raise NotFound(what=SAMPLE, got=voice_id)
        return FileBytes(data, media_type="audio/ogg")

    @router.delete("/{voice_id}", status_code=204, response_class=Response)
    def delete(voice_id: str) -> Response:
        """Delete a saved voice."""
        saved().delete(saved_id(voice_id))
        return Response(status_code=204)

    async def check(request: Request) -> dict[str, Any]:
        """Length and quality of the recording in a form with the file `audio`; nothing is stored."""
        return await check_recording(request, server)

    async def transcribe(request: Request) -> dict[str, Any]:
        """What is said in the recording in a form with the file `audio`, recognized on the server: correct it before
        you use it. Needs a speech recognizer (`recognizer` of /api/info). Nothing is stored.
        """
        return await transcribe_recording(request, server)

    bodies = _body_openapi("application/json", SaveBody)
    bodies["openapi_extra"]["requestBody"]["content"] |= form_content(RecordingBody, "audio")
    router.add_api_route("", save, methods=["POST"], status_code=201, **bodies)
    router.add_api_route("/check", check, methods=["POST"], openapi_extra=form_openapi(None, "audio"))
    transcription = form_openapi(TranscribeBody, "audio")
    router.add_api_route("/transcribe", transcribe, methods=["POST"], openapi_extra=transcription)
    router.add_api_route("/import", import_file, methods=["POST"], status_code=201, **_body_openapi(_FILE_TYPES[0]))
    router.add_api_route("/{voice_id}", change, methods=["PATCH"], **_body_openapi("application/json", ChangeBody))
    return router


async def _voice_of(record: RequestRecord, server: ServerContext, body: SaveBody) -> SavedVoice:
    """Return the voice of a finished request, to be saved. Raises `NotFound` if no segment was completed."""
    if record.session.voice.reference is not None and not body.consent:
        raise InvalidValue(field="consent", expected=CONSENT, got="false")
    report = record.session.report
    if body.mode is not None:
        index, cloned = await clone_take(server, record, body.segment, body.mode)
        voice, model = cloned.voice, server.speech.cloning_info.model
    else:
        continuation = record.session.continuation_voice(body.segment)
        if continuation is None:
            raise NotFound(what=_COMPLETED_SEGMENT, got=record.id)
        (index, voice), model = continuation, report.model
    spoken = next(one for one in report.segments if one.segment.index == index)
    num_samples = min(spoken.num_samples, SAMPLE_S * SAMPLE_RATE)
    pcm = await server.recorder.samples(record, spoken.start_sample, num_samples)
    return SavedVoice(
        name=body.name,
        description=voice.description[:MAX_DESCRIPTION],
        language=report.language,
        engine=report.engine,
        seed=report.seed,
        acoustic_prompt=None if voice.reference is not None else voice.acoustic_prompt,
        engine_voice_id=voice.engine_voice_id,
        speaker=voice.speaker,
        reference=voice.reference,
        model="" if voice.reference is None else model,
        consent=body.consent,
        sample=None if pcm is None or not len(pcm) else await asyncio.to_thread(encode_all, pcm, "opus"),
    )


def _body_openapi(mime: str, body: type[Body] | None = None) -> dict[str, Any]:
    schema = {"type": "object"} if body is None else inline_schema(body)
    return {"openapi_extra": {"requestBody": {"required": True, "content": {mime: {"schema": schema}}}}}
