"""The finished sound on disk: written by a thread of its own while the client already listens.

In: PCM of a run, piece by piece, then its account. Out: a file, and its sound again in any format. What was spoken
before a cancel or a failure is kept too, and says so; what never sounded leaves nothing. Without a library nothing is
kept.
"""

from __future__ import annotations

import asyncio
import logging
import wave
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np

from qwen3tts_webui.audio.encode import FormatInfo, encoded, format_info
from qwen3tts_webui.audio.pcm import from_s16le
from qwen3tts_webui.errors import NotFound, SpeechError
from qwen3tts_webui.server.delivery.request_registry import JsonObject, Run
from qwen3tts_webui.speech import Event, SegmentFailed, Sound
from qwen3tts_webui.types import Pcm

log = logging.getLogger(__name__)

_HAND_OVER_SAMPLES = 24_000  # a second: the thread is woken once for it, not for every packet


class SoundFile(Protocol):
    """A file in the making, used by one thread: invisible until `keep`, gone after `discard`."""

    def write(self, pcm: Pcm) -> None: ...

    def keep(self, account: Mapping[str, object]) -> Path:
        """Finish it, with `account` beside it; where it is."""
        ...

    def discard(self) -> None: ...


class Shelf(Protocol):
    """Where sound is kept."""

    def begin(self) -> SoundFile: ...


class Recording:
    """One run's sound on its way to disk: `push` from the loop, which never waits, then `end` once.

    `path` becomes where the file is, or None if there is none.
    """

    def __init__(self, shelf: Shelf, in_order: Callable[[Callable[[], None]], object]) -> None:
        self.path: Future[Path | None] = Future()
        self._shelf = shelf
        self._in_order = in_order
        self._waiting: list[Pcm] = []
        self._num_waiting = 0
        self._file: SoundFile | None = None
        self._broken = False

    def push(self, pcm: Pcm) -> None:
        """The next sound, float32 (samples,)."""
        self._waiting.append(pcm)
        self._num_waiting += len(pcm)
        if self._num_waiting >= _HAND_OVER_SAMPLES:
            self._hand_over()

    def end(self, account: Callable[[], JsonObject]) -> None:
        """No more sound will come; what `account` gives, on the writing thread, goes beside it."""
        self._hand_over()
        self._in_order(lambda: self._finish(account))

    def _hand_over(self) -> None:
        pieces = self._waiting
        self._waiting, self._num_waiting = [], 0
        if pieces:
            self._in_order(lambda: self._write(pieces))

    # on the writing thread

    def _write(self, pieces: list[Pcm]) -> None:
        if self._broken:
            return
        try:
            if self._file is None:
                self._file = self._shelf.begin()
            self._file.write(np.concatenate(pieces))
        except Exception as error:
            self._give_up(error)

    def _finish(self, account: Callable[[], JsonObject]) -> None:
        path = None
        try:
            if self._file is not None and not self._broken:
                path = self._file.keep(account())
        except Exception as error:  # whatever it was: somebody may wait for the path
            self._give_up(error)
        finally:
            self.path.set_result(path)

    def _give_up(self, error: Exception) -> None:
        """A full disk costs the file, not the speech."""
        log.error("the sound cannot be kept: %s", error, exc_info=None if isinstance(error, OSError) else error)
        self._broken = True
        if self._file is not None:
            self._file.discard()


class Recorder:
    """Gives each run its `Recording` and finds the sound again; one thread writes for all."""

    def __init__(self, shelf: Shelf | None) -> None:
        self._shelf = shelf
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="recorder")

    def begin(self, run: Run) -> Recording | None:
        """The recording of `run`; None where nothing is kept."""
        if self._shelf is None:
            return None
        recording = Recording(self._shelf, self._writer.submit)
        run.kept = recording.path
        return recording

    async def file(self, run: Run, format: str) -> tuple[bytes, FormatInfo]:
        """The kept sound of a run that has ended. Raises `NotFound`, `InvalidValue` for the format."""
        info = format_info(format)
        path = None if run.kept is None else await asyncio.wrap_future(run.kept)
        if path is None:
            raise NotFound(what="sound", got=run.id)
        try:
            return await asyncio.to_thread(_read, path, format), info
        except FileNotFoundError:  # deleted by its owner in the meantime
            raise NotFound(what="sound", got=run.id) from None

    async def samples(self, run: Run, start: int, num_samples: int) -> bytes:
        """A part of the kept sound of a run that has ended, s16le; nothing where it was not kept or is gone."""
        path = None if run.kept is None else await asyncio.wrap_future(run.kept)
        if path is None or not path.is_file():
            return b""
        return await asyncio.to_thread(_samples, path, start, num_samples)

    async def close(self) -> None:
        """Returns once all that ended is on disk."""
        await asyncio.to_thread(self._writer.shutdown)


class Kept:
    """`hear` each event once the listener has it, then `end`. `told` is an error in the listener's language."""

    def __init__(self, run: Run, recorder: Recorder, told: Callable[[SpeechError], dict[str, str]]) -> None:
        self._run = run
        self._recording = recorder.begin(run)
        self._told = told

    def hear(self, event: Event) -> None:
        if isinstance(event, SegmentFailed):
            self._run.note(event, self._told(event.error)["message"])
        elif not isinstance(event, Sound):
            self._run.note(event)
        elif self._recording is not None:
            self._recording.push(event.pcm)

    def end(self, error: SpeechError | None) -> None:
        """The listener has all of it, or has left: nothing more will be spoken. Idempotent."""
        if self._run.ended:
            return
        self._run.speaking.cancel()
        try:
            if self._recording is not None:
                self._recording.end(lambda: self._run.account)
        finally:
            self._run.end(error, "" if error is None else self._told(error)["message"])


def _samples(path: Path, start: int, num_samples: int) -> bytes:
    with wave.open(str(path)) as sound:
        sound.setpos(min(start, sound.getnframes()))
        samples: bytes = sound.readframes(num_samples)
        return samples


def _read(path: Path, format: str) -> bytes:
    if format == "wav":
        return path.read_bytes()
    with wave.open(str(path)) as sound:
        return encoded(from_s16le(sound.readframes(sound.getnframes())), format)
