"""Remembered kernels: valid for one machine, and never more than a file's worth of trouble."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from qwen3tts_webui.model.cpu import kernel_memory
from qwen3tts_webui.model.cpu.kernel_memory import recall, remember


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(kernel_memory, "cache_folder", lambda name: tmp_path / name)
    return tmp_path / "kernels"


def test_what_is_remembered_is_recalled() -> None:
    assert recall("a") is None
    remember("a", "fast")
    remember("b", ["slow", [1.5]])
    assert (recall("a"), recall("b"), recall("c")) == ("fast", ["slow", [1.5]], None)


def test_another_number_of_threads_needs_its_own_choice() -> None:
    remember("a", "fast")
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert recall("a") is None
        remember("a", "wide")
    finally:
        torch.set_num_threads(threads)
    assert recall("a") == "fast"


@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "NUMBA_CPU_FEATURES"])
def test_other_instructions_need_their_own_choice(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remember("a", "fast")
    monkeypatch.setenv(variable, "avx2")
    kernel_memory._digest.cache_clear()
    assert recall("a") is None
    monkeypatch.undo()
    kernel_memory._digest.cache_clear()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"machine": 1, "choices": []}'])
def test_a_damaged_file_is_replaced(content: str, folder: Path) -> None:
    folder.mkdir()
    (folder / "choices.json").write_text(content)
    assert recall("a") is None
    remember("a", "fast")
    assert recall("a") == "fast"


def test_the_oldest_choices_are_dropped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_memory, "_MAX_CHOICES", 2)
    monkeypatch.setattr(kernel_memory, "_key", lambda name: name)
    for name in "abc":
        remember(name, name)
    assert json.loads((folder / "choices.json").read_text())["choices"] == {"b": "b", "c": "c"}


def test_a_folder_that_cannot_be_written_costs_only_the_memory(folder: Path) -> None:
    folder.write_text("a file")
    remember("a", "fast")
    assert recall("a") is None
