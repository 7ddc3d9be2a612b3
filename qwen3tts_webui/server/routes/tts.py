"""`POST /api/tts`, the main route.

In: JSON, or a form with a recording. Out: audio, or an error before the first byte of it; with `?link=1`, a link.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from qwen3tts_webui.audio import FORMATS
from qwen3tts_webui.config import MAX_DESCRIPTION, Settings
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import (
    MAX_INLINE_BYTES,
    MULTIPART,
    NDJSON,
    AudioResponse,
    AudioStream,
    RequestContext,
    batch_requests,
    inline_recording,
    output_format_of,
    quality_warning,
    single_request,
    start_batch,
    start_request,
    with_recording,
)
from qwen3tts_webui.server.http import (
    form_content,
    is_form,
    new_router,
    openapi_for,
    read_form,
    read_json,
    validate_strings,
)
from qwen3tts_webui.server.routes.stream_links import LINK_PARAMETER, create_link, wants_link
from qwen3tts_webui.server.schemas import TtsBody

_EXAMPLES: dict[str, dict[str, object]] = {
    "one file": {"text": "Good morning.", "language": "English", "voice_desc": "A calm old man, low and husky."},
    "streaming": {"text": "First line.\nSecond line.", "streaming": True, "seed": 7, "packet_ms": 20},
    "a preset at telephone quality": {"text": "Hello.", "voice": "en-service", "format": "wav", "sample_rate": 8_000},
    "a batch": {"text": ["One.", "Two.", "Three."], "batch_size": 2, "format": "mp3"},
}
MAX_FORM_BYTES = 33 * 2**20  # the largest recording, and the text fields
_MAX_BYTES_PER_CHAR = 12  # the longest JSON escape: a surrogate pair


def max_body_bytes(settings: Settings) -> int:
    """Return the size limit of a body with the longest text and description."""
    return _MAX_BYTES_PER_CHAR * (settings.max_text + MAX_DESCRIPTION) + 16_384


def tts_router(server: ServerContext) -> APIRouter:
    router = new_router(tags=["speech"])
    max_bytes = max_body_bytes(server.settings) + MAX_INLINE_BYTES

    async def read(request: Request) -> tuple[TtsBody, bytes | str | None]:
        """The body and the recording in it, if there is one."""
        if not is_form(request):
            body = await read_json(request, TtsBody, max_bytes=max_bytes)
            return body, body.ref_audio
        form = await read_form(request, files=("ref_audio",), max_bytes=MAX_FORM_BYTES)
        return validate_strings(dict(form.fields), TtsBody), form.files.get("ref_audio")

    async def tts(request: Request) -> Response:
        """Synthesize a text, or a batch of texts, in a voice described in plain words."""
        as_link = wants_link(request)
        context = RequestContext.of(request, server)
        body, audio = await read(request)
        output_format = output_format_of(body)
        is_batch = isinstance(body.text, list)
        requests = batch_requests(body, context) if is_batch else [single_request(body, context)]
        warnings: list[str] = []
        recording = inline_recording(audio, body.ref_text, body.x_vector_only)
        if recording is not None:
            cloned = await server.recordings.clone(recording)
            requests = [with_recording(one, cloned) for one in requests]
            warnings = quality_warning(cloned)
        if as_link:
            return await create_link(requests, body, context)
        if is_batch:
            return await start_batch(
                context,
                requests,
                output_format,
                max_concurrent=body.batch_size,
                accept=request.headers.get("accept", ""),
            )
        record = await start_request(context, requests[0])
        return AudioResponse(AudioStream(record, output_format, context), warnings)

    # a plain Starlette route comes first and responds 0.1 ms sooner; FastAPI's is there for the documentation
    async def plain(request: Request) -> Response:
        request.scope["route"] = documented  # for logs and metrics
        return await tts(request)

    mimes: dict[str, dict[str, object]] = {info.mime: {} for info in FORMATS.values()}
    described = openapi_for(
        TtsBody,
        statuses=(400, 404, 413, 415, 422, 429, 500, 503, 504),
        content={**mimes, MULTIPART: {}, NDJSON: {}, "application/json": {}},
        examples=_EXAMPLES,
    )
    described["openapi_extra"]["requestBody"]["content"] |= form_content(TtsBody, "ref_audio")
    described["openapi_extra"]["parameters"].append(LINK_PARAMETER)
    router.add_route("/api/tts", plain, methods=["POST"], include_in_schema=False)
    router.add_api_route(
        "/api/tts",
        tts,
        methods=["POST"],
        response_class=Response,
        **described,
    )
    documented = router.routes[-1]
    return router
