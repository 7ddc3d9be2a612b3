"""`doctor`: one line per topic, and how a model would be computed on this CPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen3tts_webui.cli import main
from qwen3tts_webui.engine import CpuPlan
from qwen3tts_webui.model import ModelConfig
from tests.support.golden_cases import GOLDEN


@pytest.mark.parametrize("plan", [CpuPlan("int8", 0.4, "int8: step madd"), None], ids=["cpu", "gpu"])
def test_the_plan_for_the_model_is_reported(
    plan: CpuPlan | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, str]] = []

    def plan_on_cpu(_spec: ModelConfig, *, device: str, dtype: str) -> CpuPlan | None:
        asked.append((device, dtype))
        return plan

    monkeypatch.setattr("qwen3tts_webui.engine.plan_on_cpu", plan_on_cpu, raising=False)
    model = str(GOLDEN / "design")
    main(
        ["doctor", "--json", "--models", str(tmp_path), "--model", model, "--outputs", str(tmp_path), "--dtype", "int8"]
    )
    findings = {finding["topic"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert asked == [("auto", "int8")]
    assert ("speed" in findings, "kernels" in findings) == (plan is not None,) * 2
    if plan is not None:
        assert "design" in findings["speed"]["text"] and "0.4" in findings["speed"]["text"]
        assert "madd" in findings["kernels"]["text"]
