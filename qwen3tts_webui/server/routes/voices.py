"""`/api/voices`: the voices that come with the program, those that somebody kept, and the model's speakers.

In: ids, names, voice files, the id of a request whose voice shall be kept. Out: JSON, files, a sample to listen to.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from pydantic import Field

from qwen3tts_webui.audio.encode import encoded
from qwen3tts_webui.audio.pcm import from_s16le
from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.errors import InvalidValue, NotFound
from qwen3tts_webui.server.delivery.recorder import Recorder
from qwen3tts_webui.server.delivery.request_registry import Run, Runs
from qwen3tts_webui.server.http.json_body import read, read_bytes
from qwen3tts_webui.server.http.openapi import schema
from qwen3tts_webui.server.schemas.speech import Body
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import SAMPLE_RATE
from qwen3tts_webui.voices.card import EXTENSION, MAX_BYTES, MAX_NAME, MIME, SavedVoice
from qwen3tts_webui.voices.saved import SavedVoices

_MAX_JSON = 64 * 1024
_SAMPLE_S = 10
_FILE_TYPES = ("application/json", "application/octet-stream")


class SaveBody(Body):
    """`POST /api/voices`."""

    request_id: str = Field(description="A request that was spoken lately.", examples=["my-request-1"])
    name: str = Field(description=f"1 to {MAX_NAME} characters.", examples=["Night radio"])
    segment: int | None = Field(
        default=None, description="Whose voice to keep; default: the first that was spoken to its end.", examples=[0]
    )


class ChangeBody(Body):
    """`PATCH /api/voices/{id}`."""

    name: str | None = Field(default=None, description=f"1 to {MAX_NAME} characters.", examples=["Night radio"])
    starred: bool | None = Field(default=None, description="Starred voices come first.", examples=[True])


def voices_router(speech: Speech, runs: Runs, recorder: Recorder) -> APIRouter:
    """`runs` and `recorder` are where a voice that was just heard is found."""
    router = APIRouter(prefix="/api/voices", tags=["voices"])

    def saved() -> SavedVoices:
        if speech.library is None:
            raise NotFound(what="voice library", got="-")
        return speech.library.voices

    def own(voice_id: str) -> str:
        """The id of a saved voice. Raises `InvalidValue` for a preset, which nobody can change."""
        if any(preset.id == voice_id for preset in speech.presets.of("auto")):
            raise InvalidValue(field="voice_id", expected="the id of a saved voice", got=voice_id)
        return voice_id

    @router.get("")
    def voices(language: str = "auto") -> dict[str, list[Any]]:
        """Presets (of one language, by a code or a name, or all), saved voices, and the speakers of the model."""
        return {
            "presets": [asdict(preset) for preset in speech.presets_of(language)],
            "saved": [] if speech.library is None else [_shown(card) for card in speech.library.voices.list()],
            "speakers": list(speech.info.speakers),
        }

    @router.get("/{voice_id}")
    def voice(voice_id: str) -> dict[str, Any]:
        """One preset or saved voice."""
        if speech.library is not None and voice_id.startswith("saved-"):
            return _shown(saved().get(voice_id))
        return asdict(speech.presets.get(voice_id))

    async def save(request: Request) -> dict[str, Any]:
        """Keep the voice of a request: what the engine needs to go on in it, its description and seed, a sample."""
        body = await read(request, SaveBody, max_bytes=_MAX_JSON)
        run = runs.get(body.request_id)
        await run.finished()
        card = await _card(run, recorder, body.name, body.segment)
        return _shown(await asyncio.to_thread(saved().save, card))

    async def load(request: Request) -> dict[str, Any]:
        """Keep the voice of an exported file, which is the body, under a new id."""
        data = await read_bytes(request, _FILE_TYPES, max_bytes=MAX_BYTES)
        return _shown(await asyncio.to_thread(saved().load_file, data))

    async def change(request: Request, voice_id: str) -> dict[str, Any]:
        """Rename a saved voice, or star it."""
        own(voice_id)
        body = await read(request, ChangeBody, max_bytes=_MAX_JSON)
        if body.name is not None:
            await asyncio.to_thread(saved().rename, voice_id, body.name)
        if body.starred is not None:
            await asyncio.to_thread(saved().star, voice_id, body.starred)
        return _shown(await asyncio.to_thread(saved().get, voice_id))

    @router.get("/{voice_id}/export", response_class=Response)
    def export(voice_id: str) -> Response:
        """The voice as one file, which `POST /api/voices/import` takes, here or elsewhere."""
        data = saved().export(own(voice_id))
        name = saved().get(voice_id).file_name
        plain = name if name.isascii() else f"voice.{EXTENSION}"
        disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
        return Response(data, media_type=MIME, headers={"Content-Disposition": disposition})

    @router.get("/{voice_id}/sample", response_class=Response)
    def sample(voice_id: str) -> Response:
        """Up to ten seconds of the voice, Ogg Opus."""
        data = saved().get(own(voice_id)).sample
        if data is None:
            raise NotFound(what="sample", got=voice_id)
        return Response(data, media_type="audio/ogg")

    @router.delete("/{voice_id}", status_code=204, response_class=Response)
    def delete(voice_id: str) -> Response:
        """Forget a saved voice."""
        saved().delete(own(voice_id))
        return Response(status_code=204)

    router.add_api_route("", save, methods=["POST"], status_code=201, **_takes("application/json", SaveBody))
    router.add_api_route("/import", load, methods=["POST"], status_code=201, **_takes(_FILE_TYPES[0]))
    router.add_api_route("/{voice_id}", change, methods=["PATCH"], **_takes("application/json", ChangeBody))
    return router


async def _card(run: Run, recorder: Recorder, name: str, segment: int | None) -> SavedVoice:
    """What is kept of `run`. Raises `NotFound` when nothing of it was spoken to its end."""
    kept = run.speaking.voice_of(segment)
    if kept is None:
        raise NotFound(what="finished speech", got=run.id)
    index, voice = kept
    report = run.speaking.report
    account = next(account for account in report.segments if account.segment.index == index)
    sample = None
    if sound := await recorder.samples(run, account.start_sample, min(account.num_samples, _SAMPLE_S * SAMPLE_RATE)):
        sample = await asyncio.to_thread(encoded, from_s16le(sound), "opus")
    return SavedVoice(
        name=name,
        description=voice.description[:MAX_DESCRIPTION],
        language=report.language,
        engine=report.engine,
        seed=report.seed,
        passage=voice.passage,
        engine_voice=voice.engine_voice,
        speaker=voice.speaker,
        sample=sample,
    )


def _shown(card: SavedVoice) -> dict[str, Any]:
    """A voice card without its codes and its sound."""
    shown = {field: getattr(card, field) for field in ("id", "name", "description", "language", "engine", "seed")}
    return shown | {
        "speaker": card.speaker,
        "starred": card.starred,
        "created": card.created,
        "keeps": "passage" if card.passage else "engine_voice" if card.engine_voice else "description",
        "has_sample": card.sample is not None,
    }


def _takes(mime: str, body: type[Body] | None = None) -> dict[str, Any]:
    described = {"type": "object"} if body is None else schema(body)
    return {"openapi_extra": {"requestBody": {"required": True, "content": {mime: {"schema": described}}}}}
