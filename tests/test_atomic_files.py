from pathlib import Path

import pytest

from qwen3tts_webui.atomic_files import AtomicFile, remove_stale_temp_files, write_atomically


def test_a_file_appears_only_when_it_is_put_in_place(tmp_path: Path):
    part = AtomicFile(tmp_path / "a.txt")
    part.file.write(b"whole")
    assert not (tmp_path / "a.txt").exists()
    part.put_in_place()
    part.drop()
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"whole"


def test_a_dropped_part_leaves_the_old_file(tmp_path: Path):
    write_atomically(tmp_path / "a.txt", b"old")
    part = AtomicFile(tmp_path / "a.txt")
    part.file.write(b"new")
    part.drop()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_failing_write_leaves_the_old_file(tmp_path: Path):
    write_atomically(tmp_path / "a.txt", b"old")
    with pytest.raises(TypeError):
        write_atomically(tmp_path / "a.txt", "no bytes")  # type: ignore[arg-type]
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path):
    one, other = AtomicFile(tmp_path / "a.txt"), AtomicFile(tmp_path / "a.txt")
    one.file.write(b"one")
    other.file.write(b"other")
    one.put_in_place()
    other.put_in_place()
    assert (tmp_path / "a.txt").read_bytes() == b"other"


def test_parts_of_the_dead_go_and_parts_of_the_living_stay(tmp_path: Path):
    living = AtomicFile(tmp_path / "living.txt")
    dead = tmp_path / ".dead.txt.00000000.part"
    dead.write_bytes(b"half")
    remove_stale_temp_files(tmp_path)
    assert not dead.exists()
    living.put_in_place()
    assert (tmp_path / "living.txt").exists()
