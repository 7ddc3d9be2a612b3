"""Recording: the finished audio goes to disk on a separate thread while the client is already listening.

In: the events of a request. Out: a file with its report, and its audio again in any format. Audio from before a cancel
or failure is kept too, and its report says so; a request without audio leaves nothing. Without a store nothing is kept.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np

from qwen3tts_webui.audio import FormatInfo, encode_all, format_info, read_wav
from qwen3tts_webui.errors import AUDIO, NotFound, SpeechError
from qwen3tts_webui.server.delivery.request_registry import RequestRecord
from qwen3tts_webui.server.delivery.similarity import SimilarityMeter
from qwen3tts_webui.server.http import JsonObject
from qwen3tts_webui.speech import AudioChunk, Event, SegmentFailed, TextWarning
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

log = logging.getLogger(__name__)

_HAND_OVER_SAMPLES = SAMPLE_RATE  # wake the writing thread once per second of audio, not for every packet


class AudioFileWriter(Protocol):
    """A file being written, used by one thread: invisible before `commit`, gone after `discard`."""

    def write(self, pcm: Pcm) -> None: ...

    def commit(self, report: Mapping[str, object]) -> Path:
        """Finish the file and store `report` with it. Returns its path."""
        ...

    def discard(self) -> None: ...


class AudioStore(Protocol):
    """Where finished audio is kept."""

    def begin(self) -> AudioFileWriter: ...


class RecordingSession:
    """Writes the audio of one request: `push` from the event loop, which never blocks, then `end` once.

    `path` resolves to the path of the file, None if there is none.
    """

    def __init__(self, store: AudioStore, run_in_order: Callable[[Callable[[], None]], object]) -> None:
        self.path: Future[Path | None] = Future()
        self._store = store
        self._run_in_order = run_in_order
        self._pending: list[Pcm] = []
        self._num_pending = 0
        self._file: AudioFileWriter | None = None
        self._failed = False

    def push(self, pcm: Pcm) -> None:
        """Add audio, float32 (samples,)."""
        self._pending.append(pcm)
        self._num_pending += len(pcm)
        if self._num_pending >= _HAND_OVER_SAMPLES:
            self._hand_over()

    def end(self, report: Callable[[], Mapping[str, object]]) -> None:
        """Finish the file with what `report`, called on the writing thread, returns."""
        self._hand_over()
        self._run_in_order(lambda: self._finish(report))

    def _hand_over(self) -> None:
        chunks = self._pending
        self._pending, self._num_pending = [], 0
        if chunks:
            self._run_in_order(lambda: self._write(chunks))

    # on the writing thread

    def _write(self, chunks: list[Pcm]) -> None:
        if self._failed:
            return
        try:
            if self._file is None:
                self._file = self._store.begin()
            self._file.write(np.concatenate(chunks))
        except Exception as error:
            self._give_up(error)

    def _finish(self, report: Callable[[], Mapping[str, object]]) -> None:
        path = None
        try:
            if self._file is not None and not self._failed:
                path = self._file.commit(report())
        except Exception as error:  # of any kind: a request may be waiting for the path
            self._give_up(error)
        finally:
            self.path.set_result(path)

    def _give_up(self, error: Exception) -> None:
        """If writing fails, streaming continues and the file is dropped."""
        log.error("cannot save the audio: %s", error, exc_info=None if isinstance(error, OSError) else error)
        self._failed = True
        if self._file is not None:
            self._file.discard()


class Recorder:
    """Creates a `RecordingSession` per request and reads finished audio; one thread writes for all."""

    def __init__(self, store: AudioStore | None) -> None:
        self._store = store
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="recorder")

    def start(self, record: RequestRecord) -> RecordingSession | None:
        """Start recording; None if nothing is kept."""
        if self._store is None:
            return None
        recording = RecordingSession(self._store, self._writer.submit)
        record.audio_path = recording.path
        return recording

    async def file(
        self, record: RequestRecord, format: str, tags: Mapping[str, str] = MappingProxyType({})
    ) -> tuple[bytes, FormatInfo]:
        """Return the audio of a finished request, with `tags`. Raises `NotFound`, or `InvalidValue` for the format."""
        info = format_info(format)
        path = await record.finished_audio_path()
        try:
            return await asyncio.to_thread(_read, path, format, tags), info
        except FileNotFoundError:  # deleted from the history in the meantime
            raise NotFound(what=AUDIO, got=record.id) from None

    async def samples(self, record: RequestRecord, start: int, num_samples: int) -> Pcm | None:
        """Return a part of the audio of a finished request, None if it was not kept or has been deleted."""
        try:
            path = await record.finished_audio_path()
            return await asyncio.to_thread(read_wav, path, start, num_samples)
        except (NotFound, FileNotFoundError):
            return None

    async def close(self) -> None:
        """Wait until all finished requests are on disk."""
        await asyncio.to_thread(self._writer.shutdown)


class EventRecorder:
    """Passes each delivered event to the request's followers, its recording and the comparison with its voice.

    Call `on_event` for each, then `end`.

    `localize` renders an error or a warning in the client's language.
    """

    def __init__(
        self,
        record: RequestRecord,
        recorder: Recorder,
        localize: Callable[[SpeechError | TextWarning], JsonObject],
        meter: SimilarityMeter,
    ) -> None:
        self._record = record
        self._recording = recorder.start(record)
        self._comparison = meter.start(record)
        self._localize = localize

    def on_event(self, event: Event) -> None:
        if self._comparison is not None:
            self._comparison.on_event(event)
        if isinstance(event, SegmentFailed):
            self._record.record_event(event, self._localize(event.error)["message"])
        elif isinstance(event, TextWarning):
            self._record.record_event(event, self._localize(event)["message"])
        elif not isinstance(event, AudioChunk):
            self._record.record_event(event)
        elif self._recording is not None:
            self._recording.push(event.pcm)

    def end(self, error: SpeechError | None) -> None:
        """Cancel what is left and finish the record. Idempotent."""
        if self._record.ended:
            return
        self._record.session.cancel()
        try:
            if self._recording is not None:
                self._recording.end(lambda: self._record.report)
        finally:
            self._record.end(error, "" if error is None else self._localize(error)["message"])
            if self._comparison is not None:
                self._comparison.end()


def _read(path: Path, format: str, tags: Mapping[str, str]) -> bytes:
    return path.read_bytes() if format == "wav" else encode_all(read_wav(path), format, tags=tags)
