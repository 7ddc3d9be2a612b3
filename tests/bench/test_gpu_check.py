"""The prepared GPU run, as a rehearsal on the CPU: no step fails on a typo, and none takes another with it."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu_check.py"


@pytest.fixture(scope="module")
def gpu_check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_check", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]


@pytest.mark.timeout(900)
def test_every_step_runs_on_a_cpu_in_miniature(gpu_check: ModuleType, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--device", "cpu", "--tiny", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = read_lines(tmp_path)
    assert {line["step"]: line.get("error") for line in lines} == dict.fromkeys(gpu_check.SECONDS), done.stdout
    assert done.returncode == 0
    by_step = {line["step"]: line for line in lines}
    assert by_step["parity"]["graph_equals_eager"] and by_step["tests"]["exit"] == 0
    assert all(row["errors"] == 0 for row in by_step["load"]["rates"])


def test_a_step_that_ends_its_process_leaves_the_others(
    gpu_check: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        names = command[command.index("--step") + 1 :]
        for name in names:
            if name == "throughput":
                return subprocess.CompletedProcess(command, -11)
            gpu_check.append({"step": name}, options)
        return subprocess.CompletedProcess(command, 0)

    options = argparse.Namespace(out=tmp_path, only=None, budget=540.0, device="cpu", size="1.7B", tiny=False)
    monkeypatch.setattr(subprocess, "run", run)
    assert gpu_check.run_all(options) == 1
    lines = read_lines(tmp_path)
    assert [line["step"] for line in lines if "error" in line] == ["throughput"]
    assert {line["step"] for line in lines} == set(gpu_check.SECONDS)
