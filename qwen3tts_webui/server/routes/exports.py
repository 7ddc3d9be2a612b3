"""A finished sound in other shapes: subtitles, a ZIP of its segments, a picture to show around.

In: a request that has ended, or an entry of the history; both have the same sound and the same account. Out: files.
Segments are cut where the account says that they were heard.
"""

from __future__ import annotations

import asyncio
import re
import wave
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from qwen3tts_webui.audio.encode import encoded, format_info
from qwen3tts_webui.audio.pcm import from_s16le
from qwen3tts_webui.audio.picture import picture
from qwen3tts_webui.audio.subtitles import Cue, srt, vtt
from qwen3tts_webui.errors import InvalidValue, NotFound
from qwen3tts_webui.i18n import PAGE_LANGUAGES, Catalog, negotiate_language
from qwen3tts_webui.server.delivery.request_registry import Runs
from qwen3tts_webui.types import SAMPLE_RATE, Pcm
from qwen3tts_webui.voices.library import Entry, Library

_SUBTITLES = {"srt": ("application/x-subrip; charset=utf-8", srt), "vtt": ("text/vtt; charset=utf-8", vtt)}
_NAME_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class _Cut:
    """One segment that was heard, in samples of the whole sound."""

    text: str
    start: int
    end: int


def exports_router(library: Library | None, runs: Runs) -> APIRouter:
    """The same three routes below /api/requests/{id} and /api/history/{id}."""
    router = APIRouter()

    def shelf() -> Library:
        if library is None:
            raise NotFound(what="history", got="none is kept")
        return library

    async def of_request(id: str) -> Entry:
        run = runs.get(id)
        await run.finished()
        path = None if run.kept is None else await asyncio.wrap_future(run.kept)
        if path is None:
            raise NotFound(what="sound", got=run.id)
        return await run_in_threadpool(shelf().entry, path.stem)

    async def of_history(id: str) -> Entry:
        return await run_in_threadpool(shelf().entry, id)

    _add_routes(router, "/api/requests/{id}", of_request)
    _add_routes(router, "/api/history/{id}", of_history)
    return router


def _add_routes(router: APIRouter, prefix: str, find: Callable[[str], Awaitable[Entry]]) -> None:
    drawing = asyncio.Semaphore(1)  # a picture takes a core for a second

    @router.get(f"{prefix}/subtitles")
    async def subtitles(id: str, format: str = "srt") -> Response:
        """One cue a segment, as SubRip (srt) or WebVTT (vtt)."""
        if format not in _SUBTITLES:
            raise InvalidValue(field="format", expected=" | ".join(_SUBTITLES), got="another")
        entry = await find(id)
        mime, write = _SUBTITLES[format]
        cues = [Cue(cut.text, cut.start / SAMPLE_RATE, cut.end / SAMPLE_RATE) for cut in _cuts(entry)]
        return Response(write(cues), headers=_as_file(f"{id}.{format}"), media_type=mime)

    @router.get(f"{prefix}/segments.zip")
    async def segments(id: str, format: str = "wav") -> Response:
        """Each segment as a file of its own: wav, flac, mp3 or opus. The archive is written while it is sent."""
        extension = format_info(format).extension
        entry = await find(id)
        sound = await run_in_threadpool(_open, entry.path)
        return StreamingResponse(
            _archive(sound, _cuts(entry), format, extension),
            headers=_as_file(f"{id}.zip"),
            media_type="application/zip",
        )

    @router.get(f"{prefix}/picture.png")
    async def image(request: Request, id: str, language: str = "") -> Response:
        """Waveform and mel spectrogram with the text and the latency, 1600 x 900; in `language` or the client's."""
        entry = await find(id)
        wish = language if language in PAGE_LANGUAGES else request.headers.get("accept-language", "")
        caption = _caption(entry, Catalog(negotiate_language(wish)))
        title = str(entry.account.get("text", ""))
        async with drawing:
            png = await run_in_threadpool(lambda: picture(_whole(entry.path), title=title, caption=caption))
        return Response(png, headers=_as_file(f"{id}.png"), media_type="image/png")


def _cuts(entry: Entry) -> list[_Cut]:
    """The segments that were heard, in order."""
    segments: Any = entry.account.get("segments", ())
    return [
        _Cut(one["segment"]["text"], one["start_sample"], one["start_sample"] + one["num_samples"])
        for one in segments
        if one["num_samples"]
    ]


def _open(path: Path) -> wave.Wave_read:
    """Raises `NotFound` for a sound that its owner has deleted."""
    try:
        return wave.open(str(path), "rb")
    except FileNotFoundError:
        raise NotFound(what="sound", got=path.stem) from None


def _whole(path: Path) -> Pcm:
    with _open(path) as sound:
        return from_s16le(sound.readframes(sound.getnframes()))


def _archive(sound: wave.Wave_read, cuts: list[_Cut], format: str, extension: str) -> Iterator[bytes]:
    """The bytes of the archive as they come; no more than one segment is held."""
    pipe = _Pipe()
    with sound, zipfile.ZipFile(pipe, "w") as archive:
        for number, cut in enumerate(cuts, start=1):
            sound.setpos(min(cut.start, sound.getnframes()))
            pcm = from_s16le(sound.readframes(cut.end - cut.start))
            archive.writestr(f"{_file_name(number, cut.text)}.{extension}", encoded(pcm, format))
            yield pipe.take()
        archive.writestr("subtitles.srt", srt([Cue(c.text, c.start / SAMPLE_RATE, c.end / SAMPLE_RATE) for c in cuts]))
    yield pipe.take()


class _Pipe:
    """Where `zipfile` writes what is sent at once: it cannot seek back, so sizes follow each file."""

    def __init__(self) -> None:
        self._ready = bytearray()

    def write(self, data: bytes, /) -> int:
        self._ready += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def close(self) -> None:
        """There is nothing to give back."""

    def take(self) -> bytes:
        ready = bytes(self._ready)
        self._ready.clear()
        return ready


def _file_name(number: int, text: str) -> str:
    """ "003-first_words": letters and digits of any script, nothing that a file system could take for a path."""
    words = re.sub(r"\W+", "_", text).strip("_")[:_NAME_CHARACTERS].rstrip("_")
    return f"{number:03}-{words}" if words else f"{number:03}"


def _caption(entry: Entry, say: Catalog) -> str:
    account = entry.account
    latency: Any = account.get("server_first_pcm_ms")
    samples: Any = account.get("num_samples", 0)
    facts = {
        "export.caption.latency": None if latency is None else f"{latency:.0f} ms",
        "export.caption.length": f"{samples / SAMPLE_RATE:.1f} s",
        "export.caption.seed": account.get("seed"),
    }
    known = [f"{say(key)} {fact}" for key, fact in facts.items() if fact is not None]
    return " · ".join([str(account.get("label", "")), *known, str(account.get("description", ""))])


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
