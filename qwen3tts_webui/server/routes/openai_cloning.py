"""vLLM-Omni's spellings of voice cloning on OpenAI's routes.

In: the JSON of a request, or a form. Out: the same with this server's names, a recording to clone, a saved voice.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from pydantic import BaseModel, Field

from qwen3tts_webui.errors import MISSING, ErrorDetail, InvalidValue
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import JsonObject, read_form, validate_strings
from qwen3tts_webui.server.routes.cloned_voices import MAX_UPLOAD_BYTES, RecordingBody, clone_and_save, uploaded
from qwen3tts_webui.server.routes.openai_leniency import find_voice
from qwen3tts_webui.speech import Speech

_REF_AUDIO = ErrorDetail("with_task_base", "given with task_type Base, or a saved cloned voice as voice")
_NO = frozenset({"", "false", "no", "0", "none", "null"})


class VoiceUpload(BaseModel):
    """The text fields of `POST /v1/audio/voices`; the file is `audio_sample`."""

    name: str = Field(description="A name, by which requests find the voice.", examples=["grandma"])
    consent: str = Field(description="Anything but an empty text, no or false: you may use this voice.")
    ref_text: str = Field(default="", description="What is said in the recording; without it, the timbre alone.")
    language: str = Field(default="auto", description="The language of the recording, as a code.")


async def prepare_cloning(given: JsonObject, speech: Speech) -> tuple[JsonObject, list[str]]:
    """Return `given` for a request that may clone, and warnings: a voice given together with a recording is ignored.

    A saved voice may be given by its name. Raises `InvalidValue` for the task "Base" without a voice to clone.
    """
    fields = dict(given)
    if fields.get("ref_audio") is not None:
        ignored = fields.pop("voice", None)
        return fields, [] if ignored in (None, "", "clone") else ["voice ignored, as ref_audio is given"]
    voice = fields.get("voice")
    if isinstance(voice, str) and speech.library is not None and not _is_known(voice, speech):
        voices = await asyncio.to_thread(speech.library.voices.list)
        name = voice.strip().casefold()
        fields["voice"] = next((saved.id for saved in voices if saved.name.casefold() == name), voice)
    if str(fields.get("task_type", "")).casefold() == "base" and not _is_saved(fields.get("voice")):
        raise InvalidValue(field="ref_audio", expected=_REF_AUDIO, got=MISSING)
    return fields, []


async def upload_voice(request: Request, server: ServerContext) -> dict[str, Any]:
    """Save the voice of an uploaded recording; the response is vLLM-Omni's, with our id and quality hints."""
    form = await read_form(request, files=("audio_sample",), max_bytes=MAX_UPLOAD_BYTES)
    known = {name: value for name, value in form.fields.items() if name in VoiceUpload.model_fields}
    given = validate_strings(known, VoiceUpload)
    audio = uploaded(form.files, "audio_sample")
    body = RecordingBody(
        name=given.name,
        consent=given.consent.strip().casefold() not in _NO,
        text=given.ref_text,
        mode="icl" if given.ref_text.strip() else "xvector",
        language=given.language,
    )
    saved = await clone_and_save(request, server, body, audio, "ref_text")
    voice = {"name": saved["name"], "consent": given.consent, "created_at": int(saved["created"]), "id": saved["id"]}
    return {"success": True, "voice": voice | {"file_size": len(audio), "warnings": saved["warnings"]}}


def _is_known(voice: str, speech: Speech) -> bool:
    """Return True for an id, and for the name of something that is not a saved voice."""
    return not voice.strip() or _is_saved(voice) or find_voice(voice, speech) is not None


def _is_saved(voice: Any) -> bool:
    name = voice.get("id") if isinstance(voice, dict) else voice
    return isinstance(name, str) and name.startswith("saved-")
