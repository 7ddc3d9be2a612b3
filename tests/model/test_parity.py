"""Ours equals the official package: ids, prompt rows, codes, scores and sound, in float32 on a CPU."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from qwen3tts_webui.model import Packet, Qwen3TTS, load_model
from tests.support.golden_cases import GOLDEN, Case, cases, forced_scores, prompt_of, rows_of

CASES = cases()


@cache
def loaded(folder: Path) -> Qwen3TTS:
    return load_model(folder, device="cpu", dtype="float32")


def model_of(case: Case) -> Qwen3TTS:
    return loaded(GOLDEN / case.name.split("/")[0])


def greedy(case: Case) -> bool:
    return case.greedy


def speak(model: Qwen3TTS, case: Case, max_frames: int) -> list[Packet]:
    return list(model.speak(case.utterance, frames_per_packet=4, max_frames=max_frames))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ids(case: Case) -> None:
    input_ids, instruct_ids = model_of(case).ids(case.utterance)
    assert input_ids == case.arrays["input_ids"].tolist()
    assert instruct_ids == case.arrays["instruct_ids"].tolist()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_prompt_rows(case: Case) -> None:
    model = model_of(case)
    rows = rows_of(model, prompt_of(model, case)).numpy()
    assert rows.shape == case.arrays["rows"].shape
    assert np.abs(rows - case.arrays["rows"]).max() < 1e-6


@pytest.mark.parametrize("case", [case for case in CASES if case.greedy], ids=lambda case: case.name)
def test_greedy_codes_and_their_end(case: Case) -> None:
    model = model_of(case)
    codes = case.arrays["codes"]
    ended = case.arrays["tokens"][len(codes)] == model.spec.talker.eos_id
    packets = speak(model, case, max_frames=len(codes) + int(ended))
    assert np.concatenate([packet.codes for packet in packets]).tolist() == codes.tolist()
    assert packets[-1].stopped == ("stop" if ended else "length")


@pytest.mark.parametrize("case", [case for case in CASES if "sound" in case.arrays], ids=lambda case: case.name)
def test_sound(case: Case) -> None:
    sound = np.concatenate([packet.pcm for packet in speak(model_of(case), case, len(case.arrays["codes"]))])
    assert np.abs(sound - case.arrays["sound"]).max() < 2e-5


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_scores_that_codes_are_drawn_from(case: Case) -> None:
    """With the official draws forced: what is out is out in both, what is in has the same score."""
    model = model_of(case)
    tokens, codes = case.arrays["tokens"].tolist(), case.arrays["codes"]
    scores = list(forced_scores(model, prompt_of(model, case), case.utterance.sampling, tokens, codes))
    compare(torch.stack([first for first, _ in scores[:3]]), case.arrays["scores"])
    compare(torch.stack([rest for _, rest in scores[:2]]), case.arrays["residual_scores"])


@pytest.mark.parametrize("case", [case for case in CASES if not case.greedy], ids=lambda case: case.name)
def test_every_official_draw_was_possible_for_us(case: Case) -> None:
    model = model_of(case)
    tokens, codes = case.arrays["tokens"].tolist(), case.arrays["codes"]
    for number, (first, rest) in enumerate(
        forced_scores(model, prompt_of(model, case), case.utterance.sampling, tokens, codes)
    ):
        assert first[tokens[number]].isfinite()
        assert rest[torch.arange(15), torch.from_numpy(codes[number, 1:].astype(np.int64))].isfinite().all()


def compare(ours: torch.Tensor, official: np.ndarray) -> None:
    theirs = torch.from_numpy(official[: len(ours)])
    ours = ours[: len(theirs)]
    assert torch.equal(ours.isfinite(), theirs.isfinite())
    assert (ours - theirs)[theirs.isfinite()].abs().max() < 1e-4  # scores reach 10; the nets amplify rounding
