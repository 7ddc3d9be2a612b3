"""Linear layers with weights packed for oneDNN on a CPU; they replace the `nn.Linear`s of a module.

There are three kinds. "float32" and "bfloat16" are exact: the weights are packed once (torch's own bf16 linear packs
them on every call). "int8" quantizes weights with one scale per output and activations with one scale per row, so that
the result of a row does not depend on the rest of the batch. Kinds that this machine or this torch does not support
stay an `nn.Linear`, with a warning. `compare_logits` measures the quantization error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from qwen3tts_webui.model.cpu.memory import trim_host_memory

LinearKind = Literal["float32", "bfloat16", "int8"]

_LARGEST = 127  # symmetric: -128 is not used
_ZERO_POINT = 128

logger = logging.getLogger(__name__)


class PackedLinear(nn.Module):
    """x·Wᵀ + b by oneDNN in the dtype of the weights, (..., in) -> (..., out)."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features = linear.in_features
        self.out_features = linear.out_features
        self._bias = None if linear.bias is None else linear.bias.detach()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return y


class Int8Linear(nn.Module):
    """x·Wᵀ + b with 8-bit weights and activations, (..., in) -> (..., out) in the dtype of x.

    NaN or Inf in a row makes that row of the result NaN. Activations are passed to oneDNN as unsigned bytes around
    128: for signed ones it has no fast kernel without AMX.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        rounded, scale = quantize_rows(linear.weight.detach())
        self._set(rounded, scale.flatten(), None if linear.bias is None else linear.bias.detach().float())

    @classmethod
    def of_rounded(cls, rounded: torch.Tensor, scales: torch.Tensor) -> Int8Linear:
        """Create one from quantized weights (out, in) int8 and their scales (out,) float32."""
        made = cls.__new__(cls)
        nn.Module.__init__(made)
        made._set(rounded, scales, None)
        return made

    def _set(self, rounded: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None) -> None:
        self.out_features, self.in_features = rounded.shape
        self._bias = bias
        self._scale = scales
        self._zero_point = torch.zeros(self.out_features, dtype=torch.int64)
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, scale = quantize_rows(x.reshape(-1, self.in_features))
        unsigned = rows.view(torch.uint8).bitwise_xor_(_ZERO_POINT)  # plus 128
        y: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            unsigned,
            1.0,
            _ZERO_POINT,
            self._weight,
            self._scale,
            self._zero_point,
            None,
            1.0,
            0,
            torch.float32,
            "none",
            [],
            "",
        )
        y = y.mul_(scale) if self._bias is None else torch.addcmul(self._bias, y, scale)
        return y.to(x.dtype).view(*x.shape[:-1], self.out_features)


def quantize_rows(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(rows, features) float -> int8 of the same shape, and a scale per row, (rows, 1) float32: x ≈ int8 * scale."""
    x = x.float()
    # not vector_norm: with ord=inf it takes five times as long for the rows of a prompt
    scale = x.abs().amax(dim=1, keepdim=True).mul_(1.0 / _LARGEST).clamp_(min=1e-30)
    return (x / scale).round_().to(torch.int8), scale


def replace_linears(
    module: nn.Module, kind: LinearKind, *, wanted: Callable[[str, nn.Linear], bool] = lambda _name, _linear: True
) -> int:
    """Replace the `nn.Linear`s inside `module` in place, and return their number.

    `wanted` selects them by dotted name. The weights of a replaced layer are freed immediately. 0 means that `kind` is
    not supported here or that the weights are not on a CPU; the module is then unchanged.
    """
    make = _constructor_of(kind)
    if make is None:
        return 0
    count = 0
    for name, child in list(module.named_modules()):
        if isinstance(child, nn.Linear) and name and child.weight.device.type == "cpu" and wanted(name, child):
            path, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(path), leaf, make(child))
            del child.weight
            trim_host_memory()
            count += 1
    return count


def memory_bytes(*modules: nn.Module) -> int:
    """Memory of the weights and buffers of `modules` in bytes, packed weights included.

    Shared tensors count once, memory-mapped ones not at all.
    """
    parts = [part for module in modules for part in module.modules()]
    plain = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    held = [tensor for tensor in plain if not getattr(tensor, "is_mapped", False)]
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in held}
    packed = {id(part): int(part._weight.nbytes) for part in parts if isinstance(part, PackedLinear | Int8Linear)}
    return sum(storages.values()) + sum(packed.values())


def supports_linear(kind: LinearKind, *, level: int = logging.WARNING) -> bool:
    """Whether this machine and this torch compute `kind` correctly, tested on a small product with extreme values.

    `level`: log level of the message if they do not.
    """
    return _constructor_of(kind, level) is not None


def _constructor_of(kind: LinearKind, level: int = logging.WARNING) -> Callable[[nn.Linear], nn.Module] | None:
    probe = nn.Linear(64, 32, bias=False)
    probe.weight.requires_grad_(False).fill_(1.0)
    if kind == "bfloat16":
        probe = probe.bfloat16()
    make: Callable[[nn.Linear], nn.Module] = Int8Linear if kind == "int8" else PackedLinear
    try:
        # detects saturating instructions of older CPUs: two products of 127 * 127 do not fit 16 bits
        y = make(probe)(torch.tensor([[1.0], [-1.0]]).to(probe.weight.dtype).expand(2, 64))
        correct = bool((y.float() - torch.tensor([[64.0], [-64.0]])).abs().max() < 0.5)
    except (RuntimeError, AttributeError, NotImplementedError) as error:
        logger.log(level, "%s linear layers are not supported by this torch, plain ones are used (%s)", kind, error)
        return None
    if not correct:
        logger.log(level, "%s linear layers give wrong results on this processor, plain ones are used", kind)
        return None
    return make


@dataclass(frozen=True, slots=True)
class QuantizationError:
    """Difference of two computations of the same logits.

    `argmax_agreement`: share of rows with the same largest logit; `error`: RMS of the difference, relative to the
    RMS of the centered reference; `rows`: number of compared rows.
    """

    argmax_agreement: float
    error: float
    rows: int


def compare_logits(logits: torch.Tensor, reference: torch.Tensor) -> QuantizationError:
    """Compare logits (rows, codes) with `reference`; a constant offset per row is ignored, as softmax does."""
    centered = logits.float() - logits.float().mean(dim=1, keepdim=True)
    expected = reference.float() - reference.float().mean(dim=1, keepdim=True)
    difference = (centered - expected).square().mean().sqrt()
    return QuantizationError(
        argmax_agreement=float((logits.argmax(1) == reference.argmax(1)).float().mean()),
        error=float(difference / expected.square().mean().sqrt()),
        rows=logits.shape[0],
    )
