"""Histories and saved voices that the version of commit 8256499 wrote are still read.

`tests/golden/old` is its output folder: two requests (`old-request-2` was cut at its length limit and is starred), one
voice with an acoustic prompt and one with an engine's voice id.
"""

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from qwen3tts_webui.audio import read_wav
from qwen3tts_webui.history import HistoryStore, splice_line
from qwen3tts_webui.history.upgrade import upgrade_report

OLD = Path(__file__).parents[1] / "golden" / "old"
RENAMED = ("account", "stopped", "packet_frames", "keep_voice", "predictor_top_k", "cold", "passage", "engine_voice")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "outputs"))


def reports(folder: Path) -> dict[object, dict]:
    history = HistoryStore(folder)
    try:
        return {entry.report["request_id"]: dict(entry.report) for entry in history.entries()}
    finally:
        history.close()


def test_an_old_database_is_upgraded(folder: Path) -> None:
    found = reports(folder)
    first, second = found["old-request-1"], found["old-request-2"]
    assert (first["finish_reason"], second["finish_reason"]) == ("stop", "length")
    assert (first["frames_per_packet"], first["continue_voice"]) == (2, True)
    assert (first["sampling"]["subtalker_top_k"], first["sampling"]["temperature"]) == (40, 0.8)
    assert first["timings"]["includes_warmup"] is False
    assert [segment["finish_reason"] for segment in second["segments"]] == ["stop", "length"]
    assert [segment["voice_source"] for segment in second["segments"]] == ["new", "continued"]


def test_no_old_name_is_left(folder: Path) -> None:
    keys = set()

    def collect(value: object) -> None:
        if isinstance(value, dict):
            keys.update(value)
            for item in value.values():
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)

    collect(reports(folder))
    assert keys.isdisjoint(RENAMED)


def test_an_upgraded_database_stays_as_it_is(folder: Path) -> None:
    first = reports(folder)
    assert reports(folder) == first
    with sqlite3.connect(folder / "library.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()


def test_stars_search_and_audio_survive(folder: Path) -> None:
    history = HistoryStore(folder)
    (entry,) = history.entries(starred=True)
    assert entry.report["request_id"] == "old-request-2"
    (found,) = history.entries(search="calm two")
    audio = read_wav(history.audio_path(found.id))
    assert len(audio) == found.report["num_samples"] == 7_680
    assert np.abs(audio).max() > 0.1
    history.close()


def test_old_sidecars_are_upgraded_when_the_database_is_lost(folder: Path) -> None:
    expected = reports(folder)
    for path in folder.glob("library.db*"):
        path.unlink()
    assert reports(folder) == expected


def test_a_line_of_an_old_take_can_be_replaced(folder: Path) -> None:
    found = reports(folder)
    report, start, end = splice_line(found["old-request-1"], 0, found["old-request-2"])
    assert (start, end) == (0, 3_840)
    assert report["text"] == "Three.\nFour.\nTwo."


def test_old_voice_files_are_read(folder: Path) -> None:
    history = HistoryStore(folder)
    voices = {voice.name: voice for voice in history.voices.list()}
    prompt = voices["Continued"].acoustic_prompt
    assert prompt is not None
    assert (prompt.text, prompt.codes.shape, int(prompt.codes[0, 0])) == ("One.", (2, 16), 192)
    assert voices["Continued"].sample is not None
    assert voices["Preview"].engine_voice_id == "kokoro:af_heart:+0.00:1.00"
    history.close()


def test_an_old_voice_file_can_be_imported_and_is_written_in_the_new_format(folder: Path) -> None:
    history = HistoryStore(folder)
    (old,) = (path for path in (OLD / "voices").iterdir() if b"Continued" in path.read_bytes())
    imported = history.voices.import_file(old.read_bytes())
    written = json.loads(history.voices.export(imported.id))
    assert written["version"] == 2
    assert written["acoustic_prompt"]["frames"] == 2
    history.close()


def test_unknown_values_are_kept() -> None:
    report = {"finish_reason": "cancelled", "segments": "?", "timings": None, "more": 1}
    assert upgrade_report(report) == report
