"""What became of a request: its report, its events as they happen, its finished sound, and how to end it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse, StreamingResponse

from qwen3tts_webui.server.delivery.recorder import Recorder
from qwen3tts_webui.server.delivery.request_registry import Run, Runs

_KEEP_ALIVE_S = 15.0


def requests_router(runs: Runs, recorder: Recorder) -> APIRouter:
    router = APIRouter(prefix="/api/requests/{request_id}")

    @router.get("")
    def report(request_id: str) -> Response:
        """The account: what was asked, by whom it was spoken, how it went; `ended` is false while it still goes on."""
        run = runs.get(request_id)
        return JSONResponse({"ended": run.ended, **run.account}, headers={"Cache-Control": "no-store"})

    @router.get("/events")
    async def events(request_id: str) -> Response:
        """Server-sent events from the first to the last, however late one asks."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_lines(runs.get(request_id)), media_type="text/event-stream", headers=headers)

    @router.get("/audio")
    async def audio(request: Request, request_id: str, format: str = "wav") -> Response:
        """The finished sound as a file: wav, flac, mp3, opus or pcm. Waits for a request that is still spoken."""
        run = runs.get(request_id)
        await run.finished()
        data, info = await recorder.file(run, format)
        name = f"{request_id}.{info.extension}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(data, media_type=info.mime, headers=headers)

    @router.delete("", status_code=204)
    async def cancel(request_id: str) -> Response:
        """End it within one packet. What was spoken so far is kept."""
        runs.get(request_id).speaking.cancel()
        return Response(status_code=204)

    return router


async def _lines(run: Run) -> AsyncIterator[str]:
    """The events as lines of text/event-stream, and a comment now and then so that nobody hangs up."""
    position = 0
    while True:
        while position < len(run.events):
            yield f"id: {position}\ndata: {json.dumps(run.events[position], ensure_ascii=False)}\n\n"
            position += 1
        if run.ended:
            return
        try:
            await asyncio.wait_for(run.news.wait(), _KEEP_ALIVE_S)
        except asyncio.TimeoutError:
            yield ": still speaking\n\n"
