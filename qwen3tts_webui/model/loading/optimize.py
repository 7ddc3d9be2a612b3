"""Dtypes of the talker's weights, and the layout of its linear layers for the device."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import cast, get_args

import torch

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.model.cpu.compiled_stack import CompiledStack, sample_compiled, use_row_major_linears
from qwen3tts_webui.model.cpu.integer_weights import IntegerKind
from qwen3tts_webui.model.cpu.jit import numba_available
from qwen3tts_webui.model.cpu.packed_linear import LinearKind, replace_linears
from qwen3tts_webui.model.cuda.startup_check import fuse_steps
from qwen3tts_webui.model.loading.quantize import WeightSource, quantize
from qwen3tts_webui.model.talker.talker import Talker

log = logging.getLogger(__name__)

INTEGER_KINDS: tuple[IntegerKind, ...] = get_args(IntegerKind)


def weight_dtypes(
    dtype: str, torch_dtype: torch.dtype, device: torch.device
) -> Callable[[str, torch.dtype], torch.dtype]:
    """Return a function from a weight's name and its dtype in the file to its dtype in memory.

    It is `torch_dtype`, but float32 for norms. Quantized matrices of layers are int8, and embeddings keep their stored
    dtype. On a CPU, bfloat16 matrices stay bfloat16 under float32, too: converting them would only add zeros, and they
    are read in half the time.
    """
    integer = dtype in INTEGER_KINDS
    keeps = device.type == "cpu" and torch_dtype == torch.float32 and numba_available()

    def dtype_of(name: str, stored: torch.dtype) -> torch.dtype:
        if name.endswith("norm.weight"):
            return torch.float32
        if "embedding" in name:
            return torch.bfloat16 if integer or (keeps and stored == torch.bfloat16) else torch_dtype
        if ".layers." not in name:
            return torch_dtype
        return torch.int8 if integer else torch.bfloat16 if keeps and stored == torch.bfloat16 else torch_dtype

    return dtype_of


def optimize_for_device(talker: Talker, dtype: str) -> str:
    """Fold and fuse the weights, use the device's kernels, and return the dtype that the talker computes in.

    Integer dtypes are quantized during loading instead: `quantize_for_cpu`.
    """
    device = talker.codec_head.weight.device
    talker.finalize_weights(fold_text=device.type != "cpu")
    kind = str(talker.text_table.dtype).removeprefix("torch.")
    if device.type == "cuda":
        fuse_steps(talker)
    if device.type == "cpu" and kind in ("float32", "bfloat16"):
        if numba_available():
            use_row_major_linears(talker)
            compile_steps(talker)
        else:
            replace_linears(talker, cast(LinearKind, kind))
    return kind


def quantize_for_cpu(talker: Talker, source: WeightSource, kind: IntegerKind) -> str:
    """Fill `talker`, which is on the meta device, with quantized weights for a CPU; return `kind`.

    The quantization error is measured on the way, logged and stored in `talker.quantization_error`. Raises InvalidValue
    if numba is not installed.
    """
    if not numba_available():
        raise InvalidValue(field="dtype", expected="a float type where numba is not installed", got=kind)
    quantize(talker, source, kind)
    compile_steps(talker)
    assert talker.quantization_error is not None
    log.info(
        "%s: %.1f %% of the greedy codes equal those of the exact weights, the relative error of the logits is %.2f %%",
        kind,
        100 * talker.quantization_error.argmax_agreement,
        100 * talker.quantization_error.error,
    )
    return kind


def compile_steps(talker: Talker) -> None:
    """Use one compiled call for a step of each stack and for sampling."""
    for stack in (talker.model, talker.code_predictor.model):
        stack.steps = CompiledStack(stack)
    talker.fused_sampler = sample_compiled
