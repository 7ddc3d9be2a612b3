"""Quantize a talker to integer weights layer by layer: read a matrix, quantize it, free the original.

The quantization error is measured on the way: the same random frames go through the exact and the quantized layer, so
that nothing is in memory twice. The result is cached on disk (`packed_cache`) if the source has a fingerprint.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from qwen3tts_webui.model.config.model_config import ModelConfig
from qwen3tts_webui.model.cpu.integer_linear import KernelChoice, TiledLinear, choose_kernels
from qwen3tts_webui.model.cpu.integer_weights import IntegerKind, TiledWeight, tile_weight
from qwen3tts_webui.model.cpu.memory import trim_host_memory
from qwen3tts_webui.model.cpu.packed_cache import PackedCache, PackedWeights
from qwen3tts_webui.model.cpu.packed_linear import QuantizationError, compare_logits
from qwen3tts_webui.model.loading.quantization_error import upcast
from qwen3tts_webui.model.talker.layers import Layer, Stack, attend_causally
from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.model.weights.module_loader import DtypeOf, map_weight
from qwen3tts_webui.types import NUM_CODEBOOKS

_BATCH, _FRAMES, _PROMPT = 8, 7, 6  # random utterances to measure the error

TEXT_EMBEDDING = "model.text_embedding.weight"
"""Large, and few rows are used: memory-mapped on a CPU."""

log = logging.getLogger(__name__)


class WeightSource(Protocol):
    """Source of weights: `CheckpointWeights`, or random numbers."""

    def fill(self, module: nn.Module, dtype: DtypeOf, *, wanted: Callable[[str], bool]) -> None:
        """Fill the weights of `module` with a `wanted` name."""

    def mapped(self, name: str) -> Tensor:
        """Return a memory-mapped weight."""

    def fingerprint(self) -> str:
        """Return a string that changes with the weights, or "" to disable caching."""


def kernels_for(config: ModelConfig, kind: IntegerKind) -> dict[IntegerKind, KernelChoice]:
    """Time the kernels on the shapes of `config`, and return the fastest of each kind that `quantize` uses."""
    stack = config.talker.stack
    kinds: set[IntegerKind] = {kind, "int8"}
    return {name: choose_kernels(name, stack.hidden_size, stack.intermediate_size) for name in sorted(kinds)}


def describe_kernels(choices: Mapping[IntegerKind, KernelChoice]) -> str:
    """Name the kernels of each kind, with the times of all candidates."""
    return "; ".join(f"{kind}: {choice}" for kind, choice in choices.items())


def quantize(talker: Talker, source: WeightSource, kind: IntegerKind) -> None:
    """Fill `talker`: layers in `kind`, the code predictor and the heads in int8."""
    choices = kernels_for(talker.config, kind)
    talker.kernel_choice = describe_kernels(choices)

    def kind_of(path: str) -> IntegerKind:
        return kind if path.startswith("model.layers.") else "int8"

    def place(path: str, weight: TiledWeight, bias: Tensor | None) -> None:
        reads_prompts = path.startswith("model.layers.")
        linear = TiledLinear(weight, bias, choices[weight.kind], reads_prompts=reads_prompts)
        owner_path, _, leaf = path.rpartition(".")
        owner = talker.get_submodule(owner_path)
        if leaf in ("qkv_proj", "gate_up_proj") and not hasattr(owner, leaf):
            cast(Any, owner).set_fused(linear)
        else:
            setattr(owner, leaf, linear)

    cache = PackedCache.for_source(source.fingerprint(), kind)
    packed = cache.read()
    source.fill(talker, _float_dtypes, wanted=lambda name: _is_kept_float(name, with_matrices=packed is None))
    map_weight(talker, TEXT_EMBEDDING, source.mapped(TEXT_EMBEDDING))
    talker.eval().requires_grad_(False)
    if packed is None:
        packed = _quantize_layers(talker, source, kind_of, place)
        cache.write(packed)
    else:
        for path, weight in packed.weights.items():
            place(path, weight, packed.biases.get(path))
        talker.finalize_weights(fold_text=False, fuse=False, code_table=packed.code_table)
    talker.quantization_error = packed.error
    talker.reset_text_table()


def _is_kept_float(name: str, *, with_matrices: bool) -> bool:
    """Norms and code embeddings; `with_matrices`: also the matrices outside the layers, which are quantized later."""
    if name == TEXT_EMBEDDING:
        return False
    if name.endswith("norm.weight") or "embedding" in name:
        return True
    return with_matrices and ".layers." not in name


def _float_dtypes(name: str, stored: torch.dtype) -> torch.dtype:
    """Norms and projections in float32; others in their stored dtype until they are quantized."""
    projects = name.startswith("text_projection") or "small_to_mtp_projection" in name
    return torch.float32 if projects or name.endswith("norm.weight") else stored


PlaceLinear = Callable[[str, TiledWeight, Tensor | None], None]


def _quantize_layers(
    talker: Talker, source: WeightSource, kind_of: Callable[[str], IntegerKind], place: PlaceLinear
) -> PackedWeights:
    weights: dict[str, TiledWeight] = {}
    biases: dict[str, Tensor] = {}

    def quantize_linears(path: str) -> None:
        """Quantize and replace every linear layer below `path`."""
        module = talker.get_submodule(path)
        for name, child in list(module.named_modules()):
            if isinstance(child, nn.Linear):
                whole = f"{path}.{name}" if name else path
                weights[whole] = tile_weight(child.weight.detach(), kind_of(whole))
                if child.bias is not None:
                    biases[whole] = child.bias.detach()
                place(whole, weights[whole], child.bias)
        trim_host_memory()

    talker.finalize_weights(fold_text=False, fuse=False)
    predictor = talker.code_predictor
    if predictor.code_table is not talker.code_embedding_table:
        predictor.code_table = predictor.code_table.to(talker.code_embedding_table.dtype)
    frames = torch.randint(
        talker.config.predictor.codebook_size,
        (_BATCH, _FRAMES, NUM_CODEBOOKS),
        generator=torch.Generator().manual_seed(0),
    )
    pad = torch.full(frames.shape[:2], talker.config.text.pad_id)
    exact = talker.embed(pad, frames)
    exact, quantized = _measure_layers(talker.model, "model", exact, exact, source, talker, quantize_linears)
    # the rows after the prompt and after each frame except the last predict the following frames
    exact, quantized = (rows[:, _PROMPT - 1 :].flatten(0, 1) for rows in (exact, quantized))
    following = torch.randint(
        talker.config.predictor.codebook_size,
        (len(exact), NUM_CODEBOOKS),
        generator=torch.Generator().manual_seed(1),
    )
    logits = _LogitPairs()
    size = talker.config.predictor.codebook_size
    logits.add(talker.codec_head, exact, quantized, lambda: quantize_linears("codec_head"), talker, "codec_head", size)
    inner = [predictor.code_table[following[:, :-1] + predictor.offsets[:-1]].to(exact.dtype)] * 2
    firsts = [predictor.small_to_mtp_projection(exact)]
    quantize_linears("code_predictor.small_to_mtp_projection")
    firsts.append(predictor.small_to_mtp_projection(quantized))
    exact, quantized = (torch.cat((a[:, None], b), dim=1) for a, b in zip(firsts, inner, strict=True))
    exact, quantized = _measure_layers(
        predictor.model, "code_predictor.model", exact, quantized, source, talker, quantize_linears
    )
    for group in range(1, NUM_CODEBOOKS):
        path = f"code_predictor.lm_head.{group - 1}"
        logits.add(
            predictor.lm_head[group - 1], exact[:, group], quantized[:, group],
            functools.partial(quantize_linears, path), talker, path, size,
        )  # fmt: skip
    quantize_linears("text_projection")
    table = None if predictor.code_table is talker.code_embedding_table else predictor.code_table
    return PackedWeights(weights, biases, table, logits.error())


class _LogitPairs:
    """Logits of exact and of quantized linear layers."""

    def __init__(self) -> None:
        self._exact: list[Tensor] = []
        self._quantized: list[Tensor] = []

    def add(
        self,
        head: nn.Module,
        exact: Tensor,
        quantized: Tensor,
        quantize_head: Callable[[], None],
        talker: Talker,
        path: str,
        size: int,
    ) -> None:
        with upcast(head):
            self._exact.append(head(exact).float()[:, :size])
        quantize_head()
        self._quantized.append(talker.get_submodule(path)(quantized).float()[:, :size])

    def error(self) -> QuantizationError:
        return compare_logits(torch.cat(self._quantized), torch.cat(self._exact))


def _measure_layers(
    stack: Stack,
    path: str,
    exact: Tensor,
    quantized: Tensor,
    source: WeightSource,
    talker: Talker,
    quantize_linears: Callable[[str], None],
) -> tuple[Tensor, Tensor]:
    """Fill, measure and quantize the layers of `stack` one by one; return both sets of rows after the norm."""
    angles = stack.rotary(torch.arange(exact.shape[1])[None])
    for number, module in enumerate(stack.layers):
        layer, prefix = cast(Layer, module), f"{path}.layers.{number}."

        def inside(name: str, prefix: str = prefix) -> bool:
            return name.startswith(prefix) and not name.endswith("norm.weight")

        source.fill(talker, _float_dtypes, wanted=inside)
        layer.requires_grad_(False)
        layer.fuse()
        with upcast(layer):
            exact = layer(number, exact, angles, _attend)
        quantize_linears(prefix.removesuffix("."))
        quantized = layer(number, quantized, angles, _attend)
    return cast(Tensor, stack.norm(exact)), cast(Tensor, stack.norm(quantized))


def _attend(_layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return attend_causally(query, key, value)
