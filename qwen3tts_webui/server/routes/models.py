"""Models over HTTP: what there is and whether it fits, a download with its progress, and its end.

In: the id of a released model (no other) and a mirror by name. Out: JSON; the sentences are in the client's language.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from qwen3tts_webui.errors import CheckpointError, DownloadError, InvalidValue, NotFound, SpeechError, InsufficientMemory
from qwen3tts_webui.checkpoints import KNOWN, MIRRORS, known
from qwen3tts_webui.checkpoints.desk import Desk, Loading
from qwen3tts_webui.checkpoints.meter import Progress
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.server.http.json_body import read

_MAX_BODY = 4_096


class DownloadBody(BaseModel):
    """`POST /api/models/download`. A mirror is chosen by name: an address would let a stranger send us anywhere."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    model: str
    mirror: Literal["", "hf", "modelscope"] = ""


def no_models_router() -> APIRouter:
    """For a server that brings no models: it says so."""
    router = APIRouter()

    @router.get("/api/models")
    async def models() -> dict[str, Any]:
        """There are none to be had here."""
        return {"models": [], "mirror": "", "mirrors": [], "download": None, "loading": None}

    return router


def models_router(desk: Desk, problems: Problems) -> APIRouter:
    router = APIRouter()

    def told(error: SpeechError | None, request: Request) -> dict[str, str] | None:
        wish = request.headers.get("accept-language", "")
        if error is None:
            return None
        if isinstance(error, CheckpointError):  # by its name: where it lies is nobody's business
            file = Path(str(error.params["file"])).name
            error = CheckpointError(file=file, key=str(error.params["key"]), problem=error.params["problem"])
        shown = isinstance(error, (DownloadError, InsufficientMemory, CheckpointError))
        return problems.sentence(error, wish) if shown else problems.told(error, wish)

    def shown(what: Progress | Loading | None, request: Request) -> dict[str, Any] | None:
        if what is None:
            return None
        return {**asdict(replace(what, error=None)), "error": told(what.error, request)}

    @router.get("/api/models")
    async def models(request: Request, response: Response) -> dict[str, Any]:
        """The released models, the present download and the engine that is being loaded."""
        response.headers["Cache-Control"] = "no-store"
        overview = await run_in_threadpool(desk.overview)
        return {
            "models": [{**asdict(model), "fits": model.fit.fits} for model in overview.models],
            "mirror": desk.mirror if desk.mirror in MIRRORS else urlsplit(desk.mirror).netloc,
            "mirrors": list(MIRRORS),
            "download": shown(overview.download, request),
            "loading": shown(overview.loading, request),
        }

    @router.post("/api/models/download", status_code=202)
    async def download(request: Request) -> dict[str, Any]:
        """Begin, or go on where an earlier one stopped."""
        body = await read(request, DownloadBody, max_bytes=_MAX_BODY)
        model = known(body.model)
        if model is None:
            raise InvalidValue(field="model", expected=" | ".join(one.id for one in KNOWN), got="another name")
        await run_in_threadpool(desk.download, model.id, body.mirror)
        return {"download": shown(desk.progress, request), "loading": shown(desk.loading, request)}

    @router.delete("/api/models/download", status_code=202)
    async def stop(request: Request) -> dict[str, Any]:
        """Stop it; what was loaded is kept."""
        if not desk.stop():
            raise NotFound(what="download", got="running")
        return {"download": shown(desk.progress, request)}

    return router
