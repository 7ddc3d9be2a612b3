"""The history: list, search, star and delete entries, and replace one line of a take.

In: the history store. Out: JSON and files. Lists shorten texts; a single entry is complete. Audio is available in every
format. Without a store the list is empty and says so (`kept` is false).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from qwen3tts_webui.audio import encode_all, format_info, read_wav
from qwen3tts_webui.errors import HISTORY_ENTRY, HistoryDisabled
from qwen3tts_webui.history import HistoryEntry, HistoryStore, cut_line, splice_line, splice_rest
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import attachment, file_stem, file_tags
from qwen3tts_webui.server.http import FileBytes, FileOnDisk, body_openapi, new_router, read_json
from qwen3tts_webui.server.schemas import Body

_PREVIEW_CHARS = 240
_MAX_BYTES = 4_096
UndoSeconds = Annotated[float, Query(ge=0, le=60, allow_inf_nan=False)]


class StarBody(Body):
    """`PATCH /api/history/{entry_id}`."""

    starred: bool


class UndeleteBody(Body):
    """`POST /api/history/undelete`."""

    undo: str = Field(description="The `undo` of a deletion with `undo_s`.", pattern=r"^\d{1,19}$")


class ReplaceLineBody(Body):
    """`PUT /api/history/{entry_id}/lines/{line}`."""

    retake: str = Field(description="The history id of that line, generated again.", max_length=64)
    retake_line: int | None = Field(None, ge=0, description="Take only this line (from 0) of the entry `retake`.")
    to_end: bool = Field(False, description="The retake is of that line and all later ones.")


def require_history(server: ServerContext) -> HistoryStore:
    """Raises `HistoryDisabled`."""
    if server.speech.library is None:
        raise HistoryDisabled()
    return server.speech.library


async def entry_of_request(server: ServerContext, request_id: str) -> HistoryEntry:
    """Wait for a request and return its entry. Raises `NotFound`, `HistoryDisabled`."""
    path = await server.requests.get(request_id).finished_audio_path(HISTORY_ENTRY)
    return await asyncio.to_thread(require_history(server).entry, path.stem)


def history_router(server: ServerContext) -> APIRouter:
    router = new_router(prefix="/api/history")

    @router.get("")
    async def entries(
        request_id: str = "",
        search: str = "",
        starred: bool = False,
        limit: Annotated[int, Query(ge=1, le=100)] = 40,
        offset: Annotated[int, Query(ge=0)] = 0,
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
    def clear(
        search: str = "", starred: bool = False, keep_starred: bool = False, undo_s: UndoSeconds = 0.0
    ) -> dict[str, int | str]:
        """Delete the entries that match `search` and `starred`, or only the unstarred ones of them.

        With `undo_s`, the deletion can be undone for so many seconds: pass the returned `undo` to `undelete`.
        """
        store = require_history(server)
        if starred and keep_starred:
            return {"deleted": 0, "undo": "0"}
        selected = True if starred else False if keep_starred else None
        deleted, undo = store.clear(search=search, starred=selected, undo_s=undo_s)
        return {"deleted": deleted, "undo": str(undo)}

    @router.post("/undelete")
    async def undelete(request: Request) -> dict[str, int]:
        """Undo a deletion: how many entries are back, 0 if it is too late."""
        body = await read_json(request, UndeleteBody, max_bytes=_MAX_BYTES)
        return {"restored": await asyncio.to_thread(require_history(server).undelete, min(int(body.undo), 2**63 - 1))}

    @router.get("/{entry_id}")
    def entry(entry_id: str) -> dict[str, Any]:
        """One complete entry."""
        return _complete(require_history(server).entry(entry_id))

    @router.get("/{entry_id}/audio")
    async def audio(entry_id: str, format: str = "wav") -> Response:
        """The audio as a file: wav, flac, mp3, opus or pcm."""
        info = format_info(format)
        store = require_history(server)
        path = await asyncio.to_thread(store.audio_path, entry_id)
        entry = await asyncio.to_thread(store.entry, entry_id)
        stem = await asyncio.to_thread(file_stem, server.speech, entry.report, entry.created)
        headers = attachment(stem, info.extension, entry_id)
        if format == "wav":
            return FileOnDisk(path, media_type=info.mime, headers=headers)
        tags = file_tags(server.speech, entry.report)
        data = await asyncio.to_thread(lambda: encode_all(read_wav(path), format, tags=tags))
        return FileBytes(data, media_type=info.mime, headers=headers)

    @router.patch("/{entry_id}", **body_openapi(StarBody))
    async def star(entry_id: str, request: Request) -> dict[str, Any]:
        """Star an entry, or remove its star."""
        body = await read_json(request, StarBody, max_bytes=_MAX_BYTES)
        return _row(await asyncio.to_thread(require_history(server).set_starred, entry_id, body.starred))

    @router.delete("/{entry_id}", status_code=204)
    def delete(entry_id: str, undo_s: UndoSeconds = 0.0) -> Response:
        """Delete the entry and its files. With `undo_s`, answers 200 with the `undo` for `undelete`."""
        undo = require_history(server).delete(entry_id, undo_s=undo_s)
        return JSONResponse({"deleted": 1, "undo": str(undo)}) if undo_s > 0 else Response(status_code=204)

    @router.put("/{entry_id}/lines/{line}", **body_openapi(ReplaceLineBody))
    async def replace_line(entry_id: str, line: Annotated[int, Path(ge=0)], request: Request) -> dict[str, Any]:
        """Create an entry like this one, with the audio of `line` (from 0, empty lines not counted) from a retake.

        With `to_end`, the retake replaces all later lines as well: this is how a stopped request is continued. With
        `retake_line`, only that line of the retake is used: this is how an earlier take of a line comes back.
        """
        body = await read_json(request, ReplaceLineBody, max_bytes=_MAX_BYTES)
        store = require_history(server)
        return _complete(await asyncio.to_thread(_replace_line, store, entry_id, line, body))

    return router


def _page(store: HistoryStore, search: str, starred: bool | None, limit: int, offset: int) -> dict[str, Any]:
    found = store.entries(search=search, starred=starred, limit=limit, offset=offset)
    total = store.count(search=search, starred=starred)
    num_starred = store.count(search=search, starred=True)
    return {**_listing(store, [_row(entry) for entry in found], total), "num_starred": num_starred}


def _listing(store: HistoryStore, entries: list[dict[str, Any]], total: int) -> dict[str, Any]:
    return {
        "kept": True,
        "entries": entries,
        "total": total,
        "used_bytes": store.used_bytes,
        "quota_bytes": store.quota_bytes,
    }


def _replace_line(store: HistoryStore, entry_id: str, line: int, body: ReplaceLineBody) -> HistoryEntry:
    take, retake = store.entry(entry_id), store.entry(body.retake)
    new, new_pcm = retake.report, read_wav(store.audio_path(retake.id))
    if body.retake_line is not None:
        new, first, last = cut_line(new, body.retake_line)
        new_pcm = new_pcm[first:last]
    splice = splice_rest if body.to_end else splice_line
    report, start, end = splice(take.report, line, new)
    pcm = read_wav(store.audio_path(take.id))
    return store.add(report, np.concatenate([pcm[:start], new_pcm, pcm[end:]]))


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
