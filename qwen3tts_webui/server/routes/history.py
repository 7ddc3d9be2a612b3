"""The history: list, search, star and delete entries, and replace one line of a take.

In: the history store. Out: JSON and files. Lists shorten texts; a single entry is complete. Audio is available in every
format. Without a store the list is empty and says so (`kept` is false).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Request, Response
from pydantic import Field

from qwen3tts_webui.audio import encode_all, format_info, read_wav
from qwen3tts_webui.errors import ErrorDetail, HistoryDisabled
from qwen3tts_webui.history import HistoryEntry, HistoryStore, splice_line
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import FileBytes, FileOnDisk, body_openapi, read_json
from qwen3tts_webui.server.schemas import Body

_PREVIEW_CHARS = 240
_MAX_PAGE_SIZE = 100
_MAX_BYTES = 4_096
_ENTRY = ErrorDetail("history_entry", "history entry")


class StarBody(Body):
    """`PATCH /api/history/{entry_id}`."""

    starred: bool


class ReplaceLineBody(Body):
    """`PUT /api/history/{entry_id}/lines/{line}`."""

    retake: str = Field(description="The history id of that line, generated again.", max_length=64)


def require_history(server: ServerContext) -> HistoryStore:
    """Raises `HistoryDisabled`."""
    if server.speech.library is None:
        raise HistoryDisabled()
    return server.speech.library


async def entry_of_request(server: ServerContext, request_id: str) -> HistoryEntry:
    """Wait for a request and return its entry. Raises `NotFound`, `HistoryDisabled`."""
    path = await server.requests.get(request_id).finished_audio_path(_ENTRY)
    return await asyncio.to_thread(require_history(server).entry, path.stem)


def history_router(server: ServerContext) -> APIRouter:
    router = APIRouter(prefix="/api/history")

    @router.get("")
    async def entries(
        request_id: str = "", search: str = "", starred: bool = False, limit: int = 40, offset: int = 0
    ) -> dict[str, Any]:
        """A page of entries, newest first; `starred=true` selects starred ones.

        With `request_id`, the complete entry of that request, which may still be running; 404 if it has none.
        """
        if request_id:
            return _listing(require_history(server), [_complete(await entry_of_request(server, request_id))], 1)
        store = server.speech.library
        if store is None:
            return {"kept": False, "entries": [], "total": 0, "used_bytes": 0, "quota_bytes": 0}
        return await asyncio.to_thread(_page, store, search, True if starred else None, limit, offset)

    @router.delete("")
    def clear(keep_starred: bool = False) -> dict[str, int]:
        """Delete all entries, or all but the starred ones."""
        return {"deleted": require_history(server).clear(keep_starred=keep_starred)}

    @router.get("/{entry_id}")
    def entry(entry_id: str) -> dict[str, Any]:
        """One complete entry."""
        return _complete(require_history(server).entry(entry_id))

    @router.get("/{entry_id}/audio")
    async def audio(entry_id: str, format: str = "wav") -> Response:
        """The audio as a file: wav, flac, mp3, opus or pcm."""
        info = format_info(format)
        path = await asyncio.to_thread(require_history(server).audio_path, entry_id)
        headers = {"Cache-Control": "no-store"}
        if format == "wav":
            return FileOnDisk(path, media_type=info.mime, headers=headers, filename=f"{entry_id}.wav")
        data = await asyncio.to_thread(lambda: encode_all(read_wav(path), format))
        headers["Content-Disposition"] = f'attachment; filename="{entry_id}.{info.extension}"'
        return FileBytes(data, media_type=info.mime, headers=headers)

    @router.patch("/{entry_id}", **body_openapi(StarBody))
    async def star(entry_id: str, request: Request) -> dict[str, Any]:
        """Star an entry, or remove its star."""
        body = await read_json(request, StarBody, max_bytes=_MAX_BYTES)
        return _row(await asyncio.to_thread(require_history(server).set_starred, entry_id, body.starred))

    @router.delete("/{entry_id}", status_code=204)
    def delete(entry_id: str) -> Response:
        """Delete the entry and its files."""
        require_history(server).delete(entry_id)
        return Response(status_code=204)

    @router.put("/{entry_id}/lines/{line}", **body_openapi(ReplaceLineBody))
    async def replace_line(entry_id: str, line: Annotated[int, Path(ge=0)], request: Request) -> dict[str, Any]:
        """Create an entry like this one, with the audio of `line` (from 0, empty lines not counted) from a retake."""
        body = await read_json(request, ReplaceLineBody, max_bytes=_MAX_BYTES)
        store = require_history(server)
        return _complete(await asyncio.to_thread(_replace_line, store, entry_id, line, body.retake))

    return router


def _page(store: HistoryStore, search: str, starred: bool | None, limit: int, offset: int) -> dict[str, Any]:
    limit = min(max(limit, 1), _MAX_PAGE_SIZE)
    found = store.entries(search=search, starred=starred, limit=limit, offset=max(offset, 0))
    return _listing(store, [_row(entry) for entry in found], store.count(search=search, starred=starred))


def _listing(store: HistoryStore, entries: list[dict[str, Any]], total: int) -> dict[str, Any]:
    return {
        "kept": True,
        "entries": entries,
        "total": total,
        "used_bytes": store.used_bytes,
        "quota_bytes": store.quota_bytes,
    }


def _replace_line(store: HistoryStore, entry_id: str, line: int, retake_id: str) -> HistoryEntry:
    take, retake = store.entry(entry_id), store.entry(retake_id)
    report, start, end = splice_line(take.report, line, retake.report)
    pcm = read_wav(store.audio_path(take.id))
    spliced = np.concatenate([pcm[:start], read_wav(store.audio_path(retake.id)), pcm[end:]])
    return store.add(report, spliced)


def _row(entry: HistoryEntry) -> dict[str, Any]:
    """Return an entry as a list shows it."""
    report = entry.report
    names = ("language", "speaker", "voice", "seed", "speed", "engine", "label", "preview", "finish_reason", "failed")
    timings = report.get("timings")
    return {
        "id": entry.id,
        "created": entry.created,
        "starred": entry.starred,
        "num_bytes": entry.num_bytes,
        "text": str(report.get("text", ""))[:_PREVIEW_CHARS],
        "description": str(report.get("description", ""))[:_PREVIEW_CHARS],
        "num_samples": report.get("num_samples"),
        "first_pcm_ms": report.get("server_first_pcm_ms"),
        "total_ms": timings.get("total_ms") if isinstance(timings, dict) else None,
        **{name: report.get(name) for name in names},
    }


def _complete(entry: HistoryEntry) -> dict[str, Any]:
    return {**_row(entry), **entry.report}
