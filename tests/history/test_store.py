"""The history: add, find, star, delete, limit, and recover."""

import json
import sqlite3
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from qwen3tts_webui.errors import InvalidFile, NotFound
from qwen3tts_webui.history import HistoryStore

PCM = np.linspace(-1.0, 1.0, 2_400, dtype=np.float32)
WAV_BYTES = 44 + 2 * 2_400


def report(text: str = "Hello.", **more: object) -> dict[str, object]:
    return {"text": text, "description": "warm", "language": "en", "seed": 7, "engine": "fake", "speed": 1.0} | more


@pytest.fixture
def history(tmp_path: Path):
    history = HistoryStore(tmp_path / "out puts")
    yield history
    history.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith("library.db")} - {"voices"}


def texts(entries) -> list[object]:
    return [entry.report["text"] for entry in entries]


def test_an_entry_is_read_back_unchanged(history):
    given = report(timings={"first_pcm_ms": 97.5}, segments=[{"text": "Hello.", "start_s": 0.0}], settings={"a": [1]})
    kept = history.add(given, PCM)
    (entry,) = history.entries()
    assert (entry.id, entry.starred, entry.num_bytes) == (kept.id, False, WAV_BYTES)
    assert entry.report == given
    with wave.open(str(entry.path)) as wav:
        assert (wav.getnframes(), wav.getframerate(), wav.getnchannels()) == (2_400, 24_000, 1)


def test_the_report_is_stored_next_to_the_audio_in_readable_form(history):
    entry = history.add(report("你好"), PCM)
    sidecar = entry.path.with_suffix(".json")
    assert json.loads(sidecar.read_bytes()) == report("你好")
    assert "你好" in sidecar.read_text(encoding="utf-8")


def test_file_names_are_timestamps(history):
    entry = history.add(report(), PCM)
    assert entry.path.name == f"{entry.id}.wav"
    assert len(entry.id) == 22 and entry.id[8] == entry.id[15] == "-"


def test_an_unfinished_file_is_invisible_until_commit(history, tmp_path):
    writer = history.begin()
    for start in range(0, 2_400, 100):
        writer.write(PCM[start : start + 100])
    assert history.entries() == []
    assert not list(tmp_path.rglob("*.wav"))
    path = writer.commit(report())
    assert path.stat().st_size == WAV_BYTES == writer.num_bytes
    assert path == history.entries()[0].path
    with wave.open(str(path)) as wav:
        assert wav.getnframes() == 2_400


def test_discard_leaves_nothing(history, tmp_path):
    writer = history.begin()
    writer.write(PCM)
    writer.discard()
    writer.discard()
    assert names(tmp_path / "out puts") == set()


def test_an_exception_leaves_nothing(history, tmp_path):
    with pytest.raises(ZeroDivisionError), history.begin() as writer:
        writer.write(PCM)
        raise ZeroDivisionError
    assert names(tmp_path / "out puts") == set()


def test_discard_after_commit_does_nothing(history):
    writer = history.begin()
    path = writer.commit(report())
    writer.discard()
    assert path.exists()


def test_entries_are_paged_newest_first(history):
    for number in range(5):
        history.add(report(str(number)), PCM)
    assert texts(history.entries(limit=2)) == ["4", "3"]
    assert texts(history.entries(limit=2, offset=2)) == ["2", "1"]
    assert history.entries(limit=-1) == history.entries(offset=10**30) == []
    assert history.count() == 5


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["100 % _sure_\\", "Привет, мир", "你好，世界 ÉCOLE"]),
        ("世界", ["你好，世界 ÉCOLE"]),
        ("école", ["你好，世界 ÉCOLE"]),
        ("ПРИВЕТ", ["Привет, мир"]),
        ("мир привет", ["Привет, мир"]),
        ("мир 世界", []),
        ("%", ["100 % _sure_\\"]),
        ("_sure_", ["100 % _sure_\\"]),
        ("\\", ["100 % _sure_\\"]),
        ("_", ["100 % _sure_\\"]),
        ("１００", ["100 % _sure_\\"]),
        ("warm", ["100 % _sure_\\", "Привет, мир", "你好，世界 ÉCOLE"]),
        ("' OR 1=1 --", []),
        ("\x00", ["100 % _sure_\\", "Привет, мир", "你好，世界 ÉCOLE"]),
        ("\ud800", []),
        ("x" * 100_000, []),
        ("мир " * 100_000, ["Привет, мир"]),
    ],
)
def test_search(history, search, found):
    for text in ("你好，世界 ÉCOLE", "Привет, мир", "100 % _sure_\\"):
        history.add(report(text), PCM)
    assert texts(history.entries(search=search)) == found
    assert history.count(search=search) == len(found)


