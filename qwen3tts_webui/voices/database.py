"""The history's table in SQLite: one row an entry, its account as JSON. Knows no files but its own.

One connection for all threads, under one lock; other processes are waited for up to ten seconds. A kill in mid-write
leaves the last finished state. WAL mode, whose index is shared memory; without it where machines share the file.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qwen3tts_webui.errors import BadFile, Reason

log = logging.getLogger(__name__)

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    id TEXT PRIMARY KEY,
    created REAL NOT NULL,
    starred INTEGER NOT NULL,
    num_bytes INTEGER NOT NULL,
    account TEXT NOT NULL,
    words TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS entry_created ON entry (created);
"""
_SEARCHED = ("text", "description", "language", "speaker", "voice", "engine", "label", "seed")


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the table has it; `account` is a JSON object."""

    id: str
    created: float
    starred: bool
    num_bytes: int
    account: str


def search_words(text: str) -> list[str]:
    """The first twenty words of `text` in the form in which they are compared: case and width do not matter."""
    return [word[:100] for word in _plain(text[:4_000]).split()[:20]]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().encode(errors="replace").decode().replace("\0", " ")


class Writing:
    """Steps of one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, row: Row) -> None:
        account = json.loads(row.account)
        words = _plain("\n".join(str(account[key]) for key in _SEARCHED if account.get(key) is not None))
        self._connection.execute(
            "INSERT OR IGNORE INTO entry (id, created, starred, num_bytes, account, words) VALUES (?, ?, ?, ?, ?, ?)",
            (row.id, row.created, row.starred, row.num_bytes, row.account, words),
        )

    def all_ids(self) -> set[str]:
        """Those that are marked as deleted too."""
        return {id for (id,) in self._connection.execute("SELECT id FROM entry")}


class Database:
    """`path` is made if missing; one that is no database any more is moved aside. SQLite's errors come as `OSError`.

    `network`: `path` lies on a share that several machines use, with locks that work (NFS 4, SMB).
    """

    def __init__(self, path: Path, *, network: bool = False) -> None:
        self._lock = threading.Lock()
        try:
            self._connection = _opened(path, network)
        except sqlite3.OperationalError as error:
            raise OSError(str(error)) from error
        except sqlite3.DatabaseError as error:
            aside = path.with_name(f"{path.name}.broken-{time.time_ns()}")
            log.error("%s is damaged (%s); it is kept as %s and made anew", path.name, error, aside.name)
            path.rename(aside)
            for leftover in (f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(leftover).unlink(missing_ok=True)
            self._connection = _opened(path, network)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """One transaction, alone among all processes: committed at the end, undone by an exception."""
        with self._lock, _as_os_error():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Writing(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, words: Sequence[str], starred: bool | None, limit: int, offset: int) -> list[Row]:
        where, values = _condition(words, starred)
        found = self._query(
            f"SELECT id, created, starred, num_bytes, account FROM entry WHERE {where} "
            "ORDER BY created DESC, id DESC LIMIT ? OFFSET ?",
            (*values, _bounded(limit), _bounded(offset)),
        )
        return [_row(values) for values in found]

    def count(self, words: Sequence[str], starred: bool | None) -> int:
        where, values = _condition(words, starred)
        return int(str(self._query(f"SELECT count(*) FROM entry WHERE {where}", values)[0][0]))

    def row(self, id: str) -> Row | None:
        found = self._query(
            "SELECT id, created, starred, num_bytes, account FROM entry WHERE id = ? AND NOT deleted", (id,)
        )
        return _row(found[0]) if found else None

    def ids(self, *, starred: bool | None) -> list[str]:
        where, values = _condition((), starred)
        return [str(id) for (id,) in self._query(f"SELECT id FROM entry WHERE {where}", values)]

    def used_bytes(self) -> int:
        return int(str(self._query("SELECT coalesce(sum(num_bytes), 0) FROM entry WHERE NOT deleted")[0][0]))

    def oldest(self, num_bytes: int, *, spare: str) -> list[str]:
        """The oldest that are not starred, as many as free `num_bytes` (or all), never `spare`."""
        found = self._query(
            "SELECT id, num_bytes FROM entry WHERE NOT deleted AND NOT starred AND id != ? ORDER BY created, id",
            (spare,),
        )
        ids: list[str] = []
        for id, size in found:
            if num_bytes <= 0:
                break
            ids.append(str(id))
            num_bytes -= int(str(size))
        return ids

    def star(self, id: str, starred: bool) -> None:
        self._query("UPDATE entry SET starred = ? WHERE id = ?", (starred, id))

    def mark_deleted(self, ids: Sequence[str]) -> None:
        with self.writing():
            self._connection.executemany("UPDATE entry SET deleted = 1 WHERE id = ?", [(id,) for id in ids])

    def marked(self) -> list[str]:
        return [str(id) for (id,) in self._query("SELECT id FROM entry WHERE deleted")]

    def forget(self, id: str) -> None:
        self._query("DELETE FROM entry WHERE id = ?", (id,))

    def _query(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._lock, _as_os_error():
            return self._connection.execute(sql, tuple(values)).fetchall()


def _opened(path: Path, network: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA busy_timeout = 10000")
        _use_journal(connection, "DELETE" if network else "WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if network else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise BadFile(
                reason=Reason("newer", "{file} was written by a newer version of this program", file=path.name)
            )
        if version < _VERSION:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _use_journal(connection: sqlite3.Connection, mode: str) -> None:
    """SQLite does not wait for others when it changes this mode, so that two first starts at once need a second try."""
    for _ in range(100):
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}")
            return
        except sqlite3.OperationalError:
            time.sleep(0.05)
    connection.execute(f"PRAGMA journal_mode = {mode}")


def _condition(words: Sequence[str], starred: bool | None) -> tuple[str, list[object]]:
    clauses: list[str] = ["NOT deleted"]
    values: list[object] = []
    for word in words:
        clauses.append(r"words LIKE ? ESCAPE '\'")
        escaped = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        values.append(f"%{escaped}%")
    if starred is not None:
        clauses.append("starred = ?")
        values.append(starred)
    return " AND ".join(clauses), values


def _bounded(number: int) -> int:
    """What SQLite can take as a limit or an offset."""
    return min(max(0, number), 2**31)


def _row(values: tuple[object, ...]) -> Row:
    id, created, starred, num_bytes, account = values
    return Row(str(id), float(str(created)), bool(starred), int(str(num_bytes)), str(account))


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(f"library.db: {error}") from error
