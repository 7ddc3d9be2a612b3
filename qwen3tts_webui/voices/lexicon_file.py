"""The user's lexicon on disk: one CSV file, by default next to the saved voices.

In: a path, or None for a lexicon that lives as long as the process. Out: the current `Lexicon`. Several processes may
share the file; it is read again when it has changed. Knows no engine.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from qwen3tts_webui.atomic_files import write_atomically
from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.text import Lexicon, LexiconEntry, read_lexicon, write_csv

log = logging.getLogger(__name__)

LEXICON_FILE_NAME = "lexicon.csv"
_Stamp = tuple[int, int, int]


class LexiconFile:
    """Safe to use from any thread. A file that does not exist is an empty lexicon."""

    def __init__(self, path: Path | None = None, lexicon: Lexicon | None = None) -> None:
        self._path = path
        self._lexicon = lexicon or Lexicon()
        self._stamp: _Stamp | None = None
        self._lock = threading.RLock()

    @property
    def current(self) -> Lexicon:
        """The lexicon now; the last valid one, with a line in the log, while the file is damaged."""
        with self._lock:
            stamp = self._file_stamp()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._lexicon = self._read(stamp)
                except InvalidValue as error:
                    log.warning("the lexicon %s is not used: %s", self._path, error)
            return self._lexicon

    def read(self) -> Lexicon:
        """The lexicon now. Raises `InvalidValue` while the file is damaged."""
        with self._lock:
            return self._lexicon if self._path is None else self._read(self._file_stamp())

    def replace(self, lexicon: Lexicon, *, unless: Callable[[Lexicon], bool] | None = None) -> bool:
        """Store `lexicon`, unless that is true of the lexicon now; return whether it is stored.

        Raises `OSError`, and `InvalidValue` from reading a damaged file for `unless`; then the old one is kept.
        """
        with self._lock:
            if unless is not None and unless(self.read()):
                return False
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path, write_csv(lexicon).encode())
                self._stamp = self._file_stamp()
            self._lexicon = lexicon
            return True

    def add_missing(self, entries: Iterable[LexiconEntry]) -> int:
        """Add the `entries` for words that have none in their language yet; return how many.

        Raises `InvalidValue` for too many or while the file is damaged, and `OSError`; then nothing is added.
        """
        with self._lock:
            own = self.read()
            known = {(entry.written, entry.language) for entry in own.entries}
            new = [entry for entry in entries if (entry.written, entry.language) not in known]
            if new:
                self.replace(own.merged(Lexicon(new)))
            return len(new)

    def _read(self, stamp: _Stamp | None) -> Lexicon:
        return Lexicon() if self._path is None or stamp is None else read_lexicon(self._path)

    def _file_stamp(self) -> _Stamp | None:
        """Return a value that changes with the file; None without one."""
        try:
            found = None if self._path is None else self._path.stat()
        except OSError:
            return None
        return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)
