"""Ours equals the official package: ids, prompt rows, codes, logits and sound, in float32 on a CPU."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from qwen3tts_webui.model import Packet, Qwen3TTS, load_model
from tests.support.golden_cases import GOLDEN, Case, cases, prompt_of, rows_of, teacher_forced_logits

CASES = cases()


@cache
def loaded(folder: Path) -> Qwen3TTS:
    return load_model(folder, device="cpu", dtype="float32")


def model_of(case: Case) -> Qwen3TTS:
    return loaded(GOLDEN / case.name.split("/")[0])


def greedy(case: Case) -> bool:
    return case.greedy


def synthesize(model: Qwen3TTS, case: Case, max_frames: int) -> list[Packet]:
    return list(model.stream(case.utterance, frames_per_packet=4, max_frames=max_frames))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ids(case: Case) -> None:
    input_ids, instruct_ids = model_of(case).encode_prompt(case.utterance)
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
    ended = case.arrays["tokens"][len(codes)] == model.config.talker.eos_id
    packets = synthesize(model, case, max_frames=len(codes) + int(ended))
    assert np.concatenate([packet.codes for packet in packets]).tolist() == codes.tolist()
    assert packets[-1].finish_reason == ("stop" if ended else "length")


@pytest.mark.parametrize("case", [case for case in CASES if "sound" in case.arrays], ids=lambda case: case.name)
def test_waveforms(case: Case) -> None:
    sound = np.concatenate([packet.pcm for packet in synthesize(model_of(case), case, len(case.arrays["codes"]))])
    assert np.abs(sound - case.arrays["sound"]).max() < 2e-5


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_logits(case: Case) -> None:
    """With the official draws forced: what is out is out in both, what is in has the same logit."""
    model = model_of(case)
    tokens, codes = case.arrays["tokens"].tolist(), case.arrays["codes"]
    logits = list(teacher_forced_logits(model, prompt_of(model, case), case.utterance.sampling, tokens, codes))
    compare_logits(torch.stack([first for first, _ in logits[:3]]), case.arrays["scores"])
    compare_logits(torch.stack([rest for _, rest in logits[:2]]), case.arrays["residual_scores"])


@pytest.mark.parametrize("case", [case for case in CASES if not case.greedy], ids=lambda case: case.name)
def test_official_samples_have_the_same_logits(case: Case) -> None:
    model = model_of(case)
    tokens, codes = case.arrays["tokens"].tolist(), case.arrays["codes"]
    for number, (first, rest) in enumerate(
        teacher_forced_logits(model, prompt_of(model, case), case.utterance.sampling, tokens, codes)
    ):
        assert first[tokens[number]].isfinite()
        assert rest[torch.arange(15), torch.from_numpy(codes[number, 1:].astype(np.int64))].isfinite().all()


def compare_logits(ours: torch.Tensor, official: np.ndarray) -> None:
    theirs = torch.from_numpy(official[: len(ours)])
    ours = ours[: len(theirs)]
    assert torch.equal(ours.isfinite(), theirs.isfinite())
    assert (ours - theirs)[theirs.isfinite()].abs().max() < 1e-4  # logits reach 10; the nets amplify rounding
