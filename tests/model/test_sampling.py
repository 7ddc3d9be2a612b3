"""The sampler draws from the reference probabilities, and the noise is a function of its counter alone."""

from __future__ import annotations

import pytest
import torch

from qwen3tts_webui.model.sampling import (
    SamplingBounds,
    SamplingTensors,
    apply_repetition_penalty,
    filter_logits,
    gumbel,
    sample,
)
from qwen3tts_webui.types import Sampling

DRAWS = 20_000
CODES = 40
# the 99.9 % quantile of chi-square for 1, 2, ... degrees of freedom (Wilson-Hilferty)
QUANTILE = 3.0902


def rule_for(
    rows: int, *, greedy: bool = False, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> SamplingTensors:
    rule = SamplingTensors.empty(rows, torch.device("cpu"))
    for row in range(rows):
        rule.set(row, greedy=greedy, temperature=temperature, top_k=top_k, top_p=top_p, num_codes=CODES)
    return rule


def scores_of(seed: int) -> torch.Tensor:
    return torch.randn(CODES, generator=torch.Generator().manual_seed(seed)) * 2


def reference(logits: torch.Tensor, temperature: float, top_k: int, top_p: float) -> torch.Tensor:
    """Probabilities as docs/model.md, section 5 defines them, written down the slow way."""
    logits = logits / temperature
    if top_k:
        logits = logits.masked_fill(logits < logits.sort(descending=True).values[top_k - 1], -torch.inf)
    if top_p < 1:
        ascending, order = logits.sort()
        removed = ascending.softmax(0).cumsum(0) <= 1 - top_p
        logits = logits.masked_fill(torch.zeros_like(removed).scatter(0, order, removed), -torch.inf)
    return logits.softmax(0)


def chi_square_limit(freedom: int) -> float:
    spread = 2 / (9 * freedom)
    return float(freedom * (1 - spread + QUANTILE * spread**0.5) ** 3)


@pytest.mark.parametrize("candidates", [64, 1000])
@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"), [(0.9, 0, 1.0), (0.9, 12, 1.0), (1.3, 0, 0.7), (0.7, 20, 0.8), (2.0, 3, 0.5)]
)
def test_samples_follow_the_reference_probabilities(
    temperature: float, top_k: int, top_p: float, candidates: int
) -> None:
    logits = scores_of(top_k)
    expected = reference(logits, temperature, top_k, top_p)
    rule = rule_for(1, temperature=temperature, top_k=top_k, top_p=top_p)
    rows = SamplingTensors(
        *(getattr(rule, name).expand(DRAWS, 1) for name in ("temperature", "top_k", "top_p", "noise_scale"))
    )
    noise = gumbel(torch.full((DRAWS,), 11), torch.arange(DRAWS), 3, 1, CODES)[:, 0]
    codes, sound = sample(logits.expand(DRAWS, -1), rows, SamplingBounds(candidates, uses_top_p=top_p < 1), noise)
    counts = torch.bincount(codes, minlength=CODES)
    assert sound.all()
    assert counts[expected == 0].sum() == 0
    likely = expected * DRAWS >= 5
    statistic = float(((counts - expected * DRAWS) ** 2 / (expected * DRAWS))[likely].sum())
    assert statistic < chi_square_limit(max(1, int(likely.sum()) - 1))


@pytest.mark.parametrize("counter", ["seed", "frame", "group"])
def test_noise_is_independent_along_each_counter(counter: str) -> None:
    """Uniform in each of 16 bins, and adjacent counters fall into all pairs of bins equally."""
    steps = torch.arange(4096)
    zeros = torch.zeros_like(steps)
    if counter == "group":
        values = gumbel(zeros[:1], zeros[:1], 0, 4096, 8)[0]
    else:
        values = gumbel(steps if counter == "seed" else zeros, zeros if counter == "seed" else steps, 0, 1, 8)[:, 0]
    bins = (torch.exp(-torch.exp(-values)) * 16).long().clamp(max=15)
    pairs = torch.bincount((bins[1:] * 16 + bins[:-1]).flatten(), minlength=256).float()
    expected = pairs.sum() / 256
    assert float(((pairs - expected) ** 2 / expected).sum()) < chi_square_limit(255)


