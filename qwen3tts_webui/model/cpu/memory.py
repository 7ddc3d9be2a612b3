"""Host memory while a model is loaded: return freed pages to the system, allocate zeros lazily.

glibc keeps freed blocks of a few megabytes; while every weight is repacked, that would add up to a third of the model.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Sequence
from contextlib import suppress
from math import prod

import torch

_SMALL = 1 << 20  # bytes; smaller tensors are not worth their own pages


def trim_host_memory() -> None:
    """Return freed memory to the system, if the C library supports it."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only; musl does not need it
        if trim is not None:
            trim(0)


def lazy_zeros(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Zeros that take memory only once they are written to, unlike torch's own.

    They use small pages: with huge ones, a single row of a table could cost 2 MiB.
    """
    if device.type != "cpu":
        return torch.zeros(tuple(shape), dtype=dtype, device=device)
    size = prod(shape) * dtype.itemsize
    if size < _SMALL:
        return torch.zeros(tuple(shape), dtype=dtype)
    pages = mmap.mmap(-1, size)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with suppress(OSError):  # a kernel without huge pages
            pages.madvise(mmap.MADV_NOHUGEPAGE)
    return torch.frombuffer(pages, dtype=dtype).view(tuple(shape))
