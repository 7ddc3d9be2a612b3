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
    from qwen3tts_webui.model.cuda.sampling_kernel import sample as kernel

    rows, num_codes = logits.shape
    codes = torch.empty(rows, dtype=torch.int64, device=logits.device)
    is_finite = torch.empty(rows, dtype=torch.int8, device=logits.device)
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
        logits.stride(0),
        group,
        num_codes,
        BLOCK=next_power_of_two(num_codes),
        enable_fp_fusion=True,
    )
    return codes, is_finite.view(torch.bool)


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
