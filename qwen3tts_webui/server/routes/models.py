"""Models: which exist and fit this machine, and downloading them.

In: the id of a released model (no other) and a mirror by name; from a browser on this machine, also a folder.
Out: JSON, with messages in the client's language.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from qwen3tts_webui.checkpoints import (
    CATALOG,
    MIRRORS,
    CatalogModel,
    DownloadProgress,
    EngineStart,
    ModelInstaller,
    find_in_catalog,
)
from qwen3tts_webui.errors import (
    ANOTHER_VALUE,
    CheckpointError,
    DownloadError,
    ErrorDetail,
    InsufficientMemory,
    InvalidValue,
    NotFound,
    SpeechError,
    one_of,
)
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import LocalOnly, NotAModelFolder, body_openapi, new_router, read_json
from qwen3tts_webui.server.routes.model_folder import is_on_this_machine, model_folder
from qwen3tts_webui.server.schemas import Body

_MAX_BYTES = 4_096
_DOWNLOAD = ErrorDetail("running_download", "running download")


class DownloadBody(Body):
    """`POST /api/models/download`. A mirror is chosen by name: a URL would let clients point the server anywhere."""

    model: str
    mirror: Literal["", "hf", "modelscope"] = ""
    also: bool = Field(default=False, description="true: keep the active model, and load this one in addition.")


class FolderBody(Body):
    """`POST /api/models/folder`."""

    folder: str = Field(
        description="The full path of a folder with a model, on the server's machine.", max_length=4_096
    )


class ModelBody(Body):
    """`POST /api/models/unload` and `POST /api/models/speed`."""

    model: str


def models_router(server: ServerContext) -> APIRouter:
    """Without a `model_installer` the list is empty and nothing can be downloaded."""
    router = new_router()
    installer = server.model_installer
    if installer is None:

        @router.get("/api/models")
        async def no_models() -> dict[str, Any]:
            """This server does not manage models."""
            empty: dict[str, Any] = {"models": [], "mirror": "", "mirrors": [], "active": "", "folders": False}
            return {**empty, "download": None, "loading": None, "measuring": False}

    else:
        _add_routes(router, server, installer)
    return router


def _add_routes(router: APIRouter, server: ServerContext, installer: ModelInstaller) -> None:
    def state(of: DownloadProgress | EngineStart | None, request: Request) -> dict[str, Any] | None:
        if of is None:
            return None
        accept_language = request.headers.get("accept-language", "")
        return {**asdict(replace(of, error=None)), "error": _error(server, of.error, accept_language)}

    @router.get("/api/models")
    async def models(request: Request, response: Response) -> dict[str, Any]:
        """The released models, the current download and the engine that is loading."""
        response.headers["Cache-Control"] = "no-store"
        overview = await run_in_threadpool(installer.overview)
        return {
            "models": [{**asdict(model), "fits": model.fit.fits} for model in overview.models],
            "mirror": installer.mirror if installer.mirror in MIRRORS else urlsplit(installer.mirror).netloc,
            "mirrors": list(MIRRORS),
            "download": state(overview.download, request),
            "loading": state(overview.loading, request),
            "measuring": overview.measuring,
            "active": overview.active,
            "folders": is_on_this_machine(request, server.settings),
        }

    @router.post("/api/models/download", status_code=202, **body_openapi(DownloadBody))
    async def download(request: Request) -> dict[str, Any]:
        """Start a download, or resume one; an installed model is loaded at once."""
        body = await read_json(request, DownloadBody, max_bytes=_MAX_BYTES)
        await run_in_threadpool(installer.download, _known(body.model).id, body.mirror, also=body.also)
        return {"download": state(installer.progress, request), "loading": state(installer.loading, request)}

    @router.post("/api/models/folder", status_code=202, **body_openapi(FolderBody))
    async def use_folder(request: Request) -> dict[str, Any]:
        """Load a model from a folder of the server's machine. Only for clients on that machine."""
        body = await read_json(request, FolderBody, max_bytes=4 * _MAX_BYTES)
        if not is_on_this_machine(request, server.settings):
            raise LocalOnly()
        await run_in_threadpool(_use_folder, installer, body.folder)
        return {"loading": state(installer.loading, request)}

    @router.post("/api/models/speed", status_code=202, **body_openapi(ModelBody))
    async def measure(request: Request) -> dict[str, bool]:
        """Measure the speed of a model on this machine, with random weights; `GET /api/models` has the result."""
        body = await read_json(request, ModelBody, max_bytes=_MAX_BYTES)
        return {"measuring": installer.measure(_known(body.model))}

    @router.post("/api/models/unload", status_code=202, **body_openapi(ModelBody))
    async def unload(request: Request) -> dict[str, Any]:
        """Unload a model that was loaded in addition, once its requests have ended."""
        body = await read_json(request, ModelBody, max_bytes=_MAX_BYTES)
        await run_in_threadpool(installer.unload, _known(body.model).id)
        return {"loading": state(installer.loading, request)}

    @router.delete("/api/models/download", status_code=202)
    async def stop(request: Request) -> dict[str, Any]:
        """Stop the download. Finished parts are kept."""
        if not installer.stop():
            raise NotFound(what=_DOWNLOAD, got="?")
        return {"download": state(installer.progress, request)}


def _use_folder(installer: ModelInstaller, path: str) -> None:
    try:
        installer.use_folder(model_folder(path))
    except CheckpointError as error:
        file = Path(str(error.params["file"])).name
        raise NotAModelFolder(file=file, problem=error.params["problem"]) from error


def _known(name: str) -> CatalogModel:
    """Return a released model. Raises `InvalidValue` for any other."""
    model = find_in_catalog(name)
    if model is None:
        raise InvalidValue(field="model", expected=one_of(model.id for model in CATALOG), got=ANOTHER_VALUE)
    return model


def _error(server: ServerContext, error: SpeechError | None, accept_language: str) -> dict[str, str] | None:
    if error is None:
        return None
    if isinstance(error, CheckpointError):  # name the file, but not the folder it is stored in
        file = Path(str(error.params["file"])).name
        error = CheckpointError(file=file, key=str(error.params["key"]), problem=error.params["problem"])
    if isinstance(error, (DownloadError, InsufficientMemory, CheckpointError)):
        return server.errors.message_dict(error, accept_language)
    return server.errors.to_dict(error, accept_language)
