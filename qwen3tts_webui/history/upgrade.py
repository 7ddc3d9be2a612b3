"""Upgrade reports that earlier versions wrote.

In: a report as JSON, of any version. Out: the same with today's keys and values. Rows of the database are upgraded
once, when it is opened; sidecar files stay as they are and are upgraded when they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

_KEYS = MappingProxyType(
    {
        "stopped": "finish_reason",
        "packet_frames": "frames_per_packet",
        "keep_voice": "continue_voice",
        "predictor_temperature": "subtalker_temperature",
        "predictor_top_k": "subtalker_top_k",
        "predictor_top_p": "subtalker_top_p",
        "cold": "includes_warmup",
    }
)
_FINISH_REASONS = MappingProxyType({"end": "stop", "cap": "length"})


def upgrade_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return `report` with today's keys; one that has them already is returned as it is."""
    upgraded = _rename(report)
    for part in ("sampling", "timings"):
        if isinstance(upgraded.get(part), dict):
            upgraded[part] = _rename(upgraded[part])
    segments = upgraded.get("segments")
    if isinstance(segments, list):
        upgraded["segments"] = [_upgrade_segment(one) if isinstance(one, dict) else one for one in segments]
    return upgraded


def _upgrade_segment(segment: Mapping[str, Any]) -> dict[str, Any]:
    upgraded = _rename(segment)
    if "voice" in upgraded and "voice_source" not in upgraded:
        source = upgraded.pop("voice")
        upgraded["voice_source"] = "same_seed" if source == "seed" else source
    if isinstance(upgraded.get("timings"), dict):
        upgraded["timings"] = _rename(upgraded["timings"])
    return upgraded


def _rename(values: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {_KEYS.get(key, key): value for key, value in values.items()}
    reason = renamed.get("finish_reason")
    if isinstance(reason, str):
        renamed["finish_reason"] = _FINISH_REASONS.get(reason, reason)
    return renamed