def test_field_names_are_not_searched(history):
    history.add(report(), PCM)
    assert history.entries(search="description") == []


def test_stars(history):
    first = history.add(report("first"), PCM)
    history.add(report("second"), PCM)
    assert history.set_starred(first.id).starred
    assert texts(history.entries(starred=True)) == ["first"]
    assert texts(history.entries(starred=False)) == ["second"]
    assert not history.set_starred(first.id, False).starred
    assert history.count(starred=True) == 0


def test_delete_removes_the_files(history, tmp_path):
    kept = history.add(report("kept"), PCM)
    history.delete(history.add(report("deleted"), PCM).id)
    assert texts(history.entries()) == ["kept"]
    assert names(tmp_path / "out puts") == {f"{kept.id}.wav", f"{kept.id}.json"}


def test_clear(history, tmp_path):
    starred = history.add(report("starred"), PCM)
    history.set_starred(starred.id)
    history.add(report(), PCM)
    history.add(report(), PCM)
    assert history.clear(starred=False)[0] == 2
    assert texts(history.entries()) == ["starred"]
    assert history.clear()[0] == 1
    assert names(tmp_path / "out puts") == set()
    assert history.used_bytes == 0


def test_a_deletion_is_undone_until_it_is_too_late(history, tmp_path, monkeypatch):
    entry = history.add(report(), PCM)
    undo = history.delete(entry.id, undo_s=8)
    assert (history.entries(), history.used_bytes) == ([], 0)
    assert history.undelete(undo) == 1
    assert texts(history.entries()) == ["Hello."]
    undo = history.delete(entry.id, undo_s=8)
    monkeypatch.setattr("time.time_ns", lambda: undo + 1)
    history.delete(history.add(report("other"), PCM).id)  # any deletion also completes the earlier ones
    assert history.undelete(undo) == 0
    assert names(tmp_path / "out puts") == set()


@pytest.mark.parametrize("id", ["", "../../etc/passwd", "20261122-104501-a1b2c3", "%", "a" * 10_000, "\x00", "\ud800"])
def test_unknown_ids_raise(history, id):
    for use in (history.entry, history.audio_path, history.set_starred, history.delete):
        with pytest.raises(NotFound) as caught:
            use(id)
        assert "passwd" not in str(caught.value)


def test_audio_deleted_by_hand_is_not_found_but_its_report_is(history):
    entry = history.add(report(), PCM)
    assert history.audio_path(entry.id) == entry.path
    entry.path.unlink()
    with pytest.raises(NotFound):
        history.audio_path(entry.id)
    assert history.entry(entry.id).report["text"] == "Hello."
    history.delete(entry.id)
    assert history.entries() == []


def test_beyond_the_quota_the_oldest_without_a_star_go(tmp_path):
    history = HistoryStore(tmp_path, quota_bytes=3 * WAV_BYTES)
    first = history.add(report("0"), PCM)
    history.set_starred(first.id)
    for number in range(1, 6):
        history.add(report(str(number)), PCM)
    assert texts(history.entries()) == ["5", "4", "0"]
    assert history.used_bytes == 3 * WAV_BYTES
    assert len(list(tmp_path.glob("*.wav"))) == 3
    history.close()


def test_the_newest_stays_even_if_it_is_larger_than_the_quota(tmp_path):
    history = HistoryStore(tmp_path, quota_bytes=10)
    history.add(report("old"), PCM)
    history.add(report("new"), PCM)
    assert texts(history.entries()) == ["new"]
    history.close()


