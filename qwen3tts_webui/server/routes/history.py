"""What only the page needs: the history as a list to search, star, restore and delete, and one line put into a take.

In: the library. Out: JSON and files. Entries of a list are cut short; one entry alone comes whole. Sound goes out in
any format. Without a library the history is empty and says so (`kept` is false).
"""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse

from qwen3tts_webui.audio.encode import encoded, format_info
from qwen3tts_webui.audio.pcm import from_s16le
from qwen3tts_webui.errors import NotFound
from qwen3tts_webui.server.delivery.request_registry import Runs
from qwen3tts_webui.server.http.json_body import read
from qwen3tts_webui.server.splice import splice
from qwen3tts_webui.types import Pcm
from qwen3tts_webui.voices.library import Entry, Library

_SHOWN = 240  # characters of a text in a list
_MAX_PAGE = 100
_MAX_BYTES = 4_096


class StarBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    starred: bool


class SpliceBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    line: int = Field(ge=0, description="Which of the take's lines that are not blank, from 0.")
    retake: str = Field(description="The history id of that line, spoken anew.", max_length=64)


def studio_router(library: Library | None, runs: Runs) -> APIRouter:
    """The routes below /api/history; `runs` tells which entry a request has become."""
    router = APIRouter(prefix="/api/history")

    def shelf() -> Library:
        if library is None:
            raise NotFound(what="history", got="none is kept")
        return library

    @router.get("")
    def page(search: str = "", starred: bool = False, limit: int = 40, offset: int = 0) -> dict[str, Any]:
        """The newest first, a page at a time. `starred=true` shows only those."""
        if library is None:
            return {"kept": False, "entries": [], "total": 0, "used_bytes": 0, "quota_bytes": 0}
        wanted = True if starred else None
        entries = library.entries(
            search=search, starred=wanted, limit=min(max(limit, 1), _MAX_PAGE), offset=max(offset, 0)
        )
        return {
            "kept": True,
            "entries": [_row(entry) for entry in entries],
            "total": library.count(search=search, starred=wanted),
            "used_bytes": library.used_bytes,
            "quota_bytes": library.quota_bytes,
        }

    @router.delete("")
    def clear(keep_starred: bool = False) -> dict[str, int]:
        """Delete all, or all but the starred ones."""
        return {"deleted": shelf().clear(keep_starred=keep_starred)}

    @router.get("/of/{request_id}")
    async def of_request(request_id: str) -> dict[str, Any]:
        """The entry that a request has become; waits for one that is still spoken."""
        run = runs.get(request_id)
        await run.finished()
        path = None if run.kept is None else await asyncio.wrap_future(run.kept)
        if path is None:
            raise NotFound(what="history entry", got=run.id)
        return _whole(await asyncio.to_thread(shelf().entry, path.stem))

    @router.get("/{entry_id}")
    def entry(entry_id: str) -> dict[str, Any]:
        """All that is known of one."""
        return _whole(shelf().entry(entry_id))

    @router.get("/{entry_id}/audio")
    async def audio(entry_id: str, format: str = "wav") -> Response:
        """Its sound as a file: wav, flac, mp3, opus or pcm."""
        info = format_info(format)
        path = await asyncio.to_thread(shelf().sound, entry_id)
        headers = {"Cache-Control": "no-store"}
        if format == "wav":
            return FileResponse(path, media_type=info.mime, headers=headers, filename=f"{entry_id}.wav")
        data = await asyncio.to_thread(lambda: encoded(_pcm(path), format))
        headers["Content-Disposition"] = f'attachment; filename="{entry_id}.{info.extension}"'
        return Response(data, media_type=info.mime, headers=headers)

    @router.patch("/{entry_id}")
    async def star(entry_id: str, request: Request) -> dict[str, Any]:
        body = await read(request, StarBody, max_bytes=_MAX_BYTES)
        return _row(await asyncio.to_thread(shelf().star, entry_id, body.starred))

    @router.delete("/{entry_id}", status_code=204)
    def delete(entry_id: str) -> Response:
        """The entry and its files."""
        shelf().delete(entry_id)
        return Response(status_code=204)

    @router.post("/{entry_id}/splice")
    async def put_in(entry_id: str, request: Request) -> dict[str, Any]:
        """A new entry: this one with one line's sound replaced by that line's retake."""
        body = await read(request, SpliceBody, max_bytes=_MAX_BYTES)

        def put_together() -> Entry:
            library = shelf()
            take, retake = library.entry(entry_id), library.entry(body.retake)
            account, start, end = splice(take.account, body.line, retake.account)
            sound = _pcm(library.sound(take.id))
            joined = np.concatenate([sound[:start], _pcm(library.sound(retake.id)), sound[end:]])
            return library.keep(account, joined)

        return _whole(await asyncio.to_thread(put_together))

    return router


def _row(entry: Entry) -> dict[str, Any]:
    """What a list shows of an entry."""
    account = entry.account
    names = ("language", "speaker", "voice", "seed", "speed", "engine", "label", "preview", "stopped", "failed")
    timings = account.get("timings")
    return {
        "id": entry.id,
        "created": entry.created,
        "starred": entry.starred,
        "num_bytes": entry.num_bytes,
        "text": str(account.get("text", ""))[:_SHOWN],
        "description": str(account.get("description", ""))[:_SHOWN],
        "num_samples": account.get("num_samples"),
        "first_pcm_ms": account.get("server_first_pcm_ms"),
        "total_ms": timings.get("total_ms") if isinstance(timings, dict) else None,
        **{name: account.get(name) for name in names},
    }


def _whole(entry: Entry) -> dict[str, Any]:
    return {**_row(entry), **entry.account}


def _pcm(path: Path) -> Pcm:
    with wave.open(str(path)) as sound:
        return from_s16le(sound.readframes(sound.getnframes()))
