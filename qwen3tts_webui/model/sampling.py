"""Sample codes on the device: logits in, one code per row out, without host synchronization (docs/model.md, section 5).

The Gumbel noise is an integer hash of (seed, frame, codebook, code), so that a seed gives the same noise alone, in a
batch, in any slot and on any device.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from qwen3tts_webui.types import Sampling

_MASK = 0xFFFFFFFF


def _mix(x: Tensor) -> Tensor:
    """Hash 32-bit integers, stored in int64, bijectively (Wellons, lowbias32)."""
    x = (x ^ (x >> 16)) * 0x7FEB352D & _MASK
    x = (x ^ (x >> 15)) * 0x846CA68B & _MASK
    return x ^ (x >> 16)


def gumbel(seed: Tensor, frame: Tensor, first_group: int, num_groups: int, num_codes: int) -> Tensor:
    """Standard Gumbel noise (batch, num_groups, num_codes) float32 for `seed` and `frame`, both (batch,) int64.

    `first_group` is the first codebook.
    """
    device = seed.device
    key = _mix(seed & _MASK ^ _mix(((seed >> 32) & _MASK) ^ 0x9E3779B9))
    key = _mix(key ^ _mix((frame & _MASK) ^ 0x85EBCA6B))[:, None]
    groups = torch.arange(first_group, first_group + num_groups, device=device)
    key = _mix(key ^ _mix(groups ^ 0xC2B2AE35))[:, :, None]
    codes = torch.arange(num_codes, device=device)
    bits = _mix(key ^ _mix(codes ^ 0x27D4EB2F))
    uniform = ((_mix(bits ^ key) >> 9).float() + 0.5) * 2.0**-23  # 23 bits: never 0, never 1 in float32
    return -torch.log(-torch.log(uniform))


@dataclass(frozen=True, slots=True)
class SamplingTensors:
    """Sampling parameters per row, tensors (rows, 1). A greedy row has a `noise_scale` of 0 and a `top_k` of 1."""

    temperature: Tensor
    top_k: Tensor
    top_p: Tensor
    noise_scale: Tensor

    @classmethod
    def empty(cls, rows: int, device: torch.device) -> SamplingTensors:
        ones = torch.ones(rows, 1, device=device)
        return cls(ones, ones.long(), ones.clone(), torch.zeros_like(ones))

    def rows(self, rows: slice | Tensor) -> SamplingTensors:
        return SamplingTensors(*(getattr(self, field.name)[rows] for field in fields(self)))

    def set(self, row: int, *, greedy: bool, temperature: float, top_k: int, top_p: float, num_codes: int) -> None:
        values = sampling_values(greedy=greedy, temperature=temperature, top_k=top_k, top_p=top_p, num_codes=num_codes)
        for tensor, value in zip((self.temperature, self.top_k, self.top_p, self.noise_scale), values, strict=True):
            tensor[row] = value


SamplingValues = tuple[float, int, float, float]
"""A row of a `SamplingTensors`: (temperature, top_k, top_p, noise_scale)"""


def sampling_values(*, greedy: bool, temperature: float, top_k: int, top_p: float, num_codes: int) -> SamplingValues:
    """One row of `SamplingTensors`; a `top_k` of 0 keeps all codes."""
    if greedy:
        return 1.0, 1, 1.0, 0.0
    return temperature, min(top_k, num_codes) or num_codes, top_p, 1.0


@dataclass(frozen=True, slots=True)
class SamplingBounds:
    """Host-side bounds on the sampling parameters of a batch; CUDA graphs rely on them.

    `max_top_k`: the top-k of every row is at most this. `uses_top_p`: some row may have a top-p below 1.
    """

    max_top_k: int
    uses_top_p: bool

    @classmethod
    def of(cls, samplings: list[Sampling], num_codes: int) -> SamplingBounds:
        """The smallest bounds for `samplings`; `max_top_k` is 1, 64 or all codes, to need few graphs."""
        drawn = [sampling for sampling in samplings if not sampling.greedy]
        ks = [k or num_codes for sampling in drawn for k in (sampling.top_k, sampling.subtalker_top_k)]
        wanted = max(ks, default=1)
        max_top_k = 1 if not drawn else 64 if wanted <= 64 <= num_codes else num_codes
        return cls(max_top_k, any(s.top_p < 1 or s.subtalker_top_p < 1 for s in drawn))


def filter_logits(logits: Tensor, sampling: SamplingTensors, bounds: SamplingBounds) -> Tensor:
    """Logits (rows, codes) float32 after temperature, top-k (ties stay) and top-p; removed codes are -inf."""
    logits = logits / sampling.temperature
    ordered = logits.topk(min(bounds.max_top_k, logits.shape[-1]), dim=-1).values
    last = (sampling.top_k - 1).clamp(max=ordered.shape[-1] - 1)
    logits = logits.masked_fill(logits < ordered.gather(1, last), -torch.inf)
    if bounds.uses_top_p:
        share = (ordered - logits.logsumexp(dim=-1, keepdim=True)).exp()
        before = share.cumsum(dim=-1) - share
        last = torch.minimum(last, (before < sampling.top_p).sum(dim=-1, keepdim=True) - 1).clamp(min=0)
        floor = torch.where(sampling.top_p < 1, ordered.gather(1, last), -torch.inf)
        logits = logits.masked_fill(logits < floor, -torch.inf)
    return logits


def sample(logits: Tensor, sampling: SamplingTensors, bounds: SamplingBounds, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Sample one code per row: (codes (rows,) int64, is_finite (rows,) bool). `noise` (rows, codes) is from `gumbel`.

    `is_finite` is False if a logit was NaN or +inf, or every logit was -inf; the code is then meaningless.
    """
    if bounds.max_top_k == 1:
        best, code = logits.max(dim=-1)
    else:
        best, code = (filter_logits(logits, sampling, bounds) + noise * sampling.noise_scale).max(dim=-1)
    return code, best.isfinite()


FusedSampler = Callable[[Tensor, SamplingTensors, Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""`gumbel` and `sample` at once: (logits, sampling, seed, frame, codebook) -> (codes, is_finite)"""


def apply_repetition_penalty(logits: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Penalize the codes in `seen` (rows, codes) bool; `penalty` (rows, 1)."""
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
