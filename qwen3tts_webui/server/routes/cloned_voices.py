"""Cloned voices: check a recording, save its voice, or save the voice of a take that another model generated.

In: a form with an audio file, or the id of a request. Out: the saved voice, with hints about the quality of the
recording. The file holds codes and x-vector, and the audio only on request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import Request
from pydantic import Field

from qwen3tts_webui.audio import ReferenceAudio, encode_all
from qwen3tts_webui.errors import FILE_UPLOAD, MISSING, ErrorDetail, InvalidValue, NotFound
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import InlineRecording, RequestRecord
from qwen3tts_webui.server.http import read_form, validate_strings
from qwen3tts_webui.server.middleware import caller_of
from qwen3tts_webui.server.routes.history import require_history
from qwen3tts_webui.server.routes.voice_json import voice_to_json
from qwen3tts_webui.server.schemas import Body
from qwen3tts_webui.speech import ClonedRecording
from qwen3tts_webui.text import parse_language
from qwen3tts_webui.types import SAMPLE_RATE, CloneMode, Pcm
from qwen3tts_webui.voices import MAX_NAME, SavedVoice

MAX_UPLOAD_BYTES = 33 * 2**20  # the largest recording, and the text fields
SAMPLE_S = 10
CONSENT = ErrorDetail("consent", "true, which confirms that you may use this voice")
_AUDIO_OF_TAKE = ErrorDetail("stored_take", "request with stored audio")


class RecordingBody(Body):
    """`POST /api/voices` as a form, next to the file `audio`."""

    name: str = Field(description=f"1 to {MAX_NAME} characters.", examples=["Me"])
    consent: bool = Field(description="true: you may use this voice; required.", examples=[True])
    text: str = Field(default="", description="What is said in the recording; not needed with the mode xvector.")
    mode: CloneMode = Field(
        default="icl", description="icl: from recording and transcript, the closest; xvector: from the timbre alone."
    )
    language: str = Field(default="auto", description="The language of the recording, as a code.")
    keep_audio: bool = Field(default=False, description="true: store the recording in the voice file.")


async def save_recording(request: Request, server: ServerContext) -> dict[str, Any]:
    """Save the voice of the recording in the form `request`."""
    form = await read_form(request, files=("audio",), max_bytes=MAX_UPLOAD_BYTES)
    body = validate_strings(dict(form.fields), RecordingBody)
    audio = uploaded(form.files, "audio")
    return await clone_and_save(request, server, body, audio)


async def clone_and_save(
    request: Request, server: ServerContext, body: RecordingBody, audio: bytes, text_field: str = "text"
) -> dict[str, Any]:
    """Save the voice of `audio` under the name and with the consent in `body`; return it with quality hints."""
    server.rate_limiter.hit(caller_of(request.scope), "clone")
    library = require_history(server)
    if not body.consent:
        raise InvalidValue(field="consent", expected=CONSENT, got="false")
    recording = InlineRecording(audio=audio, text=body.text, x_vector_only=body.mode == "xvector")
    cloned = await server.recordings.clone(recording, text_field=text_field)
    info = server.speech.cloning_info
    voice = SavedVoice(
        name=body.name,
        language=body.language,
        engine=info.name,
        model=info.model,
        reference=cloned.reference,
        consent=True,
        recording=await _opus(cloned.audio.pcm) if body.keep_audio else None,
        sample=await _opus(cloned.audio.pcm[: SAMPLE_S * SAMPLE_RATE]) if body.keep_audio else None,
    )
    saved = await asyncio.to_thread(library.voices.save, voice)
    return voice_to_json(saved) | quality_json(cloned.audio, _catalog(request, server))


async def check_recording(request: Request, server: ServerContext) -> dict[str, Any]:
    """Decode the recording in the form `request` and assess its quality; nothing is stored."""
    server.rate_limiter.hit(caller_of(request.scope), "clone")
    form = await read_form(request, files=("audio",), max_bytes=MAX_UPLOAD_BYTES)
    audio = await server.recordings.check(uploaded(form.files, "audio"))
    return quality_json(audio, _catalog(request, server))


class TranscribeBody(Body):
    """`POST /api/voices/transcribe`, next to the file `audio`."""

    language: str = Field(default="auto", description="The language of the recording, as a code or a name.")


async def transcribe_recording(request: Request, server: ServerContext) -> dict[str, Any]:
    """Recognize the words of the recording in the form `request`; nothing is stored."""
    server.rate_limiter.hit(caller_of(request.scope), "clone")
    form = await read_form(request, files=("audio",), max_bytes=MAX_UPLOAD_BYTES)
    language = parse_language(validate_strings(dict(form.fields), TranscribeBody).language)
    audio, transcript = await server.recordings.transcribe(uploaded(form.files, "audio"), language)
    quality = quality_json(audio, _catalog(request, server))
    recognizer = server.recordings.recognizer_label
    return {"text": transcript.text, "language": transcript.language, "recognizer": recognizer} | quality


async def clone_take(
    server: ServerContext, record: RequestRecord, segment: int | None, mode: CloneMode
) -> tuple[int, ClonedRecording]:
    """Encode a completed segment of a finished request as a recording; return its index too.

    Raises `NotFound` if there is no such segment or its audio was not stored, and `Unsupported` without a Base model.
    """
    report = record.session.report
    completed = (one for one in report.segments if one.finish_reason == "stop" and segment in (None, one.segment.index))
    spoken = next(completed, None)
    missing = NotFound(what=_AUDIO_OF_TAKE, got=record.id)
    if spoken is None:
        raise missing
    pcm = await server.recorder.samples(record, spoken.start_sample, spoken.num_samples)
    if pcm is None or not len(pcm):
        raise missing
    audio = ReferenceAudio(pcm=pcm, seconds=len(pcm) / SAMPLE_RATE, warnings=())
    x_vector_only = mode == "xvector"
    text = spoken.segment.text

    def work() -> ClonedRecording:
        return server.speech.clone(audio, text, x_vector_only=x_vector_only)

    return spoken.segment.index, await server.recordings.run(work)


def uploaded(files: dict[str, bytes], name: str) -> bytes:
    """Return an uploaded file. Raises `InvalidValue` if it is missing."""
    if name not in files:
        raise InvalidValue(field=name, expected=FILE_UPLOAD, got=MISSING)
    return files[name]


def quality_json(audio: ReferenceAudio, catalog: Catalog) -> dict[str, Any]:
    """Return the length of a recording and hints about its quality, in the client's language."""
    return {"seconds": round(audio.seconds, 2), "warnings": _hints(audio.warnings, catalog)}


def _hints(warnings: Sequence[str], catalog: Catalog) -> list[dict[str, str]]:
    return [{"code": code, "message": catalog(f"recording.hint.{code}")} for code in warnings]


def _catalog(request: Request, server: ServerContext) -> Catalog:
    return server.errors.catalog(request.headers.get("accept-language", ""))


async def _opus(pcm: Pcm) -> bytes:
    return await asyncio.to_thread(encode_all, pcm, "opus")
