"""Sampling on a GPU in one kernel launch instead of about thirty."""

from __future__ import annotations

import torch
from torch import Tensor

from qwen3tts_webui.model.cuda.fused_stack import next_power_of_two
from qwen3tts_webui.model.sampling import SamplingBounds, SamplingTensors, gumbel, sample


def fused_sampler(
    logits: Tensor, sampling: SamplingTensors, seed: Tensor, frame: Tensor, group: int
) -> tuple[Tensor, Tensor]:
    """A `sampling.FusedSampler` that also supports top-p."""
    codes = torch.empty(len(logits), dtype=torch.int64, device=logits.device)
    is_finite = torch.empty(len(logits), dtype=torch.int8, device=logits.device)
    sample_into(logits, sampling, seed, frame, group, codes, is_finite)
    return codes, is_finite.view(torch.bool)


def sample_into(
    logits: Tensor,
    sampling: SamplingTensors,
    seed: Tensor,
    frame: Tensor,
    group: int,
    codes: Tensor,
    is_finite: Tensor,
    *,
    slots: Tensor | None = None,
    table: Tensor | None = None,
    first_entry: int = 0,
    embedded: Tensor | None = None,
) -> None:
    """Sample `codes` and `is_finite` (rows,) int64 and int8, with any stride.

    `slots` (rows,): the rows of `sampling`, `seed` and `frame`; without it, those of `logits`. `table` (entries,
    hidden): the row `first_entry` + code is copied to `embedded` (rows, hidden).
    """
    from qwen3tts_webui.model.cuda.sampling_kernel import sample as kernel

    rows, num_codes = logits.shape
    target = logits if embedded is None else embedded
    kernel[(rows,)](
        logits,
        sampling.temperature,
        sampling.top_k,
        sampling.top_p,
        sampling.noise_scale,
        seed,
        frame,
        codes,
        is_finite,
        seed if slots is None else slots,
        logits if table is None else table,
        target,
        logits.stride(0),
        codes.stride(0),
        is_finite.stride(0),
        target.stride(0),
        group,
        num_codes,
        first_entry,
        target.shape[1],
        HAS_SLOTS=slots is not None,
        HAS_TABLE=table is not None,
        BLOCK=next_power_of_two(num_codes),
        enable_fp_fusion=True,
    )


@torch.inference_mode()
def check_sampler(num_codes: int, device: torch.device) -> None:
    """Raises ArithmeticError where `fused_sampler` does not sample what `sampling.sample` draws."""
    cases = [(True, 1, 1.0), (False, 50, 1.0), (False, 0, 1.0), (False, 7, 1.0), (False, 0, 0.8), (False, 50, 0.3)]
    count = len(cases)
    logits = torch.randn(count, num_codes, generator=torch.Generator().manual_seed(0)).to(device)
    sampling = SamplingTensors.empty(count, device)
    for row, (greedy, top_k, top_p) in enumerate(cases):
        sampling.set(row, greedy=greedy, temperature=0.9, top_k=top_k, top_p=top_p, num_codes=num_codes)
    seed, frame = torch.arange(count, device=device), torch.arange(count, device=device)
    exact, _ = sample(
        logits, sampling, SamplingBounds(num_codes, uses_top_p=True), gumbel(seed, frame, 3, 1, num_codes)[:, 0]
    )
    if not torch.equal(fused_sampler(logits, sampling, seed, frame, 3)[0], exact):
        raise ArithmeticError("the fused sampler returns other codes")
