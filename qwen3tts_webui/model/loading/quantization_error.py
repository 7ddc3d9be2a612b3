"""Exact products of linear layers with weights of a narrower dtype: the reference for quantized ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn


@contextmanager
def upcast(module: nn.Module) -> Iterator[None]:
    """Compute the linear layers inside in the dtype of their input, for weights of any dtype. Slow."""
    linears = [part for part in module.modules() if isinstance(part, nn.Linear)]
    for linear in linears:
        linear.forward = partial(_wide, linear)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for linear in linears:
            del linear.forward


def _wide(linear: nn.Linear, x: Tensor) -> Tensor:
    bias = None if linear.bias is None else linear.bias.to(x.dtype)
    return F.linear(x, linear.weight.to(x.dtype), bias)
