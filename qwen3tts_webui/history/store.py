"""Synthesized speech on disk: audio, a JSON report next to it, and a searchable history with stars.

In: audio with reports. Out: entries. The folder holds `library.db` (SQLite), and for each entry a WAV and a JSON file
of the same name. Several threads and processes may share the folder. Writes are atomic; a crash never leaves a partial
file: a file that was renamed but not yet added to the database is added at the next start, a half-deleted entry is
deleted. File names are generated here, never taken from users. Knows no engine; a report is any JSON object.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from qwen3tts_webui.atomic_files import AtomicFile, remove_stale_temp_files, sync_folder, write_atomically
from qwen3tts_webui.errors import AUDIO, HISTORY_ENTRY, NotFound
from qwen3tts_webui.history.database import HistoryDatabase, HistoryRow, search_words
from qwen3tts_webui.history.upgrade import upgrade_report
from qwen3tts_webui.history.wav_writer import StoredReport, WavWriter
from qwen3tts_webui.types import Pcm
from qwen3tts_webui.voices import LEXICON_FILE_NAME, LexiconFile, SavedVoices

log = logging.getLogger(__name__)

DEFAULT_QUOTA_BYTES = 8 * 2**30
_UNDO_SLACK_S = 2.0  # an undo of the last moment arrives late
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HistoryEntry:
    """One synthesized text.

    `created` is in seconds since 1970, `path` the WAV, `num_bytes` its size, `report` what the caller passed in.
    """

    id: str
    created: float
    starred: bool
    path: Path
    num_bytes: int
    report: StoredReport


class HistoryStore:
    """The history in `folder`, and the saved `voices` and the `lexicon` below it. Safe to use from any thread.

    `quota_bytes` limits all audio together: beyond it the oldest unstarred entries are deleted, never the newest.
    `network`: several machines use `folder` at once, on a network share.
    Methods raise `OSError` when the disk fails or stays locked, `NotFound` for an unknown id.
    """

    def __init__(self, folder: Path, *, quota_bytes: int = DEFAULT_QUOTA_BYTES, network: bool = False) -> None:
        self._folder = folder
        self._quota_bytes = quota_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._database = HistoryDatabase(folder / "library.db", network=network)
        self.voices = SavedVoices(folder / "voices")
        self._timers: list[threading.Timer] = []
        self.lexicon = LexiconFile(folder / LEXICON_FILE_NAME)
        self._recover()

    def close(self) -> None:
        """Close the database. Deletions that can still be undone are completed at the next start."""
        for timer in self._timers:
            timer.cancel()
        self._database.close()

    # adding

    def begin(self) -> WavWriter:
        """Return a writer for audio that is still being generated; its `commit` adds the entry."""
        name = time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(3)
        return WavWriter(self._folder / f"{name}.wav", self._commit)

    def add(self, report: StoredReport, pcm: Pcm) -> HistoryEntry:
        """Add finished audio, float32 (samples,)."""
        with self.begin() as writer:
            writer.write(pcm)
            return self.entry(writer.commit(report).stem)

    # finding

    def entries(
        self, *, search: str = "", starred: bool | None = None, limit: int = 50, offset: int = 0
    ) -> list[HistoryEntry]:
        """Return entries, newest first. Their reports contain every word of `search` in any case and width."""
        rows = self._database.rows(search_words(search), starred, limit, offset)
        return [self._entry(row) for row in rows]

    def count(self, *, search: str = "", starred: bool | None = None) -> int:
        """Return how many entries match."""
        return self._database.count(search_words(search), starred)

    def entry(self, id: str) -> HistoryEntry:
        """Return one entry."""
        row = self._database.row(id) if _ID.fullmatch(id) else None
        if row is None:
            raise NotFound(what=HISTORY_ENTRY, got=_redact_id(id))
        return self._entry(row)

    def audio_path(self, id: str) -> Path:
        """Return the WAV of an entry. Raises `NotFound` as well if the file was deleted by hand."""
        path = self.entry(id).path
        if not path.is_file():
            raise NotFound(what=AUDIO, got=_redact_id(id))
        return path

    @property
    def used_bytes(self) -> int:
        """The size of all audio."""
        return self._database.used_bytes()

    @property
    def quota_bytes(self) -> int:
        """The limit for the size of all audio."""
        return self._quota_bytes

    # changing

    def set_starred(self, id: str, starred: bool = True) -> HistoryEntry:
        """Star or unstar an entry and return it."""
        self.entry(id)
        self._database.set_starred(id, starred)
        return self.entry(id)

    def update_report(self, path: Path, report: StoredReport) -> None:
        """Replace the report of the entry with the audio in `path`; nothing happens if it was deleted."""
        text = _to_json(report)
        with self._database.transaction() as transaction:
            if transaction.set_report(path.stem, text):
                write_atomically(path.with_suffix(".json"), text.encode())

    def delete(self, id: str, *, undo_s: float = 0.0) -> int:
        """Delete an entry and its files. Returns what `undelete` accepts for `undo_s` seconds."""
        self.entry(id)
        return self._delete([id], undo_s)

    def clear(self, *, search: str = "", starred: bool | None = None, undo_s: float = 0.0) -> tuple[int, int]:
        """Delete all entries that match, as in `entries`. Returns how many, and what `undelete` accepts."""
        ids = self._database.ids(search_words(search), starred)
        return len(ids), self._delete(ids, undo_s)

    def undelete(self, undo: int) -> int:
        """Undo the deletion that returned `undo`; return how many entries are back, 0 if it is too late."""
        return self._database.unmark(undo)

    # steps

    def _commit(self, writer: WavWriter, report: StoredReport) -> None:
        """Add file, report and row: all of them, or at worst files that the next start adds."""
        row = HistoryRow(writer.path.stem, time.time(), False, writer.num_bytes, _to_json(report))
        sidecar = AtomicFile(writer.path.with_suffix(".json"))
        try:
            sidecar.file.write(row.report.encode())
            with self._database.transaction() as transaction:
                transaction.insert(row)
                sidecar.commit()
                writer.commit_file()
        finally:
            sidecar.discard()
        sync_folder(self._folder)
        self._enforce_quota(spare=row.id)

    def _enforce_quota(self, *, spare: str) -> None:
        excess = self._database.used_bytes() - self._quota_bytes
        if excess > 0:
            self._delete(self._database.oldest(excess, spare=spare))

    def _delete(self, ids: Sequence[str], undo_s: float = 0.0) -> int:
        """Mark first, so that after a crash the next start deletes the rest instead of restoring it."""
        deadline = time.time_ns()
        if undo_s > 0:
            wait_s = undo_s + _UNDO_SLACK_S
            deadline += int(wait_s * 1e9)
            timer = threading.Timer(wait_s, self._remove_marked)
            timer.daemon = True
            self._timers = [*(one for one in self._timers if one.is_alive()), timer]
            timer.start()
        self._database.mark_deleted(ids, deadline)
        self._remove_marked()
        return deadline

    def _remove_marked(self) -> None:
        for id in self._database.marked_ids(time.time_ns()):
            try:
                for suffix in (".wav", ".json"):
                    (self._folder / f"{id}{suffix}").unlink(missing_ok=True)
            except OSError as error:  # on Windows, while the file is open elsewhere
                log.warning("%s will be deleted at the next start: %s", id, error)
                continue
            self._database.remove(id)

    def _recover(self) -> None:
        """After a crash: delete temporary files and reports without audio, add audio that the database lacks."""
        self._remove_marked()
        with self._database.transaction() as transaction:
            remove_stale_temp_files(self._folder)
            known = transaction.all_ids()
            for sidecar in self._folder.glob("*.json"):
                if _ID.fullmatch(sidecar.stem) is None or sidecar.stem in known:
                    continue
                row = self._recover_row(sidecar)
                if row is not None:
                    transaction.insert(row)

    def _recover_row(self, sidecar: Path) -> HistoryRow | None:
        """Return the row for a report that has none; delete a report if its audio was never committed."""
        audio = sidecar.with_suffix(".wav")
        if not audio.is_file():
            sidecar.unlink()
            return None
        try:
            report = json.loads(sidecar.read_bytes())
            created = time.mktime(time.strptime(sidecar.stem[:15], "%Y%m%d-%H%M%S"))
        except (ValueError, OverflowError, RecursionError):
            log.warning("%s is not a report of this program and is left alone", sidecar.name)
            return None
        if not isinstance(report, dict):
            return None
        return HistoryRow(sidecar.stem, created, False, audio.stat().st_size, _to_json(upgrade_report(report)))

    def _entry(self, row: HistoryRow) -> HistoryEntry:
        report: Mapping[str, object] = MappingProxyType(json.loads(row.report))
        return HistoryEntry(
            id=row.id,
            created=row.created,
            starred=row.starred,
            path=self._folder / f"{row.id}.wav",
            num_bytes=row.num_bytes,
            report=report,
        )


def _to_json(report: StoredReport) -> str:
    """Readable in an editor; a lone surrogate, which no file can hold, becomes a question mark."""
    return json.dumps(dict(report), ensure_ascii=False, indent=1).encode(errors="replace").decode()


def _redact_id(id: str) -> str:
    """Return an id for an error message, which must not repeat arbitrary input."""
    return id if _ID.fullmatch(id) else "?"
