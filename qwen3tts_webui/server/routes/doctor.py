"""The doctor over HTTP: `{"ok", "lines": [{"topic", "level", "text", "action"}]}`, in the language of the client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from qwen3tts_webui.diagnostics import Line, told
from qwen3tts_webui.server.http.error_responses import Problems


def doctor_router(examine: Callable[[], list[Line]], problems: Problems) -> APIRouter:
    router = APIRouter()

    @router.get("/api/doctor")
    async def doctor(request: Request, response: Response) -> dict[str, Any]:
        """What this machine has, what is wrong, and what to do; looked up anew each time."""
        response.headers["Cache-Control"] = "no-store"
        lines = await run_in_threadpool(examine)
        say = problems.catalog(request.headers.get("accept-language", ""))
        return {"ok": all(line.level != "problem" for line in lines), "lines": told(lines, say)}

    return router
