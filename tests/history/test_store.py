import json
import sqlite3
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from qwen3tts_webui.errors import InvalidFile, NotFound
from qwen3tts_webui.history.store import HistoryStore

SOUND = np.linspace(-1.0, 1.0, 2_400, dtype=np.float32)
WAV_BYTES = 44 + 2 * 2_400


def account(text: str = "Hello.", **more: object) -> dict[str, object]:
    return {"text": text, "description": "warm", "language": "en", "seed": 7, "engine": "fake", "speed": 1.0} | more


@pytest.fixture
def library(tmp_path: Path):
    library = HistoryStore(tmp_path / "out puts")
    yield library
    library.close()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith("library.db")} - {"voices"}


def texts(entries) -> list[object]:
    return [entry.report["text"] for entry in entries]


def test_what_is_kept_comes_back_whole(library):
    given = account(timings={"first_pcm_ms": 97.5}, segments=[{"text": "Hello.", "start_s": 0.0}], settings={"a": [1]})
    kept = library.add(given, SOUND)
    (entry,) = library.entries()
    assert (entry.id, entry.starred, entry.num_bytes) == (kept.id, False, WAV_BYTES)
    assert entry.report == given
    with wave.open(str(entry.path)) as sound:
        assert (sound.getnframes(), sound.getframerate(), sound.getnchannels()) == (2_400, 24_000, 1)


def test_the_account_lies_beside_the_sound_for_people_to_read(library):
    entry = library.add(account("你好"), SOUND)
    beside = entry.path.with_suffix(".json")
    assert json.loads(beside.read_bytes()) == account("你好")
    assert "你好" in beside.read_text(encoding="utf-8")


def test_names_are_drawn_from_the_clock(library):
    entry = library.add(account(), SOUND)
    assert entry.path.name == f"{entry.id}.wav"
    assert len(entry.id) == 22 and entry.id[8] == entry.id[15] == "-"


def test_a_recording_is_invisible_until_it_is_kept(library, tmp_path):
    recording = library.begin()
    for start in range(0, 2_400, 100):
        recording.write(SOUND[start : start + 100])
    assert library.entries() == []
    assert not list(tmp_path.rglob("*.wav"))
    path = recording.commit(account())
    assert path.stat().st_size == WAV_BYTES == recording.num_bytes
    assert path == library.entries()[0].path
    with wave.open(str(path)) as sound:
        assert sound.getnframes() == 2_400


def test_a_discarded_recording_leaves_nothing(library, tmp_path):
    recording = library.begin()
    recording.write(SOUND)
    recording.discard()
    recording.discard()
    assert names(tmp_path / "out puts") == set()


def test_a_recording_that_fails_leaves_nothing(library, tmp_path):
    with pytest.raises(ZeroDivisionError), library.begin() as recording:
        recording.write(SOUND)
        raise ZeroDivisionError
    assert names(tmp_path / "out puts") == set()


def test_discard_after_keep_does_nothing(library):
    recording = library.begin()
    path = recording.commit(account())
    recording.discard()
    assert path.exists()


def test_the_newest_comes_first_and_pages_follow(library):
    for number in range(5):
        library.add(account(str(number)), SOUND)
    assert texts(library.entries(limit=2)) == ["4", "3"]
    assert texts(library.entries(limit=2, offset=2)) == ["2", "1"]
    assert library.entries(limit=-1) == library.entries(offset=10**30) == []
    assert library.count() == 5


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
def test_search(library, search, found):
    for text in ("你好，世界 ÉCOLE", "Привет, мир", "100 % _sure_\\"):
        library.add(account(text), SOUND)
    assert texts(library.entries(search=search)) == found
    assert library.count(search=search) == len(found)


def test_names_of_fields_are_not_searched(library):
    library.add(account(), SOUND)
    assert library.entries(search="description") == []


def test_stars(library):
    first = library.add(account("first"), SOUND)
    library.add(account("second"), SOUND)
    assert library.set_starred(first.id).starred
    assert texts(library.entries(starred=True)) == ["first"]
    assert texts(library.entries(starred=False)) == ["second"]
    assert not library.set_starred(first.id, False).starred
    assert library.count(starred=True) == 0


def test_delete_takes_the_files_too(library, tmp_path):
    kept = library.add(account("kept"), SOUND)
    library.delete(library.add(account("deleted"), SOUND).id)
    assert texts(library.entries()) == ["kept"]
    assert names(tmp_path / "out puts") == {f"{kept.id}.wav", f"{kept.id}.json"}


def test_clear(library, tmp_path):
    starred = library.add(account("starred"), SOUND)
    library.set_starred(starred.id)
    library.add(account(), SOUND)
    library.add(account(), SOUND)
    assert library.clear(keep_starred=True) == 2
    assert texts(library.entries()) == ["starred"]
    assert library.clear() == 1
    assert names(tmp_path / "out puts") == set()
    assert library.used_bytes == 0


