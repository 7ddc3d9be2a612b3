"""Drawing codes on the device: logits in, one code a row out; no step waits for the host (MODEL.md section 5).

The noise is a hash of (seed, frame, codebook, code): integers only, so that a seed gives the same noise alone, in a
batch, in any slot, on any device. Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from qwen3tts_webui.types import Sampling

_MASK = 0xFFFFFFFF


def _mix(x: Tensor) -> Tensor:
    """A bijection of 32-bit integers held in int64 that spreads every bit over all others (Wellons, lowbias32)."""
    x = (x ^ (x >> 16)) * 0x7FEB352D & _MASK
    x = (x ^ (x >> 15)) * 0x846CA68B & _MASK
    return x ^ (x >> 16)


def gumbel(seed: Tensor, frame: Tensor, first_group: int, num_groups: int, num_codes: int) -> Tensor:
    """Standard Gumbel noise (batch, num_groups, num_codes) float32 for `seed` and `frame`, both (batch,) int64.

    `first_group` is the codebook of the first of the groups.
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
class Rule:
    """How each row is drawn: tensors (rows, 1). A greedy row has `noise` 0 and keeps one candidate."""

    temperature: Tensor
    top_k: Tensor
    top_p: Tensor
    noise: Tensor

    @classmethod
    def empty(cls, rows: int, device: torch.device) -> Rule:
        ones = torch.ones(rows, 1, device=device)
        return cls(ones, ones.long(), ones.clone(), torch.zeros_like(ones))

    def rows(self, rows: slice | Tensor) -> Rule:
        return Rule(*(getattr(self, field.name)[rows] for field in fields(self)))

    def set(self, row: int, *, greedy: bool, temperature: float, top_k: int, top_p: float, num_codes: int) -> None:
        values = rule_values(greedy=greedy, temperature=temperature, top_k=top_k, top_p=top_p, num_codes=num_codes)
        for tensor, value in zip((self.temperature, self.top_k, self.top_p, self.noise), values, strict=True):
            tensor[row] = value


RuleValues = tuple[float, int, float, float]
"""A row of a `Rule`: (temperature, top_k, top_p, noise)"""


def rule_values(*, greedy: bool, temperature: float, top_k: int, top_p: float, num_codes: int) -> RuleValues:
    """How codes are drawn; a `top_k` of 0 keeps all."""
    if greedy:
        return 1.0, 1, 1.0, 0.0
    return temperature, min(top_k, num_codes) or num_codes, top_p, 1.0


@dataclass(frozen=True, slots=True)
class SamplingBounds:
    """What the host knows of all rows' rules and a graph may rely on.

    `candidates`: no row's top-k is above this. `nucleus`: some row has a top-p below 1.
    """

    candidates: int
    nucleus: bool

    @classmethod
    def of(cls, samplings: list[Sampling], num_codes: int) -> SamplingBounds:
        """The smallest reach for utterances drawn like that, of few kinds: 1, 64 or all candidates."""
        drawn = [sampling for sampling in samplings if not sampling.greedy]
        ks = [k or num_codes for sampling in drawn for k in (sampling.top_k, sampling.subtalker_top_k)]
        wanted = max(ks, default=1)
        candidates = 1 if not drawn else 64 if wanted <= 64 <= num_codes else num_codes
        return cls(candidates, any(s.top_p < 1 or s.subtalker_top_p < 1 for s in drawn))


def keep(scores: Tensor, rule: Rule, reach: SamplingBounds) -> Tensor:
    """Scores (rows, codes) float32 after temperature, top-k (ties stay) and top-p; what is out is -inf."""
    scores = scores / rule.temperature
    ordered = scores.topk(min(reach.candidates, scores.shape[-1]), dim=-1).values
    last = (rule.top_k - 1).clamp(max=ordered.shape[-1] - 1)
    scores = scores.masked_fill(scores < ordered.gather(1, last), -torch.inf)
    if reach.nucleus:
        share = (ordered - scores.logsumexp(dim=-1, keepdim=True)).exp()
        before = share.cumsum(dim=-1) - share
        last = torch.minimum(last, (before < rule.top_p).sum(dim=-1, keepdim=True) - 1).clamp(min=0)
        floor = torch.where(rule.top_p < 1, ordered.gather(1, last), -torch.inf)
        scores = scores.masked_fill(scores < floor, -torch.inf)
    return scores


def draw(scores: Tensor, rule: Rule, reach: SamplingBounds, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Draw one code a row: (codes (rows,) int64, sound (rows,) bool). `noise` (rows, codes) is `gumbel`.

    `sound` is False where a score was NaN or +inf, or every score was -inf; the code means nothing there.
    """
    if reach.candidates == 1:
        best, code = scores.max(dim=-1)
    else:
        best, code = (keep(scores, rule, reach) + noise * rule.noise).max(dim=-1)
    return code, best.isfinite()


DrawInOne = Callable[[Tensor, Rule, Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""`draw` with the noise of `gumbel`, without a nucleus: (scores, rule, seed, frame, codebook) -> (codes, sound)"""


def penalise(scores: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """The repetition penalty: `seen` (rows, codes) bool marks the codes already drawn; `penalty` (rows, 1)."""
    return torch.where(seen, torch.where(scores < 0, scores * penalty, scores / penalty), scores)
