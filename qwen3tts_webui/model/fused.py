"""Decoder stacks of a GPU whose steps take eight launches a layer instead of about thirty, and draws that take one.

In: a stack of layers as loaded. Out: the same rows that its layers give, up to the order of sums. The products of
matrices stay torch's; what lies between them is `fused_kernels`, in Triton, which comes with torch's builds for CUDA.
Prompts go layer by layer, as everything does where Triton is missing or does not give what the layers give here.
"""

from __future__ import annotations

import copy
import importlib.util
import logging
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from qwen3tts_webui.model.sampling import Reach, Rule, draw, gumbel

if TYPE_CHECKING:
    from qwen3tts_webui.model.layers import Layer, Stack
    from qwen3tts_webui.model.talker import Talker

_GATE_BLOCK = 1024
_LEAST = 16  # of each side of a product on tensor cores
_FEW_ROWS = 16
"""Up to here our own product of the attention's projection is faster than cuBLAS (H200, 2026-11-27: predictor 5.4 us
against 12.8 for one row, 5.5 against 6.0 for 16; talker 6.2 and 6.3 against 6.2 and 6.3)."""
_OUTS, _INS = 16, 512  # the fastest cut of nine

log = logging.getLogger(__name__)


class FusedStack:
    """All layers of a stack, for a step of few rows or for prompts.

    `num_positions` is how many places there can be. `tiles`: the attention of a step goes to tensor cores, too.
    """

    def __init__(self, stack: Stack, num_positions: int, *, tiles: bool = True) -> None:
        self._tiles = tiles
        self._layers = [cast("Layer", layer) for layer in stack.layers]
        attention = self._layers[0].self_attn
        self._heads, self._kv_heads = attention.heads
        self._head_dim = attention.head_dim
        self._eps = stack.norm.eps
        self._number = _weight(attention.qkv_proj).dtype
        device = stack.norm.weight.device
        angles = torch.arange(num_positions, device=device)[:, None].float() * stack.rotary.frequencies
        self._cosines, self._sines = angles.cos(), angles.sin()  # (positions, head_dim / 2)
        self._scales = [layer.self_attn.qk_scale[[0, -1]].contiguous() for layer in self._layers]
        self._last_norm = stack.norm.weight

    def __call__(self, rows: Tensor, starts: Tensor, kv: Tensor) -> Tensor:
        """Rows (batch, time, hidden) of slots 0..batch-1 -> the last of each after the norm, (batch, hidden).

        The rows of a slot stand at `starts` (batch,) int64 and after it. `kv` (layers, 2, slots, kv_heads, length,
        head_dim) is read below `starts` and written from there on.
        """
        batch, time, hidden = rows.shape
        x, delta = self._residual(rows.reshape(batch * time, hidden)), None
        for number, layer in enumerate(self._layers):
            x, normal = self._add(x, delta, layer.input_layernorm.weight)
            qkv = layer.self_attn.qkv_proj(normal)
            seen = self._attend(qkv, self._scales[number], starts, kv[number], time)
            x, normal = self._project(x, seen, layer)
            delta = layer.mlp.down_proj(_gate(layer.mlp.gate_up_proj(normal)))
        last = slice(time - 1, None, time)
        return self._add(x[last], None if delta is None else delta[last], self._last_norm)[1]

    def _project(self, x: Tensor, seen: Tensor, layer: Layer) -> tuple[Tensor, Tensor]:
        """x and what was seen, put together, and that normalised."""
        projection, norm = layer.self_attn.o_proj, layer.post_attention_layernorm.weight
        if len(x) > _FEW_ROWS:
            return self._add(x, projection(seen), norm)
        return self._add(linear(seen, projection.weight, x), None, norm)

    def read(self, rows: Tensor, starts: Tensor, lengths: Tensor, kv: Tensor, slots: Tensor) -> Tensor:
        """Prompt rows (batch, time, hidden) -> the last of each after the norm, (batch, hidden).

        The rows of prompt i stand at `starts[i]` and after it, `lengths[i]` of them are real, and go to `slots[i]`,
        whose rows before them they see.
        """
        batch, time, hidden = rows.shape
        x, delta = self._residual(rows.reshape(batch * time, hidden)), None
        for number, layer in enumerate(self._layers):
            x, normal = self._add(x, delta, layer.input_layernorm.weight)
            qkv = layer.self_attn.qkv_proj(normal)
            seen = self._attend_rows(qkv, self._scales[number], starts, kv[number], slots, time)
            x, normal = self._add(x, layer.self_attn.o_proj(seen), layer.post_attention_layernorm.weight)
            delta = layer.mlp.down_proj(_gate(layer.mlp.gate_up_proj(normal)))
        last = torch.arange(batch, device=rows.device) * time + lengths - 1
        assert delta is not None
        return self._add(x[last], delta[last], self._last_norm)[1]

    def _residual(self, rows: Tensor) -> Tensor:
        """float16 is too narrow for the sum of all layers."""
        return rows.float() if self._number == torch.float16 else rows

    def _add(self, x: Tensor, delta: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
        """x + delta, and that normalised."""
        from qwen3tts_webui.model.fused_kernels import add_and_normalise

        rows, size = x.shape
        out = torch.empty(rows, size, dtype=self._number, device=x.device)
        total = x if delta is None else torch.empty(rows, size, dtype=x.dtype, device=x.device)
        more = x if delta is None else delta
        add_and_normalise[(rows,)](
            x,
            more,
            weight,
            total,
            out,
            x.stride(0),
            more.stride(0),
            size,
            self._eps,
            HAS_DELTA=delta is not None,
            BLOCK=_power_of_two(size),
            enable_fp_fusion=True,
        )
        return total, out

    def _attend(self, qkv: Tensor, scale: Tensor, starts: Tensor, kv: Tensor, time: int) -> Tensor:
        from qwen3tts_webui.model.fused_kernels import attend

        heads, kv_heads, half = self._heads, self._kv_heads, self._head_dim // 2
        group = heads // kv_heads
        out = torch.empty(len(qkv), heads * self._head_dim, dtype=qkv.dtype, device=qkv.device)
        attend[(len(starts), kv_heads)](
            qkv,
            scale,
            self._cosines,
            self._sines,
            starts,
            kv[0],
            kv[1],
            out,
            starts.stride(0),
            kv.stride(1),
            kv.stride(2),
            self._eps,
            self._head_dim**-0.5,
            TIME=time,
            TIMES=self._tile(time),
            GROUP=group,
            QUERIES=self._tile(time * group),
            HALF=half,
            LANES=self._tile(half),
            BLOCK=(64 if self._tiles else 32) if kv.shape[3] > _LEAST else _LEAST,
            TILES=self._tiles,
            enable_fp_fusion=True,
        )
        return out

    def _tile(self, number: int) -> int:
        return max(_LEAST if self._tiles else 1, _power_of_two(number))

    def _attend_rows(self, qkv: Tensor, scale: Tensor, starts: Tensor, kv: Tensor, slots: Tensor, time: int) -> Tensor:
        from qwen3tts_webui.model.fused_kernels import attend_rows, place_rows

        heads, kv_heads, dim = self._heads, self._kv_heads, self._head_dim
        queries = torch.empty(len(qkv), heads * dim, dtype=qkv.dtype, device=qkv.device)
        out = torch.empty_like(queries)
        place_rows[(len(qkv),)](
            qkv,
            scale,
            self._cosines,
            self._sines,
            starts,
            slots,
            queries,
            kv[0],
            kv[1],
            kv.stride(1),
            kv.stride(2),
            time,
            kv.shape[3],
            self._eps,
            HEADS=heads,
            KV_HEADS=kv_heads,
            ALL=_power_of_two(heads + 2 * kv_heads),
            HALF=dim // 2,
            LANES=_power_of_two(dim // 2),
            enable_fp_fusion=True,
        )
        rows = min(64, max(_LEAST, _power_of_two(time)))
        attend_rows[(-(-time // rows), heads, len(starts))](
            queries,
            starts,
            slots,
            kv[0],
            kv[1],
            out,
            kv.stride(1),
            kv.stride(2),
            time,
            kv.shape[3],
            dim**-0.5,
            HEADS=heads,
            GROUP=heads // kv_heads,
            DIM=dim,
            LANES=max(_LEAST, _power_of_two(dim)),
            ROWS=rows,
            BLOCK=64 if kv.shape[3] > _LEAST else _LEAST,
            enable_fp_fusion=True,
        )
        return out


def linear(x: Tensor, weight: Tensor, residual: Tensor) -> Tensor:
    """residual (n, out) + x (n, in) times weight (out, in), for few rows, in one launch, in the type of `residual`."""
    from qwen3tts_webui.model.fused_kernels import linear as kernel

    rows, size_in = x.shape
    size_out = len(weight)
    out = torch.empty(rows, size_out, dtype=residual.dtype, device=x.device)
    batch = max(_LEAST, _power_of_two(min(rows, 64)))
    kernel[(-(-size_out // _OUTS), -(-rows // batch))](
        x,
        weight,
        residual,
        out,
        residual.stride(0),
        rows,
        size_in,
        size_out,
        BATCH=batch,
        OUTS=_OUTS,
        INS=min(_INS if weight.dtype.itemsize == 2 else 64, max(_LEAST, _power_of_two(size_in))),
        num_warps=4,
        num_stages=3,
        enable_fp_fusion=True,
    )
    return out


def draw_in_one(scores: Tensor, rule: Rule, seed: Tensor, frame: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """As `sampling.draw` with the noise of `gumbel` for codebook `group`."""
    from qwen3tts_webui.model.fused_kernels import draw as kernel

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
        BLOCK=_power_of_two(num_codes),
        enable_fp_fusion=True,
    )
    return codes, sound.view(torch.bool)


def fuse_steps(talker: Talker) -> bool:
    """Let `talker` take its steps and its draws in few launches, if that works here; else the log says why not."""
    if importlib.util.find_spec("triton") is None:
        log.warning("there is no Triton here: each step takes several times as many launches on the GPU")
        return False
    stacks = talker.model, talker.code_predictor.model
    try:
        check_draws(talker.spec.talker.vocab_size, talker.codec_head.weight.device)
        fused = [_checked(stack, length, pairs) for stack, length, pairs in _stacks(talker)]
    except Exception as error:  # a compiler that is missing, a GPU that it does not know, numbers that differ
        log.warning("steps and draws stay as torch has them, with many launches: %s", str(error).partition("\n")[0])
        return False
    for stack, steps in zip(stacks, fused, strict=True):
        stack.steps = steps
    talker.model.prompts = fused[0].read
    talker.draw_in_one, talker.draws_any = draw_in_one, True
    return True


def _stacks(talker: Talker) -> list[tuple[Stack, int, bool]]:
    """(stack, number of positions, whether its first rows come two at a time)"""
    predictor = talker.code_predictor
    return [
        (talker.model, talker.spec.talker.max_positions, False),
        (predictor.model, predictor.positions.shape[1], True),
    ]


def _checked(stack: Stack, num_positions: int, pairs: bool) -> FusedStack:
    """The fastest way that gives what the layers give here. Raises what is wrong with the last one."""
    fast = FusedStack(stack, num_positions)
    try:
        check_steps(stack, fast, pairs)
        return fast
    except Exception as error:
        log.info("attention of steps without tensor cores: %s", str(error).partition("\n")[0])
    plain = FusedStack(stack, num_positions, tiles=False)
    check_steps(stack, plain, pairs)
    return plain


_CHECKED_LAYERS = 2  # all layers are computed by the same kernels; two of them fit beside any model in float32


@torch.inference_mode()
def check_steps(stack: Stack, steps: FusedStack, pairs: bool) -> None:
    """Raises ArithmeticError where `steps` is further from float32 than the layers of `stack` are.

    `pairs`: its first rows come two at a time; else prompts are checked as well.
    """
    from qwen3tts_webui.model.layers import RMSNorm

    layers = nn.ModuleList(stack.layers[:_CHECKED_LAYERS])
    plain, exact, some = copy.copy(stack), copy.copy(stack), copy.copy(steps)
    plain._modules = {**stack._modules, "layers": layers}
    exact._modules = {**stack._modules, "layers": copy.deepcopy(layers).float()}
    for norm in (part for part in exact.layers.modules() if isinstance(part, RMSNorm)):
        norm.result_type = torch.float32
    some._layers = steps._layers[:_CHECKED_LAYERS]
    layer = cast("Layer", layers[0])
    _, kv_heads = layer.self_attn.heads
    weight = layer.self_attn.o_proj.weight
    device, time = weight.device, min(20, len(steps._cosines))
    rows = torch.randn(2, time, weight.shape[0], generator=torch.Generator().manual_seed(0)).to(device, weight.dtype)
    reference = _by_layers(exact, rows.float())
    allowed = 2 * _error(_by_layers(plain, rows), reference) + 1e-4
    shape = (len(layers), 2, 2, kv_heads, time, layer.self_attn.head_dim)
    kv = torch.zeros(shape, dtype=weight.dtype, device=device)
    first = 2 if pairs else 1
    for start in (0, *range(first, time)):
        end = max(start + 1, first)
        got = some(rows[:, start:end], torch.full((2,), start, device=device), kv)
        _refuse("a step", _error(got, reference[:, end - 1]), allowed)
    if pairs:
        return
    cut = time // 2
    for start, lengths in ((0, [cut, cut - 1]), (cut, [time - cut, 1])):  # prompts, and others behind them
        numbers = [torch.tensor(numbers, device=device) for numbers in ([start, start], lengths, [1, 0])]
        got = some.read(rows[:, start : start + lengths[0]], numbers[0], numbers[1], kv, numbers[2])
        ends = [start + length - 1 for length in lengths]
        _refuse("a prompt", _error(got, reference[[0, 1], ends]), allowed)


def _by_layers(stack: Stack, rows: Tensor) -> Tensor:
    from qwen3tts_webui.model.layers import attend_causally, normalise

    angles = stack.rotary(torch.arange(rows.shape[1], device=rows.device)[None])
    seen = stack(rows, angles, lambda _, query, key, value: attend_causally(query, key, value))
    return normalise(seen.float(), stack.norm.weight, stack.norm.eps)


def _error(got: Tensor, reference: Tensor) -> float:
    return float((got.float() - reference).norm() / reference.norm())


def _refuse(what: str, error: float, allowed: float) -> None:
    if not error <= allowed:
        raise ArithmeticError(f"{what} is {error:.2%} off where {allowed:.2%} is allowed")


@torch.inference_mode()
def check_draws(num_codes: int, device: torch.device) -> None:
    """Raises ArithmeticError where `draw_in_one` does not draw what `sampling.draw` draws."""
    rules = [(True, 1, 1.0), (False, 50, 1.0), (False, 0, 1.0), (False, 7, 1.0), (False, 0, 0.8), (False, 50, 0.3)]
    count = len(rules)
    scores = torch.randn(count, num_codes, generator=torch.Generator().manual_seed(0)).to(device)
    rule = Rule.empty(count, device)
    for row, (greedy, top_k, top_p) in enumerate(rules):
        rule.set(row, greedy=greedy, temperature=0.9, top_k=top_k, top_p=top_p, num_codes=num_codes)
    seed, frame = torch.arange(count, device=device), torch.arange(count, device=device)
    exact, _ = draw(scores, rule, Reach(num_codes, nucleus=True), gumbel(seed, frame, 3, 1, num_codes)[:, 0])
    if not torch.equal(draw_in_one(scores, rule, seed, frame, 3)[0], exact):
        raise ArithmeticError("other codes are drawn")


def _gate(gate_up: Tensor) -> Tensor:
    """silu(gate) * up of rows (n, 2 * size) -> (n, size)."""
    from qwen3tts_webui.model.fused_kernels import gate

    rows, size = gate_up.shape[0], gate_up.shape[1] // 2
    out = torch.empty(rows, size, dtype=gate_up.dtype, device=gate_up.device)
    gate[(rows, -(-size // _GATE_BLOCK))](gate_up, out, size, BLOCK=_GATE_BLOCK, enable_fp_fusion=True)
    return out


def _power_of_two(number: int) -> int:
    """The smallest power of two that is not below `number`."""
    return 1 << (number - 1).bit_length()
