"""A sample in one call is `sampling.sample` with the noise of `gumbel`: compiled for a CPU, and as a GPU does it."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from qwen3tts_webui.model.cpu.compiled_stack import sample_compiled
from qwen3tts_webui.model.cpu.jit import numba_available
from qwen3tts_webui.model.cuda.fused_sampler import fused_sampler
from qwen3tts_webui.model.sampling import FusedSampler, SamplingBounds, SamplingTensors, gumbel, sample

Way = tuple[FusedSampler, torch.device]


@pytest.fixture(
    params=[
        pytest.param("compiled", marks=pytest.mark.skipif(not numba_available(), reason="numba is not installed")),
        pytest.param(
            "fused", marks=pytest.mark.skipif(not importlib.util.find_spec("triton"), reason="Triton is not installed")
        ),
    ]
)
def way(request: pytest.FixtureRequest) -> Way:
    if request.param == "compiled":
        return sample_compiled, torch.device("cpu")
    return fused_sampler, torch.device("cuda" if torch.cuda.is_available() else "cpu")


RULES = [(True, 1.0, 50), (False, 0.9, 50), (False, 1.3, 7), (False, 0.7, 0), (False, 1.0, 1), (False, 0.01, 3)]


def rules(num_codes: int, device: torch.device) -> SamplingTensors:
    rule = SamplingTensors.empty(len(RULES), device)
    for row, (greedy, temperature, top_k) in enumerate(RULES):
        rule.set(row, greedy=greedy, temperature=temperature, top_k=top_k, top_p=1.0, num_codes=num_codes)
    return rule


@pytest.mark.parametrize("num_codes", [96, 70])
@pytest.mark.parametrize("group", [0, 1, 15])
def test_fused_and_plain_samples_are_equal(way: Way, num_codes: int, group: int) -> None:
    (sampler, device), count = way, len(RULES)
    rule = rules(num_codes, device)
    for trial in range(5):
        logits = (torch.randn(count, num_codes, generator=torch.Generator().manual_seed(trial)) * 4).to(device)
        logits = logits.round() if trial % 2 else logits  # ties
        logits[:, trial] = -torch.inf
        logits[:, trial + 1] = -0.0
        seed = torch.arange(count, device=device) * (-(2**61) + 12_345) + trial
        frame = torch.arange(count, device=device) * 977
        noise = gumbel(seed, frame, group, 1, num_codes)[:, 0]
        codes, sound = sample(logits, rule, SamplingBounds(num_codes, uses_top_p=False), noise)
        got, got_sound = sampler(logits, rule, seed, frame, group)
        if not (trial % 2):
            assert got.tolist() == codes.tolist()
        else:  # the greedy row may take any of the best
            assert got.tolist()[1:] == codes.tolist()[1:]
            assert logits[0, got[0]] == logits[0].max()
        assert got_sound.tolist() == sound.tolist() == [True] * count


@pytest.mark.parametrize(
    "bad",
    [{3: float("nan")}, {3: float("inf")}, dict.fromkeys(range(40), -float("inf")), {0: float("nan"), 9: float("inf")}],
    ids=["nan", "inf", "nothing", "both"],
)
def test_invalid_logits_are_reported(way: Way, bad: dict[int, float]) -> None:
    sampler, device = way
    logits = torch.randn(len(RULES), 40, device=device)
    for code, logit in bad.items():
        logits[1, code] = logit
    seed = torch.zeros(len(RULES), dtype=torch.int64, device=device)
    _, sound = sampler(logits, rules(40, device), seed, seed, 2)
    assert sound.tolist() == [True, False, True, True, True, True]
