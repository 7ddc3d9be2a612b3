"""Links to audio that is generated when they are opened: `POST /api/tts?link=1` and `GET /api/stream/{token}`.

In: validated requests, later a token. Out: JSON with the link, later the audio, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from qwen3tts_webui.audio import OutputFormat, format_info
from qwen3tts_webui.errors import ANOTHER_VALUE, InvalidValue, one_of
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import (
    LINK_S,
    AudioResponse,
    AudioStream,
    RequestContext,
    needs_thread,
    run_maybe_in_thread,
    start_request,
)
from qwen3tts_webui.server.http import check_query, new_router
from qwen3tts_webui.server.schemas import TtsBody
from qwen3tts_webui.types import SpeechRequest

_PREFIX = "/api/stream"
LINK_PARAMETER: dict[str, Any] = {
    "name": "link",
    "in": "query",
    "required": False,
    "description": "1: return a one-shot link to the audio as JSON (url, expires_in_s, request_id).",
    "schema": {"type": "string", "enum": ["0", "1"]},
}
_LINK_VALUES = {"0": False, "false": False, "1": True, "true": True}


def stream_links_router(server: ServerContext) -> APIRouter:
    router = new_router(tags=["speech"])

    @router.get(_PREFIX + "/{token}", response_class=Response)
    async def stream(request: Request, token: str) -> Response:
        """The audio of a link, streamed while it is generated. A link works once, without a key, for two minutes."""
        link = server.stream_links.take(token.partition(".")[0])
        server.requests.require_new_id(link.request.request_id)
        own = RequestContext.of(request, server)
        context = replace(own, client=link.request.client, request_id=link.request.request_id)
        record = await start_request(context, replace(link.request, deadline=context.deadline))
        return AudioResponse(AudioStream(record, link.output_format, context))

    @router.head(_PREFIX + "/{token}", include_in_schema=False)
    async def describe(token: str) -> Response:
        """For players that ask for the type first; the link stays unused."""
        link = server.stream_links.peek(token.partition(".")[0])
        response = Response(media_type=link.output_format.mime, headers={"Cache-Control": "no-store"})
        del response.headers["content-length"]  # it is not known
        return response

    return router


def wants_link(request: Request) -> bool:
    """Return whether the query asks for a link. Raises `InvalidValue`."""
    check_query(request, ("link",))
    value = request.query_params.get("link", "0")
    if value not in _LINK_VALUES:
        raise InvalidValue(field="link", expected=one_of(("0", "1")), got=ANOTHER_VALUE)
    return _LINK_VALUES[value]


async def create_link(requests: Sequence[SpeechRequest], body: TtsBody, context: RequestContext) -> Response:
    """Validate the request like one to synthesize at once, and return a link that synthesizes it. Raises
    `InvalidValue`.

    The link streams, unless the body has `"streaming": false`.
    """
    if isinstance(body.text, list):
        raise InvalidValue(field="text", expected="string", got="array")
    as_file = not body.streaming and "streaming" in body.model_fields_set
    output_format = OutputFormat.of(
        (body.format or "mp3").lower(), body.sample_rate, packet_ms=body.packet_ms, as_file=as_file
    )
    speech, request = context.server.speech, requests[0]
    await run_maybe_in_thread(needs_thread(request), lambda: speech.prepare(request))
    token = context.server.stream_links.create(request, output_format)
    extension = format_info(output_format.format).extension
    answer = {"url": f"{_PREFIX}/{token}.{extension}", "expires_in_s": LINK_S, "request_id": context.request_id}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})
