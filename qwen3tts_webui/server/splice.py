"""One line of a take, spoken anew: the account of the take with that line replaced.

In: two accounts (reports as JSON, see speech.events.Report). Out: a new account, and which samples of the take go.
Knows no sound and no files.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from qwen3tts_webui.errors import NotFound
from qwen3tts_webui.text.clean import split_lines


def splice(take: Mapping[str, Any], line: int, retake: Mapping[str, Any]) -> tuple[dict[str, Any], int, int]:
    """`take` with `line` as in `retake`, and the range of its samples to replace: the line and the pause after it.

    Raises `NotFound` for a line that the take does not have.
    """
    segments: list[dict[str, Any]] = list(take.get("segments", ()))
    places = [place for place, report in enumerate(segments) if report["segment"]["line"] == line]
    if not places:
        raise NotFound(what="line", got=str(line + 1))
    before, after = segments[: places[0]], segments[places[-1] + 1 :]
    start: int = segments[places[0]]["start_sample"]
    end: int = after[0]["start_sample"] if after else take["num_samples"]
    longer = retake["num_samples"] - (end - start)
    joined = [
        *(_moved(take, report, 0, report["segment"]["line"]) for report in before),
        *(_moved(retake, report, start, line) for report in retake.get("segments", ())),
        *(_moved(take, report, longer, report["segment"]["line"]) for report in after),
    ]
    account = {
        **take,
        "voice_from": take.get("voice_from", take["request_id"]),
        "request_id": secrets.token_urlsafe(12),
        "text": _with_line(take["text"], line, retake["text"]),
        "num_samples": take["num_samples"] + longer,
        "segments": [_numbered(report, index) for index, report in enumerate(joined)],
        "retaken": [*take.get("retaken", ()), {"line": line, "seed": retake["seed"]}],
    }
    return account, start, end


def _moved(account: Mapping[str, Any], report: Mapping[str, Any], by: int, line: int) -> dict[str, Any]:
    """`report` at another place; `continue_from` tells where it was spoken, for whoever goes on in its voice."""
    segment = report["segment"]
    return {
        "continue_from": {"request_id": account["request_id"], "segment": segment["index"]},
        **report,
        "start_sample": report["start_sample"] + by,
        "segment": {**segment, "line": line},
    }


def _numbered(report: Mapping[str, Any], index: int) -> dict[str, Any]:
    return {**report, "segment": {**report["segment"], "index": index}}


def _with_line(text: str, line: int, words: str) -> str:
    """`text` with its line number `line`, blank ones not counted, replaced by `words`."""
    whole = split_lines(text)
    shown = [place for place, one in enumerate(whole) if one.strip()]
    whole[shown[line]] = words.strip()
    return "\n".join(whole)
