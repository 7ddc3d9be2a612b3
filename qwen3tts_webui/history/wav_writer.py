"""One WAV file, written block by block, so that memory stays flat however long it becomes.

In: PCM, then a report. Out: a WAV that appears under its name only when it is complete. Used by one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from qwen3tts_webui.atomic_files import AtomicFile
from qwen3tts_webui.audio import to_s16le, wav_header
from qwen3tts_webui.types import Pcm

StoredReport = Mapping[str, object]
"""A report as plain JSON values: text, description, language, seed, settings, timings, engine, segments."""


class WavWriter:
    """A WAV file in progress: `write` block after block, then `commit` or `discard`.

    As a context manager it discards what was not committed. Every method may raise `OSError`, for instance when the
    disk is full; then call `discard`.
    """

    def __init__(self, path: Path, on_commit: Callable[[WavWriter, StoredReport], None]) -> None:
        self.path = path
        self.num_samples = 0
        self._on_commit = on_commit
        self._atomic = AtomicFile(path)
        self._atomic.file.write(wav_header(None))

    @property
    def num_bytes(self) -> int:
        """The size of the file so far."""
        return len(wav_header(None)) + 2 * self.num_samples

    def write(self, pcm: Pcm) -> None:
        """Append `pcm`, float32 (samples,) at 24 kHz."""
        self._atomic.file.write(to_s16le(pcm))
        self.num_samples += len(pcm)

    def commit(self, report: StoredReport) -> Path:
        """Finish the file, add it to the history with `report`, and return its path."""
        self._atomic.file.seek(0)
        self._atomic.file.write(wav_header(2 * self.num_samples))
        self._on_commit(self, report)
        return self.path

    def commit_file(self) -> None:
        """Give the file its name; the history's own step within `commit`."""
        self._atomic.commit()

    def discard(self) -> None:
        """Delete the file. Does nothing after `commit`."""
        self._atomic.discard()

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()
