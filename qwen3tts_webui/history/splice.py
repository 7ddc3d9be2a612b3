"""Replace one line of a take, or all from one line on: the report of the take with audio of a retake.

In: two reports as JSON (see speech.Report). Out: a new report, and the range of the take's samples to replace. Touches
neither audio nor files.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from qwen3tts_webui.errors import LINE, NotFound
from qwen3tts_webui.text import split_lines


def splice_line(take: Mapping[str, Any], line: int, retake: Mapping[str, Any]) -> tuple[dict[str, Any], int, int]:
    """Return `take` with `line` from `retake`, and the samples to replace: those of the line and the pause after it.

    Raises `NotFound` for a line that the take does not have.
    """
    before, own, after = _around(take, line)
    start, end = _sample_range(take, own, after)
    added = retake["num_samples"] - (end - start)
    text = _replace_line(take["text"], line, retake["text"])
    new_chars = _line_start(text, line) - _num_leading(retake["text"])
    joined = [
        *(_move(take, report, 0, report["segment"]["line"]) for report in before),
        *(_move(retake, report, start, line, new_chars) for report in retake.get("segments", ())),
        *(_move(take, report, added, report["segment"]["line"], len(text) - len(take["text"])) for report in after),
    ]
    report = {
        **take,
        "voice_from": take.get("voice_from", take["request_id"]),
        "request_id": secrets.token_urlsafe(12),
        "text": text,
        "num_samples": take["num_samples"] + added,
        "segments": [_with_index(report, index) for index, report in enumerate(joined)],
        "retaken": [*take.get("retaken", ()), {"line": line, "seed": retake["seed"]}],
    }
    return report, start, end


def cut_line(take: Mapping[str, Any], line: int) -> tuple[dict[str, Any], int, int]:
    """Return `line` of `take` as a report of its own, and its samples: those of the line and the pause after it.

    Raises `NotFound` for a line that the take does not have.
    """
    _, own, after = _around(take, line)
    start, end = _sample_range(take, own, after)
    text = [one.strip() for one in split_lines(take["text"]) if one.strip()][line]
    num_before = _line_start(take["text"], line)
    segments = [_move(take, report, -start, 0, -num_before) for report in own]
    return {**take, "text": text, "num_samples": end - start, "segments": segments}, start, end


def splice_rest(take: Mapping[str, Any], line: int, retake: Mapping[str, Any]) -> tuple[dict[str, Any], int, int]:
    """Return `take` with `line` and all later lines from `retake`, and the samples to replace.

    Raises `NotFound` for a line that the take does not have.
    """
    lines = split_lines(take["text"])
    numbered = [position for position, one in enumerate(lines) if one.strip()]
    if line >= len(numbered):
        raise NotFound(what=LINE, got=str(line + 1))
    segments: list[dict[str, Any]] = list(take.get("segments", ()))
    before = [report for report in segments if report["segment"]["line"] < line]
    rest = segments[len(before) :]
    start: int = rest[0]["start_sample"] if rest else take["num_samples"]
    text = "\n".join([*lines[: numbered[line]], retake["text"].strip()])
    new_chars = _line_start(text, line) - _num_leading(retake["text"])
    new = retake.get("segments", ())
    joined = [
        *(_move(take, report, 0, report["segment"]["line"]) for report in before),
        *(_move(retake, report, start, report["segment"]["line"] + line, new_chars) for report in new),
    ]
    report = {
        **take,
        **{name: retake[name] for name in ("finish_reason", "failed") if name in retake},
        "voice_from": take.get("voice_from", take["request_id"]),
        "request_id": secrets.token_urlsafe(12),
        "text": text,
        "num_samples": start + retake["num_samples"],
        "segments": [_with_index(report, index) for index, report in enumerate(joined)],
    }
    return report, start, take["num_samples"]


def _around(
    take: Mapping[str, Any], line: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the segments before `line`, of it, and after it. Raises `NotFound` if it has none."""
    segments: list[dict[str, Any]] = list(take.get("segments", ()))
    own = [report for report in segments if report["segment"]["line"] == line]
    if not own:
        raise NotFound(what=LINE, got=str(line + 1))
    before = segments[: segments.index(own[0])]
    return before, own, segments[len(before) + len(own) :]


def _sample_range(take: Mapping[str, Any], own: list[dict[str, Any]], after: list[dict[str, Any]]) -> tuple[int, int]:
    end: int = after[0]["start_sample"] if after else take["num_samples"]
    return own[0]["start_sample"], end


def _move(
    source: Mapping[str, Any], report: Mapping[str, Any], offset: int, line: int, num_chars: int = 0
) -> dict[str, Any]:
    """Return a segment's report `offset` samples and `num_chars` characters later, in another line.

    `continue_from` keeps where it was synthesized.
    """
    segment = report["segment"]
    words = [_move_word(word, offset, num_chars) for word in report.get("words", ())]
    return {
        "continue_from": {"request_id": source["request_id"], "segment": segment["index"]},
        **report,
        **({"words": words} if words else {}),
        "start_sample": report["start_sample"] + offset,
        "segment": {**segment, "line": line},
    }


def _move_word(word: Mapping[str, Any], offset: int, num_chars: int) -> dict[str, Any]:
    samples = {name: word[name] + offset for name in ("start_sample", "end_sample")}
    chars = {name: None if word[name] is None else word[name] + num_chars for name in ("start", "end")}
    return {**word, **samples, **chars}


def _line_start(text: str, line: int) -> int:
    """Return where non-empty line number `line` starts, without the spaces before it."""
    position = number = 0
    for one in text.split("\n"):
        if one.strip() and number == line:
            return position + _num_leading(one)
        number += bool(one.strip())
        position += len(one) + 1
    return position


def _num_leading(text: str) -> int:
    return len(text) - len(text.lstrip())


def _with_index(report: Mapping[str, Any], index: int) -> dict[str, Any]:
    return {**report, "segment": {**report["segment"], "index": index}}


def _replace_line(text: str, line: int, words: str) -> str:
    """Return `text` with its non-empty line number `line` replaced by `words`."""
    lines = split_lines(text)
    numbered = [position for position, one in enumerate(lines) if one.strip()]
    lines[numbered[line]] = words.strip()
    return "\n".join(lines)