def test_hostile_text_is_stored_as_text(history):
    text = "'; DROP TABLE entry; -- <script> \x00 \ud800 \u202e ${x} {{y}} " + "😀" * 20_000
    history.add(report(text), PCM)
    (entry,) = history.entries()
    assert entry.report["text"] == text.replace("\ud800", "?")


def test_history_survives_a_restart(tmp_path):
    history = HistoryStore(tmp_path)
    history.set_starred(history.add(report(seed=2**64 - 1), PCM).id)
    history.close()
    again = HistoryStore(tmp_path)
    (entry,) = again.entries()
    assert entry.starred and entry.report == report(seed=2**64 - 1)
    again.close()


def test_two_stores_share_a_folder(tmp_path):
    one, other = HistoryStore(tmp_path), HistoryStore(tmp_path)
    writer = one.begin()
    writer.write(PCM)
    third = HistoryStore(tmp_path)  # its start leaves the writer of a living writer alone
    writer.commit(report("one"))
    other.add(report("other"), PCM)
    assert texts(one.entries()) == texts(other.entries()) == texts(third.entries()) == ["other", "one"]
    for history in (one, other, third):
        history.close()


def test_many_threads_write_at_once(history):
    def work(name: int) -> None:
        for number in range(5):
            entry = history.add(report(f"{name} {number}"), PCM)
            history.set_starred(entry.id)
            history.entries(search=str(name))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert history.count(starred=True) == 30


def test_a_damaged_database_is_moved_aside_and_rebuilt_from_the_files(tmp_path, caplog):
    history = HistoryStore(tmp_path)
    history.add(report("kept"), PCM)
    history.close()
    (tmp_path / "library.db").write_bytes(b"no database at all" * 1_000)
    again = HistoryStore(tmp_path)
    assert texts(again.entries()) == ["kept"]
    assert len(list(tmp_path.glob("library.db.broken-*"))) == 1
    assert "damaged" in caplog.text
    again.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    connection = sqlite3.connect(tmp_path / "library.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InvalidFile, match="newer version"):
        HistoryStore(tmp_path)


def test_the_start_recovers_from_a_crash(tmp_path):
    history = HistoryStore(tmp_path)
    marked = history.add(report("half deleted"), PCM)
    history._database.mark_deleted([marked.id], 1)
    entered = history.add(report("renamed, not entered"), PCM)
    history._database.remove(entered.id)
    history.close()
    (tmp_path / "20260101-000000-000000.json").write_text("{}")
    (tmp_path / ".20260101-000000-000001.wav.0123abcd.part").write_bytes(b"RIFF")
    (tmp_path / "my own notes.json").write_text("{}")
    (tmp_path / "my own song.wav").write_bytes(b"RIFF")
    again = HistoryStore(tmp_path)
    assert texts(again.entries()) == ["renamed, not entered"]
    assert again.entries()[0].report == report("renamed, not entered")
    mine = {"my own notes.json", "my own song.wav"}
    assert names(tmp_path) == {f"{entered.id}.wav", f"{entered.id}.json"} | mine
    again.close()


def test_foreign_files_do_not_stop_the_start(tmp_path):
    for number, content in enumerate(["[]", "{", "[" * 100_000, "3", '{"a": NaN}']):
        (tmp_path / f"20260101-000000-00000{number}.json").write_text(content)
        (tmp_path / f"20260101-000000-00000{number}.wav").write_bytes(b"RIFF")
    (tmp_path / "99999999-999999-000000.json").write_text("{}")
    (tmp_path / "99999999-999999-000000.wav").write_bytes(b"RIFF")
    history = HistoryStore(tmp_path)
    assert history.count() <= 1
    history.close()


def test_a_disk_failure_raises_os_error_and_leaves_nothing(history, tmp_path):
    writer = history.begin()
    history._database.close()
    with pytest.raises(OSError, match=r"library\.db"):
        writer.commit(report())
    writer.discard()
    assert names(tmp_path / "out puts") == set()
