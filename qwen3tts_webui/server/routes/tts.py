"""`POST /api/tts`, the main route. In: JSON. Out: audio, or an error before the first byte of it.

With `?link=1` it answers with a one-shot link instead, `GET /api/stream/{token}`, for players that can only GET.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from qwen3tts_webui.audio import FORMATS
from qwen3tts_webui.config import MAX_DESCRIPTION, Settings
from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import (
    LINK_S,
    MULTIPART,
    NDJSON,
    AudioResponse,
    AudioStream,
    RequestContext,
    batch_requests,
    needs_thread,
    output_format_of,
    run_maybe_in_thread,
    single_request,
    start_batch,
    start_request,
)
from qwen3tts_webui.server.http import openapi_for, read_json
from qwen3tts_webui.server.schemas import TtsBody

_EXAMPLES: dict[str, dict[str, object]] = {
    "one file": {"text": "Good morning.", "language": "English", "voice_desc": "A calm old man, low and husky."},
    "streaming": {"text": "First line.\nSecond line.", "streaming": True, "seed": 7, "packet_ms": 20},
    "a preset at telephone quality": {"text": "Hello.", "voice": "en-service", "format": "wav", "sample_rate": 8_000},
    "a batch": {"text": ["One.", "Two.", "Three."], "batch_size": 2, "format": "mp3"},
}
_MAX_BYTES_PER_CHAR = 12  # the longest JSON escape: a surrogate pair


def max_body_bytes(settings: Settings) -> int:
    """Return the size limit of a body with the longest text and description."""
    return _MAX_BYTES_PER_CHAR * (settings.max_text + MAX_DESCRIPTION) + 16_384


def tts_router(server: ServerContext) -> APIRouter:
    router = APIRouter(tags=["speech"])
    max_bytes = max_body_bytes(server.settings)

    async def tts(request: Request) -> Response:
        """Synthesize a text, or a batch of texts, in a voice described in plain words."""
        context = RequestContext.of(request, server)
        body = await read_json(request, TtsBody, max_bytes=max_bytes)
        if request.query_params.get("link") in ("1", "true"):
            return await _link(body, context)
        output_format = output_format_of(body)
        if isinstance(body.text, list):
            return await start_batch(
                context,
                batch_requests(body, context),
                output_format,
                max_concurrent=body.batch_size,
                accept=request.headers.get("accept", ""),
            )
        record = await start_request(context, single_request(body, context))
        return AudioResponse(AudioStream(record, output_format, context))

    # a plain Starlette route comes first and responds 0.1 ms sooner; FastAPI's is there for the documentation
    async def plain(request: Request) -> Response:
        request.scope["route"] = documented  # for logs and metrics
        return await tts(request)

    @router.get("/api/stream/{token}", response_class=Response)
    async def stream(request: Request, token: str) -> Response:
        """The audio of a link, streamed while it is generated. A link works once, without a key, for two minutes."""
        link = server.stream_links.take(token)
        server.requests.require_new_id(link.request_id)
        context = replace(RequestContext.of(request, server), client=link.client, request_id=link.request_id)
        record = await start_request(context, single_request(link.body, context))
        return AudioResponse(AudioStream(record, output_format_of(link.body), context))

    mimes: dict[str, dict[str, object]] = {info.mime: {} for info in FORMATS.values()}
    router.add_route("/api/tts", plain, methods=["POST"], include_in_schema=False)
    router.add_api_route(
        "/api/tts",
        tts,
        methods=["POST"],
        response_class=Response,
        **_openapi(mimes),
    )
    documented = router.routes[-1]
    return router


async def _link(body: TtsBody, context: RequestContext) -> Response:
    """Validate the body as if it were to be spoken, and return a link that speaks it."""
    body = body.model_copy(update={"streaming": True, "format": body.format or "mp3"})
    if isinstance(body.text, list):
        raise InvalidValue(field="text", expected="string", got="array")
    output_format_of(body)
    speech, request = context.server.speech, single_request(body, context)
    await run_maybe_in_thread(needs_thread(request), lambda: speech.prepare(request))
    token = context.server.stream_links.create(body, context.client, context.request_id)
    answer = {"url": f"/api/stream/{token}", "expires_in_s": LINK_S, "request_id": context.request_id}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


def _openapi(mimes: dict[str, dict[str, object]]) -> dict[str, Any]:
    described = openapi_for(
        TtsBody,
        statuses=(400, 404, 413, 415, 422, 429, 500, 503, 504),
        content={**mimes, MULTIPART: {}, NDJSON: {}, "application/json": {}},
        examples=_EXAMPLES,
    )
    described["openapi_extra"]["parameters"].append(
        {
            "name": "link",
            "in": "query",
            "required": False,
            "description": "1: return a one-shot link to the audio as JSON (url, expires_in_s, request_id).",
            "schema": {"type": "string", "enum": ["0", "1"]},
        }
    )
    return described