@pytest.mark.parametrize("id", ["", "../../etc/passwd", "20261122-104501-a1b2c3", "%", "a" * 10_000, "\x00", "\ud800"])
def test_ids_that_are_not_there(library, id):
    for use in (library.entry, library.audio_path, library.set_starred, library.delete):
        with pytest.raises(NotFound) as caught:
            use(id)
        assert "passwd" not in str(caught.value)


def test_a_sound_that_was_removed_by_hand_is_not_found_but_its_account_is(library):
    entry = library.add(account(), SOUND)
    assert library.audio_path(entry.id) == entry.path
    entry.path.unlink()
    with pytest.raises(NotFound):
        library.audio_path(entry.id)
    assert library.entry(entry.id).report["text"] == "Hello."
    library.delete(entry.id)
    assert library.entries() == []


def test_beyond_the_quota_the_oldest_without_a_star_go(tmp_path):
    library = HistoryStore(tmp_path, quota_bytes=3 * WAV_BYTES)
    first = library.add(account("0"), SOUND)
    library.set_starred(first.id)
    for number in range(1, 6):
        library.add(account(str(number)), SOUND)
    assert texts(library.entries()) == ["5", "4", "0"]
    assert library.used_bytes == 3 * WAV_BYTES
    assert len(list(tmp_path.glob("*.wav"))) == 3
    library.close()


def test_the_newest_stays_even_if_it_is_larger_than_the_quota(tmp_path):
    library = HistoryStore(tmp_path, quota_bytes=10)
    library.add(account("old"), SOUND)
    library.add(account("new"), SOUND)
    assert texts(library.entries()) == ["new"]
    library.close()


def test_hostile_text_is_only_text(library):
    text = "'; DROP TABLE entry; -- <script> \x00 \ud800 \u202e ${x} {{y}} " + "😀" * 20_000
    library.add(account(text), SOUND)
    (entry,) = library.entries()
    assert entry.report["text"] == text.replace("\ud800", "?")


def test_history_survives_a_restart(tmp_path):
    library = HistoryStore(tmp_path)
    library.set_starred(library.add(account(seed=2**64 - 1), SOUND).id)
    library.close()
    again = HistoryStore(tmp_path)
    (entry,) = again.entries()
    assert entry.starred and entry.report == account(seed=2**64 - 1)
    again.close()


def test_two_libraries_share_a_folder(tmp_path):
    one, other = HistoryStore(tmp_path), HistoryStore(tmp_path)
    recording = one.begin()
    recording.write(SOUND)
    third = HistoryStore(tmp_path)  # its start leaves the recording of a living writer alone
    recording.commit(account("one"))
    other.keep(account("other"), SOUND)
    assert texts(one.entries()) == texts(other.entries()) == texts(third.entries()) == ["other", "one"]
    for library in (one, other, third):
        library.close()


def test_many_threads_keep_at_once(library):
    def work(name: int) -> None:
        for number in range(5):
            entry = library.add(account(f"{name} {number}"), SOUND)
            library.set_starred(entry.id)
            library.entries(search=str(name))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert library.count(starred=True) == 30


def test_a_damaged_database_is_put_aside_and_made_again_from_the_files(tmp_path, caplog):
    library = HistoryStore(tmp_path)
    library.add(account("kept"), SOUND)
    library.close()
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


def test_the_start_finishes_what_a_kill_left(tmp_path):
    library = HistoryStore(tmp_path)
    marked = library.add(account("half deleted"), SOUND)
    library._database.mark_deleted([marked.id])
    entered = library.add(account("renamed, not entered"), SOUND)
    library._database.remove(entered.id)
    library.close()
    (tmp_path / "20260101-000000-000000.json").write_text("{}")
    (tmp_path / ".20260101-000000-000001.wav.0123abcd.part").write_bytes(b"RIFF")
    (tmp_path / "my own notes.json").write_text("{}")
    (tmp_path / "my own song.wav").write_bytes(b"RIFF")
    again = HistoryStore(tmp_path)
    assert texts(again.entries()) == ["renamed, not entered"]
    assert again.entries()[0].report == account("renamed, not entered")
    mine = {"my own notes.json", "my own song.wav"}
    assert names(tmp_path) == {f"{entered.id}.wav", f"{entered.id}.json"} | mine
    again.close()


def test_files_that_only_look_like_ours_do_not_stop_the_start(tmp_path):
    for number, content in enumerate(["[]", "{", "[" * 100_000, "3", '{"a": NaN}']):
        (tmp_path / f"20260101-000000-00000{number}.json").write_text(content)
        (tmp_path / f"20260101-000000-00000{number}.wav").write_bytes(b"RIFF")
    (tmp_path / "99999999-999999-000000.json").write_text("{}")
    (tmp_path / "99999999-999999-000000.wav").write_bytes(b"RIFF")
    library = HistoryStore(tmp_path)
    assert library.count() <= 1
    library.close()


def test_a_disk_that_refuses_is_an_os_error_and_leaves_nothing(library, tmp_path):
    recording = library.begin()
    library._database.close()
    with pytest.raises(OSError, match=r"library\.db"):
        recording.commit(account())
    recording.discard()
    assert names(tmp_path / "out puts") == set()
