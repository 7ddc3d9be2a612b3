"""Sampling on a GPU in one launch, as `sampling.draw` does in about thirty."""

from __future__ import annotations

import torch
from torch import Tensor

from qwen3tts_webui.model.cuda.fused_stack import next_power_of_two
from qwen3tts_webui.model.sampling import Rule, SamplingBounds, draw, gumbel


def fused_sampler(scores: Tensor, rule: Rule, seed: Tensor, frame: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """As `sampling.draw` with the noise of `gumbel` for codebook `group`."""
    from qwen3tts_webui.model.cuda.sampling_kernel import draw as kernel

    rows, num_codes = scores.shape
    codes = torch.empty(rows, dtype=torch.int64, device=scores.device)
    sound = torch.empty(rows, dtype=torch.int8, device=scores.device)
    kernel[(rows,)](
        scores,
        rule.temperature,
        rule.top_k,
        rule.top_p,
        rule.noise,
        seed,
        frame,
        codes,
        sound,
        scores.stride(0),
        group,
        num_codes,
        BLOCK=next_power_of_two(num_codes),
        enable_fp_fusion=True,
    )
    return codes, sound.view(torch.bool)


@torch.inference_mode()
def check_sampler(num_codes: int, device: torch.device) -> None:
    """Raises ArithmeticError where `fused_sampler` does not draw what `sampling.draw` draws."""
    rules = [(True, 1, 1.0), (False, 50, 1.0), (False, 0, 1.0), (False, 7, 1.0), (False, 0, 0.8), (False, 50, 0.3)]
    count = len(rules)
    scores = torch.randn(count, num_codes, generator=torch.Generator().manual_seed(0)).to(device)
    rule = Rule.empty(count, device)
    for row, (greedy, top_k, top_p) in enumerate(rules):
        rule.set(row, greedy=greedy, temperature=0.9, top_k=top_k, top_p=top_p, num_codes=num_codes)
    seed, frame = torch.arange(count, device=device), torch.arange(count, device=device)
    exact, _ = draw(scores, rule, SamplingBounds(num_codes, nucleus=True), gumbel(seed, frame, 3, 1, num_codes)[:, 0])
    if not torch.equal(fused_sampler(scores, rule, seed, frame, 3)[0], exact):
        raise ArithmeticError("other codes are drawn")