def test_noise_depends_only_on_its_counter() -> None:
    seeds, frames = torch.tensor([5, 2**40 + 5, 5, 6]), torch.tensor([7, 7, 8, 7])
    together = gumbel(seeds, frames, 1, 15, CODES)
    assert torch.equal(together[2], gumbel(seeds[2:3], frames[2:3], 1, 15, CODES)[0])
    assert torch.equal(together[0, 4], gumbel(seeds[:1], frames[:1], 5, 1, CODES)[0, 0])
    assert len({row.sum().item() for row in together}) == 4


def test_noise_of_a_seed_never_changes() -> None:
    noise = gumbel(torch.tensor([123456789]), torch.tensor([42]), 3, 1, 4)[0, 0]
    assert noise.tolist() == pytest.approx([-1.3016194, -0.6878778, 0.2468273, 1.3195794], abs=1e-6)


def test_ties_at_the_top_k_boundary_stay() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0, 2.0, 0.0]])
    assert filter_logits(logits, rule_for(1, top_k=2), SamplingBounds(64, uses_top_p=False)).isfinite().tolist() == [
        [True, False, True, True, False]
    ]


def test_rows_with_different_sampling_are_independent() -> None:
    logits = scores_of(1).expand(3, -1)
    rule = rule_for(3, temperature=0.8)
    rule.set(1, greedy=True, temperature=0.1, top_k=50, top_p=0.5, num_codes=CODES)
    rule.set(2, greedy=False, temperature=0.8, top_k=5, top_p=1.0, num_codes=CODES)
    noise = gumbel(torch.tensor([1, 2, 3]), torch.tensor([0, 0, 0]), 0, 1, CODES)[:, 0]
    together, _ = sample(logits, rule, SamplingBounds(64, uses_top_p=True), noise)
    alone = [
        int(
            sample(
                logits[row : row + 1],
                rule.rows(slice(row, row + 1)),
                SamplingBounds(64, uses_top_p=False),
                noise[row : row + 1],
            )[0]
        )
        for row in range(3)
    ]
    assert together.tolist() == alone
    assert int(together[1]) == int(logits[0].argmax())


def test_the_penalty_lowers_logits_of_either_sign() -> None:
    seen = torch.tensor([[True, True, False]])
    assert apply_repetition_penalty(torch.tensor([[2.0, -2.0, 2.0]]), seen, torch.tensor([[2.0]])).tolist() == [
        [1.0, -4.0, 2.0]
    ]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("greedy", [True, False])
def test_invalid_logits_are_reported(bad: float, greedy: bool) -> None:
    logits = scores_of(2).repeat(2, 1)
    logits[1, 5] = bad
    noise = torch.zeros(2, CODES)
    bounds = SamplingBounds(1 if greedy else 64, uses_top_p=False)
    assert sample(logits, rule_for(2, greedy=greedy), bounds, noise)[1].tolist() == [True, False]


@pytest.mark.parametrize(
    ("samplings", "bounds"),
    [
        ([Sampling(greedy=True)], SamplingBounds(1, uses_top_p=False)),
        ([Sampling(), Sampling(greedy=True, top_p=0.5)], SamplingBounds(64, uses_top_p=False)),
        ([Sampling(top_k=0)], SamplingBounds(3072, uses_top_p=False)),
        ([Sampling(subtalker_top_k=100)], SamplingBounds(3072, uses_top_p=False)),
        ([Sampling(), Sampling(subtalker_top_p=0.9)], SamplingBounds(64, uses_top_p=True)),
    ],
)
def test_bounds_cover_every_row(samplings: list[Sampling], bounds: SamplingBounds) -> None:
    assert SamplingBounds.of(samplings, 3072) == bounds
