"""One request: its report, its events as they happen, its finished audio, and cancellation."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Response
from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.responses import JSONResponse

from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import RequestRecord, attachment, file_stem, file_tags
from qwen3tts_webui.server.http import FileBytes, new_router

_KEEP_ALIVE_S = 15.0


def requests_router(server: ServerContext) -> APIRouter:
    router = new_router(prefix="/api/requests/{request_id}")

    @router.get("")
    async def report(request_id: str, measured: bool = False) -> Response:
        """The report: the request, the engine that generated it, and how it went; `ended` is false while it runs.

        With `measured=true`, waits for its end and for the `similarity` of its segments to the voice, which is null
        unless a model that clones is loaded; `drifted` marks segments that sound like another voice.
        """
        record = server.requests.get(request_id)
        if measured:
            await record.fully_measured()
        return JSONResponse({"ended": record.ended, **record.report}, headers={"Cache-Control": "no-store"})

    @router.get("/events")
    async def events(request_id: str) -> Response:
        """Server-sent events from the first to the last, whenever the client connects."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return EventSourceResponse(_sse(server.requests.get(request_id)), headers=headers)

    @router.get("/audio")
    async def audio(request_id: str, format: str = "wav") -> Response:
        """The finished audio as a file: wav, flac, mp3, opus or pcm. Waits for a request that is still running."""
        record = server.requests.get(request_id)
        tags = file_tags(server.speech, record.report)
        data, info = await server.recorder.file(record, format, tags)
        stem = await asyncio.to_thread(file_stem, server.speech, record.report, time.time())
        headers = attachment(stem, info.extension, request_id)
        return FileBytes(data, media_type=info.mime, headers=headers)

    @router.delete("", status_code=204)
    async def cancel(request_id: str) -> Response:
        """Cancel within one packet. The audio so far is kept."""
        server.requests.get(request_id).session.cancel()
        return Response(status_code=204)

    return router


async def _sse(record: RequestRecord) -> AsyncIterator[bytes]:
    """Yield all events, with a comment now and then to keep the connection alive."""
    position = 0
    while True:
        while position < len(record.events):
            data = json.dumps(record.events[position], ensure_ascii=False)
            yield format_sse_event(data_str=data, id=str(position))
            position += 1
        if record.ended:
            return
        try:
            await asyncio.wait_for(record.changed.wait(), _KEEP_ALIVE_S)
        except asyncio.TimeoutError:
            yield format_sse_event(comment="keep-alive")
