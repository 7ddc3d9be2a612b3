"""Percentiles and underruns, by hand-made numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen3tts_webui.bench.engine_under_test import count_underruns
from qwen3tts_webui.bench.load import Exchange, summarize
from qwen3tts_webui.bench.report import nearest_rank, percentiles, write_result


@pytest.mark.parametrize(("percent", "expected"), [(50, 2.0), (75, 3.0), (76, 4.0), (95, 4.0), (100, 4.0), (1, 1.0)])
def test_nearest_rank(percent: float, expected: float) -> None:
    assert nearest_rank([4.0, 1.0, 3.0, 2.0], percent) == expected


def test_spread_of_nothing_is_nothing() -> None:
    assert percentiles([]) == {}
    assert percentiles([1.26, 2.0])["p50"] == 1.3


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
def test_underruns_of_playback_without_a_buffer(arrivals: list[tuple[float, int]], expected: tuple[int, float]) -> None:
    count, silence = count_underruns(arrivals)
    assert (count, silence) == (expected[0], pytest.approx(expected[1]))


def test_a_response_is_playable_once_40_ms_have_arrived() -> None:
    record = Exchange(status=200, arrivals=[(0.1, 480), (0.2, 480), (0.3, 1920)])
    assert record.playable_s == 0.2
    assert Exchange(status=200, arrivals=[(0.1, 480)]).playable_s is None


def test_rejections_are_not_errors() -> None:
    records = [
        Exchange(status=200, first_byte_s=0.1, arrivals=[(0.1, 1920)]),
        Exchange(status=429),
        Exchange(status=500),
        Exchange(),
    ]
    result = summarize(1.0, 0, records, 2.0)
    assert (result["requests"], result["refused"], result["errors"]) == (4, 1, 2)
    assert result["playable_ms"] == {"p50": 100.0, "p95": 100.0, "p99": 100.0, "min": 100.0, "max": 100.0}


def test_the_last_line_is_json_with_where_and_when(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_result("latency", {"device": "cpu", "dtype": "float32"}, {"runs": 3}, tmp_path / "new" / "result.json")
    line = capsys.readouterr().out.splitlines()[-1]
    result = json.loads(line)
    assert {"benchmark", "device", "dtype", "runs", "machine", "versions", "date"} <= set(result)
    assert json.loads((tmp_path / "new" / "result.json").read_text()) == result
