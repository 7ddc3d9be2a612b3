"""The history's table in SQLite: one row per entry, its report as JSON. Touches no file but its own.

One connection serves all threads under one lock; other processes are waited for up to ten seconds. A crash during a
write leaves the last committed state. Uses WAL mode (with its index in shared memory) except on network shares.
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

from qwen3tts_webui.errors import ErrorDetail, InvalidFile
from qwen3tts_webui.history.upgrade import upgrade_report

log = logging.getLogger(__name__)

_VERSION = 2
_SCHEMA = """
CREATE TABLE entry (
    id TEXT PRIMARY KEY,
    created REAL NOT NULL,
    starred INTEGER NOT NULL,
    num_bytes INTEGER NOT NULL,
    report TEXT NOT NULL,
    words TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX entry_created ON entry (created);
"""
_COLUMNS = "id, created, starred, num_bytes, report"
_SEARCHED_KEYS = ("text", "description", "language", "speaker", "voice", "engine", "label", "seed")


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One entry as the table stores it; `report` is a JSON object."""

    id: str
    created: float
    starred: bool
    num_bytes: int
    report: str


def search_words(text: str) -> list[str]:
    """Return the first twenty words of `text`, folded for comparison: case and width do not matter."""
    return [word[:100] for word in _fold(text[:4_000]).split()[:20]]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().encode(errors="replace").decode().replace("\0", " ")


class Transaction:
    """The steps of one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, row: HistoryRow) -> None:
        """Add `row`, unless its id exists."""
        report = json.loads(row.report)
        words = _fold("\n".join(str(report[key]) for key in _SEARCHED_KEYS if report.get(key) is not None))
        self._connection.execute(
            f"INSERT OR IGNORE INTO entry ({_COLUMNS}, words) VALUES (?, ?, ?, ?, ?, ?)",
            (row.id, row.created, row.starred, row.num_bytes, row.report, words),
        )

    def set_report(self, id: str, report: str) -> bool:
        """Replace the report of a row that is not deleted; False if there is none."""
        update = "UPDATE entry SET report = ? WHERE id = ? AND deleted = 0"
        return self._connection.execute(update, (report, id)).rowcount > 0

    def all_ids(self) -> set[str]:
        """Return the ids of all rows, including those marked as deleted."""
        return {id for (id,) in self._connection.execute("SELECT id FROM entry")}


class HistoryDatabase:
    """Opens `path`, or creates it; a damaged file is moved aside. SQLite's errors are raised as `OSError`.

    `network`: `path` is on a share that several machines use, with working locks (NFS 4, SMB).
    """

    def __init__(self, path: Path, *, network: bool = False) -> None:
        self._lock = threading.Lock()
        try:
            self._connection = _open(path, network)
        except sqlite3.OperationalError as error:
            raise OSError(str(error)) from error
        except sqlite3.DatabaseError as error:
            aside = path.with_name(f"{path.name}.broken-{time.time_ns()}")
            log.error("%s is damaged (%s); it is kept as %s and a new one is created", path.name, error, aside.name)
            path.rename(aside)
            for leftover in (f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(leftover).unlink(missing_ok=True)
            self._connection = _open(path, network)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Run one exclusive transaction: committed at the end, rolled back on an exception."""
        with self._lock, _as_os_error():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, words: Sequence[str], starred: bool | None, limit: int, offset: int) -> list[HistoryRow]:
        """Return a page of the rows that contain all `words`, newest first."""
        where, values = _condition(words, starred)
        found = self._query(
            f"SELECT {_COLUMNS} FROM entry WHERE {where} ORDER BY created DESC, id DESC LIMIT ? OFFSET ?",
            (*values, _clamp(limit), _clamp(offset)),
        )
        return [_row(values) for values in found]

    def count(self, words: Sequence[str], starred: bool | None) -> int:
        where, values = _condition(words, starred)
        return int(str(self._query(f"SELECT count(*) FROM entry WHERE {where}", values)[0][0]))

    def row(self, id: str) -> HistoryRow | None:
        found = self._query(f"SELECT {_COLUMNS} FROM entry WHERE id = ? AND NOT deleted", (id,))
        return _row(found[0]) if found else None

    def ids(self, words: Sequence[str], starred: bool | None) -> list[str]:
        where, values = _condition(words, starred)
        return [str(id) for (id,) in self._query(f"SELECT id FROM entry WHERE {where}", values)]

    def used_bytes(self) -> int:
        return int(str(self._query("SELECT coalesce(sum(num_bytes), 0) FROM entry WHERE NOT deleted")[0][0]))

    def oldest(self, num_bytes: int, *, spare: str) -> list[str]:
        """Return the oldest unstarred ids that together free `num_bytes` (or all of them), never `spare`."""
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

    def set_starred(self, id: str, starred: bool) -> None:
        self._query("UPDATE entry SET starred = ? WHERE id = ?", (starred, id))

    def mark_deleted(self, ids: Sequence[str], deadline: int) -> None:
        """Hide the rows until `deadline`, a number of nanoseconds; `remove` deletes them once their files are gone."""
        with self.transaction():
            marks = [(deadline, id) for id in ids]
            self._connection.executemany("UPDATE entry SET deleted = ? WHERE id = ?", marks)

    def unmark(self, deadline: int) -> int:
        """Show the rows that were hidden until `deadline`; return how many."""
        with self.transaction():
            hidden = "UPDATE entry SET deleted = 0 WHERE deleted = ? AND deleted > 0"
            return self._connection.execute(hidden, (deadline,)).rowcount

    def marked_ids(self, now: int) -> list[str]:
        """Return the ids of the hidden rows past their deadline."""
        return [str(id) for (id,) in self._query("SELECT id FROM entry WHERE deleted BETWEEN 1 AND ?", (now,))]

    def remove(self, id: str) -> None:
        self._query("DELETE FROM entry WHERE id = ?", (id,))

    def _query(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._lock, _as_os_error():
            return self._connection.execute(sql, tuple(values)).fetchall()


def _open(path: Path, network: bool) -> sqlite3.Connection:
    path.touch(mode=0o640)  # SQLite would let others read it
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA busy_timeout = 10000")
        _set_journal_mode(connection, "DELETE" if network else "WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if network else 'NORMAL'}")
        connection.execute("BEGIN IMMEDIATE")
        _upgrade(connection, path.name)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _upgrade(connection: sqlite3.Connection, name: str) -> None:
    """Create the table, or bring one of an earlier version up to date."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise InvalidFile(
            reason=ErrorDetail("newer", "{file} was written by a newer version of this program", file=name)
        )
    if version == 0:
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
    elif version == 1:
        connection.execute("ALTER TABLE entry RENAME COLUMN account TO report")
        for id, report in connection.execute("SELECT id, report FROM entry").fetchall():
            upgraded = json.dumps(upgrade_report(json.loads(report)), ensure_ascii=False, indent=1)
            connection.execute("UPDATE entry SET report = ? WHERE id = ?", (upgraded, id))
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _set_journal_mode(connection: sqlite3.Connection, mode: str) -> None:
    """Retry: SQLite does not wait for other processes here, so two first starts at once may collide."""
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


def _clamp(number: int) -> int:
    """Limit a number to what SQLite accepts as LIMIT and OFFSET."""
    return min(max(0, number), 2**31)


def _row(values: tuple[object, ...]) -> HistoryRow:
    id, created, starred, num_bytes, report = values
    return HistoryRow(str(id), float(str(created)), bool(starred), int(str(num_bytes)), str(report))


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(f"library.db: {error}") from error
