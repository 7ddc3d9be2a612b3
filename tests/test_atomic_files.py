"""Atomic writes: complete or absent, and no temporary file outlives its writer."""

import os
import stat
import sys
from pathlib import Path

import pytest

from qwen3tts_webui.atomic_files import AtomicFile, remove_stale_temp_files, write_atomically


def test_a_file_appears_only_on_commit(tmp_path: Path):
    temp = AtomicFile(tmp_path / "a.txt")
    temp.file.write(b"whole")
    assert not (tmp_path / "a.txt").exists()
    temp.commit()
    temp.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"whole"


def test_a_discarded_file_leaves_the_old_one(tmp_path: Path):
    write_atomically(tmp_path / "a.txt", b"old")
    temp = AtomicFile(tmp_path / "a.txt")
    temp.file.write(b"new")
    temp.discard()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_failing_write_leaves_the_old_file(tmp_path: Path):
    write_atomically(tmp_path / "a.txt", b"old")
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "a.txt", "no bytes")  # type: ignore[arg-type]
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_two_writers_of_one_file_do_not_interfere(tmp_path: Path):
    one, other = AtomicFile(tmp_path / "a.txt"), AtomicFile(tmp_path / "a.txt")
    one.file.write(b"one")
    other.file.write(b"other")
    one.commit()
    other.commit()
    assert (tmp_path / "a.txt").read_bytes() == b"other"


def test_only_temporary_files_of_dead_writers_are_removed(tmp_path: Path):
    active = AtomicFile(tmp_path / "active.txt")
    stale = tmp_path / ".stale.txt.00000000.part"
    stale.write_bytes(b"partial")
    remove_stale_temp_files(tmp_path)
    assert not stale.exists()
    active.commit()
    assert (tmp_path / "active.txt").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o640), (0o077, 0o600)])
def test_others_cannot_read_a_file(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode
