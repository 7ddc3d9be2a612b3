"""What was spoken, on disk: the sound, a JSON account beside it, and a history to search, star and restore.

In: sounds with accounts. Out: entries. The folder holds `library.db` (SQLite in WAL mode), and for each entry a WAV
and a JSON file of the same name. Several threads and several processes may share the folder. A kill at any moment
leaves whole files only: what was renamed but not yet entered is entered at the next start, what was half-deleted is
deleted. Names are drawn here, never given by users. Knows no engine; an account is any JSON object.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from qwen3tts_webui.errors import NotFound
from qwen3tts_webui.types import Pcm
from qwen3tts_webui.voices.database import Database, Row, search_words
from qwen3tts_webui.voices.files import Part, remove_abandoned, sync_folder
from qwen3tts_webui.voices.recording import Account, Recording
from qwen3tts_webui.voices.saved import SavedVoices

log = logging.getLogger(__name__)

DEFAULT_QUOTA_BYTES = 8 * 2**30
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """One thing that was spoken.

    `created` is in seconds since 1970; `path` the WAV, `num_bytes` long when it was kept; `account` what the caller
    gave: text, description, language, seed, settings, timings, engine, segments.
    """

    id: str
    created: float
    starred: bool
    path: Path
    num_bytes: int
    account: Account


class Library:
    """The history below `folder`, and the saved `voices`. Safe to use from any thread.

    `quota_bytes` is for all sounds together: beyond it the oldest that are not starred go, except the newest.
    `network`: `folder` is a share that several machines use at once.
    Methods raise `OSError` when the disk fails or stays locked, `NotFound` for an id that is not there.
    """

    def __init__(self, folder: Path, *, quota_bytes: int = DEFAULT_QUOTA_BYTES, network: bool = False) -> None:
        self._folder = folder
        self._quota_bytes = quota_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self._database = Database(folder / "library.db", network=network)
        self.voices = SavedVoices(folder / "voices")
        self._tidy()

    def close(self) -> None:
        self._database.close()

    # keeping

    def begin(self) -> Recording:
        """A sound that is still being made; it is entered by its `keep`."""
        name = time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(3)
        return Recording(self._folder / f"{name}.wav", self._enter)

    def keep(self, account: Account, pcm: Pcm) -> Entry:
        """Keep a sound that is finished."""
        with self.begin() as recording:
            recording.write(pcm)
            return self.entry(recording.keep(account).stem)

    # finding

    def entries(
        self, *, search: str = "", starred: bool | None = None, limit: int = 50, offset: int = 0
    ) -> list[Entry]:
        """The newest first. Every word of `search` must occur in the account's texts, in any case and width."""
        rows = self._database.rows(search_words(search), starred, limit, offset)
        return [self._entry(row) for row in rows]

    def count(self, *, search: str = "", starred: bool | None = None) -> int:
        """How many entries there are to page through."""
        return self._database.count(search_words(search), starred)

    def entry(self, id: str) -> Entry:
        row = self._database.row(id) if _ID.fullmatch(id) else None
        if row is None:
            raise NotFound(what="history entry", got=_shown(id))
        return self._entry(row)

    def sound(self, id: str) -> Path:
        """The WAV of an entry; `NotFound` too if somebody removed the file by hand."""
        path = self.entry(id).path
        if not path.is_file():
            raise NotFound(what="sound", got=_shown(id))
        return path

    @property
    def used_bytes(self) -> int:
        """The size of all sounds."""
        return self._database.used_bytes()

    @property
    def quota_bytes(self) -> int:
        """What all sounds together may take."""
        return self._quota_bytes

    # changing

    def star(self, id: str, starred: bool = True) -> Entry:
        self.entry(id)
        self._database.star(id, starred)
        return self.entry(id)

    def delete(self, id: str) -> None:
        """The entry and its files."""
        self.entry(id)
        self._delete([id])

    def clear(self, *, keep_starred: bool = False) -> int:
        """Delete all; how many were."""
        ids = self._database.ids(starred=False if keep_starred else None)
        self._delete(ids)
        return len(ids)

    # the steps

    def _enter(self, recording: Recording, account: Account) -> None:
        """File, account and row: all of them, or at worst a file that the next start enters."""
        beside = recording.path.with_suffix(".json")
        row = Row(recording.path.stem, time.time(), False, recording.num_bytes, _as_json(account))
        part = Part(beside)
        try:
            part.file.write(row.account.encode())
            with self._database.writing() as write:
                write.insert(row)
                part.put_in_place()
                recording.put_in_place()
        finally:
            part.drop()
        sync_folder(self._folder)
        self._make_room(spare=row.id)

    def _make_room(self, *, spare: str) -> None:
        over = self._database.used_bytes() - self._quota_bytes
        if over > 0:
            self._delete(self._database.oldest(over, spare=spare))

    def _delete(self, ids: Sequence[str]) -> None:
        """Marked first, so that a kill in between deletes the rest at the next start instead of bringing it back."""
        self._database.mark_deleted(ids)
        self._remove_marked()

    def _remove_marked(self) -> None:
        for id in self._database.marked():
            try:
                for suffix in (".wav", ".json"):
                    (self._folder / f"{id}{suffix}").unlink(missing_ok=True)
            except OSError as error:  # on Windows, somebody still listens to it
                log.warning("%s is removed at the next start: %s", id, error)
                continue
            self._database.forget(id)

    def _tidy(self) -> None:
        """After a kill: no parts, no accounts without a sound, no sound with an account that the history lacks."""
        self._remove_marked()
        with self._database.writing() as write:
            remove_abandoned(self._folder)
            known = write.all_ids()
            for beside in self._folder.glob("*.json"):
                if _ID.fullmatch(beside.stem) is None or beside.stem in known:
                    continue
                row = self._found(beside)
                if row is not None:
                    write.insert(row)

    def _found(self, beside: Path) -> Row | None:
        """The row for an account that has none; an account whose sound never got its name is removed."""
        sound = beside.with_suffix(".wav")
        if not sound.is_file():
            beside.unlink()
            return None
        try:
            account = json.loads(beside.read_bytes())
            created = time.mktime(time.strptime(beside.stem[:15], "%Y%m%d-%H%M%S"))
        except (ValueError, OverflowError, RecursionError):
            log.warning("%s is no account of ours and is left alone", beside.name)
            return None
        if not isinstance(account, dict):
            return None
        return Row(beside.stem, created, False, sound.stat().st_size, _as_json(account))

    def _entry(self, row: Row) -> Entry:
        account: Mapping[str, object] = MappingProxyType(json.loads(row.account))
        return Entry(
            id=row.id,
            created=row.created,
            starred=row.starred,
            path=self._folder / f"{row.id}.wav",
            num_bytes=row.num_bytes,
            account=account,
        )


def _as_json(account: Account) -> str:
    """Readable in an editor; a lone surrogate, which no file can hold, becomes a question mark."""
    return json.dumps(dict(account), ensure_ascii=False, indent=1).encode(errors="replace").decode()


def _shown(id: str) -> str:
    """An id for an error, which must not repeat what a user made up."""
    return id if _ID.fullmatch(id) else "?"
