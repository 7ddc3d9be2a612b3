"""Percentiles and underruns, by hand-made numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen3tts_webui.bench.engine_under_test import stalls
from qwen3tts_webui.bench.load import Call, summary
from qwen3tts_webui.bench.report import nearest_rank, spread, tell


@pytest.mark.parametrize(("percent", "expected"), [(50, 2.0), (75, 3.0), (76, 4.0), (95, 4.0), (100, 4.0), (1, 1.0)])
def test_nearest_rank(percent: float, expected: float) -> None:
    assert nearest_rank([4.0, 1.0, 3.0, 2.0], percent) == expected


def test_spread_of_nothing_is_nothing() -> None:
    assert spread([]) == {}
    assert spread([1.26, 2.0])["p50"] == 1.3


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        ([], (0, 0.0)),
        ([(0.5, 1920), (0.58, 1920), (0.66, 1920)], (0, 0.0)),
        ([(0.5, 1920), (0.68, 1920), (0.70, 1920)], (1, 0.1)),
        ([(0.5, 1920), (0.68, 1920), (0.86, 1920)], (2, 0.2)),
        ([(0.5, 19200), (1.2, 1920)], (0, 0.0)),
    ],
)
def test_underruns_of_one_who_plays_without_a_buffer(
    arrivals: list[tuple[float, int]], expected: tuple[int, float]
) -> None:
    count, silence = stalls(arrivals)
    assert (count, silence) == (expected[0], pytest.approx(expected[1]))


def test_a_call_is_playable_when_40_ms_are_there() -> None:
    call = Call(status=200, arrivals=[(0.1, 480), (0.2, 480), (0.3, 1920)])
    assert call.playable_s == 0.2
    assert Call(status=200, arrivals=[(0.1, 480)]).playable_s is None


def test_refusals_are_not_errors() -> None:
    calls = [Call(status=200, first_byte_s=0.1, arrivals=[(0.1, 1920)]), Call(status=429), Call(status=500), Call()]
    told = summary(1.0, 0, calls, 2.0)
    assert (told["requests"], told["refused"], told["errors"]) == (4, 1, 2)
    assert told["playable_ms"] == {"p50": 100.0, "p95": 100.0, "p99": 100.0, "min": 100.0, "max": 100.0}


def test_the_last_line_is_json_with_where_and_when(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tell("latency", {"device": "cpu", "dtype": "float32"}, {"runs": 3}, tmp_path / "new" / "result.json")
    line = capsys.readouterr().out.splitlines()[-1]
    told = json.loads(line)
    assert {"benchmark", "device", "dtype", "runs", "machine", "versions", "date"} <= set(told)
    assert json.loads((tmp_path / "new" / "result.json").read_text()) == told
