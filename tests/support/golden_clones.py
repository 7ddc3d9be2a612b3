"""The golden Base checkpoint: its cases, and voices cloned from recordings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.types import Sampling, Utterance, Voice
from tests.golden.recordings import recording
from tests.support.golden_cases import GOLDEN

BASE = GOLDEN / "base"
CASES = sorted((BASE / "cases").glob("*.npz"))
TRANSCRIPT = "This is what I said in the reference."


@cache
def base_model() -> Qwen3TTS:
    return load_model(BASE, device="cpu", dtype="float32")


@cache
def voice(seconds: float = 1.36, seed: int = 0, *, x_vector_only: bool = False) -> Voice:
    """A cloned voice."""
    return base_model().clone(recording(seconds, seed=seed), TRANSCRIPT, x_vector_only=x_vector_only)


@dataclass(frozen=True, eq=False)
class CloneCase:
    """One request and what the official package made of it; `arrays` as make_clone.py's `case` names them."""

    utterance: Utterance
    streaming: bool
    arrays: dict[str, Any]


def read_clone_case(name: str) -> CloneCase:
    with np.load(BASE / "cases" / f"{name}.npz") as content:
        arrays = dict(content)
    request = json.loads(str(arrays.pop("request")))
    rate = request.get("sample_rate", 24_000)
    cloned = base_model().clone(
        recording(request["seconds"], rate),
        request.get("ref_text"),
        sample_rate=rate,
        x_vector_only=request.get("x_vector_only_mode", False),
    )
    streaming = not request.get("whole", False)
    utterance = Utterance(
        text=request["text"],
        language=request["language"],
        voice=cloned,
        sampling=Sampling(greedy=True),
        text_mode="streaming" if streaming else "whole",
    )
    return CloneCase(utterance, streaming, arrays)
