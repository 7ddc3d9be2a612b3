"""One sound on its way to disk, block by block, so that memory stays flat however long it becomes.

In: PCM, then an account of it. Out: a WAV that appears under its name only when it is whole. Used by one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from qwen3tts_webui.audio.encode import wav_header
from qwen3tts_webui.audio.pcm import to_s16le
from qwen3tts_webui.types import Pcm
from qwen3tts_webui.voices.files import Part

Account = Mapping[str, object]


class Recording:
    """A WAV in the making: `write` block after block, then `keep` or `discard`. As a context manager it discards what
    was not kept. Every method may raise `OSError`, for instance when the disk is full; then `discard`."""

    def __init__(self, path: Path, enter: Callable[[Recording, Account], None]) -> None:
        self.path = path
        self.num_samples = 0
        self._enter = enter
        self._part = Part(path)
        self._part.file.write(wav_header(None))

    @property
    def num_bytes(self) -> int:
        """The size of the file so far."""
        return len(wav_header(None)) + 2 * self.num_samples

    def write(self, pcm: Pcm) -> None:
        """Append `pcm`, float32 (samples,) at 24 kHz."""
        self._part.file.write(to_s16le(pcm))
        self.num_samples += len(pcm)

    def keep(self, account: Account) -> Path:
        """Finish the file and enter it, with `account` (plain JSON values), into the library; where it is."""
        self._part.file.seek(0)
        self._part.file.write(wav_header(2 * self.num_samples))
        self._enter(self, account)
        return self.path

    def put_in_place(self) -> None:
        """The library's own step of `keep`: the file gets its name."""
        self._part.put_in_place()

    def discard(self) -> None:
        """Nothing is left. Does nothing after `keep`."""
        self._part.drop()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()
