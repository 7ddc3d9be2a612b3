"""Exports of finished audio: subtitles, a ZIP of its segments, and a picture to share.

In: a finished request, or a history entry; both have the same audio and report. Out: files. Segments are cut at the
positions in the report.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from zipstream import ZipStream

from qwen3tts_webui.audio import Cue, encode_all, format_info, read_wav, render_share_image, to_srt, to_vtt
from qwen3tts_webui.errors import ANOTHER_VALUE, InvalidValue, one_of
from qwen3tts_webui.history import HistoryEntry
from qwen3tts_webui.i18n import Catalog, negotiate_language
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import attachment, file_stem
from qwen3tts_webui.server.http import FileBytes, new_router
from qwen3tts_webui.server.routes.history import entry_of_request, require_history
from qwen3tts_webui.types import SAMPLE_RATE

_SUBTITLES = {"srt": ("application/x-subrip; charset=utf-8", to_srt), "vtt": ("text/vtt; charset=utf-8", to_vtt)}
_FILE_NAME_CHARS = 24


@dataclass(frozen=True, slots=True)
class _Segment:
    """One segment with audio: its text and its position in samples."""

    text: str
    start: int
    end: int

    @property
    def cue(self) -> Cue:
        return Cue(self.text, self.start / SAMPLE_RATE, self.end / SAMPLE_RATE)


def exports_router(server: ServerContext) -> APIRouter:
    """The same three routes below /api/requests/{id} and /api/history/{id}."""
    router = new_router()

    async def by_request(id: str) -> HistoryEntry:
        return await entry_of_request(server, id)

    async def by_entry(id: str) -> HistoryEntry:
        return await run_in_threadpool(require_history(server).entry, id)

    _add_routes(router, "/api/requests/{id}", server, by_request)
    _add_routes(router, "/api/history/{id}", server, by_entry)
    return router


def _add_routes(
    router: APIRouter, prefix: str, server: ServerContext, find: Callable[[str], Awaitable[HistoryEntry]]
) -> None:
    rendering = asyncio.Semaphore(1)  # a picture takes one core for a second

    async def audio_path(entry: HistoryEntry) -> Path:
        return await run_in_threadpool(require_history(server).audio_path, entry.id)

    async def headers_of(entry: HistoryEntry, extension: str) -> dict[str, str]:
        stem = await run_in_threadpool(file_stem, server.speech, entry.report, entry.created)
        return attachment(stem, extension, entry.id)

    @router.get(f"{prefix}/subtitles")
    async def subtitles(id: str, format: str = "srt", by: str = "segment") -> Response:
        """One cue per segment, or per word (`by=word`), as SubRip (srt) or WebVTT (vtt)."""
        if by not in _CUES:
            raise InvalidValue(field="by", expected=one_of(_CUES), got=ANOTHER_VALUE)
        if format not in _SUBTITLES:
            raise InvalidValue(field="format", expected=one_of(_SUBTITLES), got=ANOTHER_VALUE)
        entry = await find(id)
        mime, render = _SUBTITLES[format]
        cues = _CUES[by](entry)
        return FileBytes(render(cues).encode(), headers=await headers_of(entry, format), media_type=mime)

    @router.get(f"{prefix}/segments.zip")
    async def segments(id: str, format: str = "wav") -> Response:
        """Each segment as a file: wav, flac, mp3 or opus. Created while it is sent, so it has no ranges."""
        extension = format_info(format).extension
        entry = await find(id)
        archive = _archive(await audio_path(entry), _segments(entry), format, extension)
        headers = await headers_of(entry, "zip") | {"Accept-Ranges": "none"}
        return StreamingResponse(archive, headers=headers, media_type="application/zip")

    @router.get(f"{prefix}/picture.png")
    async def picture(request: Request, id: str, language: Literal["", "en", "zh"] = "") -> Response:
        """Waveform and mel spectrogram with text and latency, 1600 x 900, in `language` or the client's."""
        entry = await find(id)
        path = await audio_path(entry)
        accept_language = language or request.headers.get("accept-language", "")
        caption = _caption(entry, Catalog(negotiate_language(accept_language)))
        title = str(entry.report.get("text", ""))
        async with rendering:
            png = await run_in_threadpool(lambda: render_share_image(read_wav(path), title=title, caption=caption))
        return FileBytes(png, headers=await headers_of(entry, "png"), media_type="image/png")


def _segments(entry: HistoryEntry) -> list[_Segment]:
    """Return the segments that have audio, in order."""
    reports: Any = entry.report.get("segments", ())
    return [
        _Segment(report["segment"]["text"], report["start_sample"], report["start_sample"] + report["num_samples"])
        for report in reports
        if report["num_samples"]
    ]


def _segment_cues(entry: HistoryEntry) -> list[Cue]:
    return [segment.cue for segment in _segments(entry)]


def _word_cues(entry: HistoryEntry) -> list[Cue]:
    """Return the words of all segments; none for speech of earlier versions."""
    reports: Any = entry.report.get("segments", ())
    words = [word for report in reports for word in report.get("words", ())]
    return [Cue(word["text"], word["start_sample"] / SAMPLE_RATE, word["end_sample"] / SAMPLE_RATE) for word in words]


_CUES: dict[str, Callable[[HistoryEntry], list[Cue]]] = {"segment": _segment_cues, "word": _word_cues}


def _archive(path: Path, segments: list[_Segment], format: str, extension: str) -> ZipStream:
    """Return an archive that reads and encodes each segment only when it is sent."""
    archive = ZipStream()
    for number, segment in enumerate(segments, start=1):
        archive.add(_encode(path, segment, format), f"{_file_name(number, segment.text)}.{extension}")
    archive.add(to_srt([segment.cue for segment in segments]), "subtitles.srt")
    return archive


def _encode(path: Path, segment: _Segment, format: str) -> Iterator[bytes]:
    yield encode_all(read_wav(path, segment.start, segment.end - segment.start), format)


def _file_name(number: int, text: str) -> str:
    """Return "003-first_words": letters and digits of any script, no path separators."""
    words = re.sub(r"\W+", "_", text).strip("_")[:_FILE_NAME_CHARS].rstrip("_")
    return f"{number:03}-{words}" if words else f"{number:03}"


def _caption(entry: HistoryEntry, t: Catalog) -> str:
    report = entry.report
    latency: Any = report.get("server_first_pcm_ms")
    samples: Any = report.get("num_samples", 0)
    facts = {
        "export.caption.latency": None if latency is None else f"{latency:.0f} ms",
        "export.caption.length": f"{samples / SAMPLE_RATE:.1f} s",
        "export.caption.seed": report.get("seed"),
    }
    known = [f"{t(key)} {fact}" for key, fact in facts.items() if fact is not None]
    return " · ".join([str(report.get("label", "")), *known, str(report.get("description", ""))])
