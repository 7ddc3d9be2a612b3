"""The lexicon on disk: stored at once, shared between processes, never half written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.text import Lexicon, LexiconEntry, parse_csv, write_csv
from qwen3tts_webui.voices import LexiconFile, SavedVoice, parse_voice, serialize_voice

SQL = LexiconEntry("SQL", "sequel", "en")
GIF = LexiconEntry("GIF", "jif")


def test_what_is_replaced_is_on_disk_and_seen_by_others(tmp_path: Path) -> None:
    path = tmp_path / "data" / "lexicon.csv"
    one, other = LexiconFile(path), LexiconFile(path)
    assert one.current.entries == other.current.entries == ()
    one.replace(Lexicon([SQL]))
    assert other.current.entries == (SQL,)
    assert [file.name for file in path.parent.iterdir()] == ["lexicon.csv"]
    path.unlink()
    assert one.current.entries == ()


def test_a_damaged_file_leaves_the_last_valid_lexicon(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.csv"
    file = LexiconFile(path)
    file.replace(Lexicon([SQL]))
    path.write_text("GIF,en", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert file.current.entries == (SQL,)
    with pytest.raises(InvalidValue):
        file.read()
    with pytest.raises(InvalidValue):
        file.add_missing([GIF])
    assert path.read_text(encoding="utf-8") == "GIF,en"


def test_without_a_path_it_lives_in_memory() -> None:
    file = LexiconFile()
    file.replace(Lexicon([SQL]))
    assert file.add_missing([LexiconEntry("SQL", "ess", "en"), GIF]) == 1
    assert file.current.entries == file.read().entries == (SQL, GIF)


@pytest.mark.parametrize("written", ["#C", 'say "hi"', "a,b", "written", " padded "])
def test_every_entry_survives_the_file(written: str) -> None:
    lexicon = Lexicon([LexiconEntry(written, "x", case_sensitive=True)])
    assert parse_csv(write_csv(lexicon)).entries == lexicon.entries
    assert lexicon.entries[0].written == written.strip()


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "", " ", "x" * 101, "a\x00b", "\ud800"])
def test_an_entry_is_one_line(text: str) -> None:
    with pytest.raises(InvalidValue):
        Lexicon([LexiconEntry("a", text)])
    with pytest.raises(InvalidValue):
        Lexicon([LexiconEntry(text, "a")])


def test_a_comment_is_skipped_and_a_broken_file_is_named() -> None:
    assert parse_csv("# mine\n#old\n\nSQL,en,sequel\n").entries == (SQL,)
    with pytest.raises(InvalidValue):
        parse_csv("a\rb,c,d")


def test_a_voice_file_may_hold_a_lexicon() -> None:
    voice = SavedVoice(name="V", lexicon=(SQL, GIF))
    assert parse_voice(serialize_voice(voice)).lexicon == (SQL, GIF)
    assert b"lexicon" not in serialize_voice(SavedVoice(name="V"))
