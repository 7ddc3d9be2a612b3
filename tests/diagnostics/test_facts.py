"""What can be read of the machine that runs this."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from qwen3tts_webui.checkpoints import LocalStore
from qwen3tts_webui.cli import main
from qwen3tts_webui.cli.serve import listen
from qwen3tts_webui.config import Settings
from qwen3tts_webui.diagnostics import collect_facts
from tests.checkpoints.fake_hub import BIG, MODEL, make_checkpoint


def test_this_machine(tmp_path: Path):
    store = LocalStore(tmp_path / "models", caches=())
    facts = collect_facts(Settings(outputs=tmp_path / "out"), store, serving=True)
    assert facts.python == sys.version_info[:2]
    assert facts.memory >= facts.memory_free > 0
    assert facts.torch is not None
    assert facts.torch.version[0].isdigit()
    assert (facts.model, facts.model_problem, facts.port_free) == (None, None, None)
    assert facts.outputs_writable
    make_checkpoint(store.path_of(MODEL))
    assert collect_facts(Settings(), store).model == MODEL


def test_the_version_file_of_torch_is_read_right(tmp_path: Path):
    import torch

    facts = collect_facts(Settings(), LocalStore(tmp_path, caches=())).torch
    assert facts is not None
    assert facts.version == torch.__version__
    assert facts.cuda == (tuple(map(int, torch.version.cuda.split("."))) if torch.version.cuda else None)


def test_a_damaged_model_is_named(tmp_path: Path):
    folder = make_checkpoint(tmp_path / "x")
    (folder / BIG).write_bytes(b"")
    facts = collect_facts(Settings(model=str(folder)), LocalStore(tmp_path / "models", caches=()))
    assert facts.model is None
    assert facts.model_problem is not None
    assert "truncated" in facts.model_problem


def test_a_taken_port_is_seen(tmp_path: Path):
    with listen("127.0.0.1", 21_000) as taken:  # below those that systems assign for port 0
        port = taken.getsockname()[1]
        assert collect_facts(Settings(port=port), LocalStore(tmp_path, caches=())).port_free is False
    assert collect_facts(Settings(port=port), LocalStore(tmp_path, caches=())).port_free is True


def test_the_command_prints_json_and_its_exit_code_counts_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    flags = ["--models", str(tmp_path / "models"), "--outputs", str(tmp_path), "--port", "0"]
    assert main(["doctor", *flags, "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)
    assert {line["level"] for line in lines} <= {"ok", "warning"}
    assert "model" in {line["topic"] for line in lines}
    assert main(["doctor", *flags, "--model", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "problem  The model cannot be used" in shown
    assert "-> Choose another folder with --model" in shown
