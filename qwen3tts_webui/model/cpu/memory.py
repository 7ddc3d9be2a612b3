"""Host memory while a model is being laid out: freed pages go back to the system, fresh ones take nothing yet.

glibc keeps freed blocks of a few megabytes for later; while every weight is laid out anew, that would add up to a
third of the model. Knows no module.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Sequence
from contextlib import suppress
from math import prod

import torch

_SMALL = 1 << 20  # bytes: below, a table of its own pages is not worth it


def trim_host_memory() -> None:
    """Return what was freed to the system, where the C library can be asked to."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl has none and needs none
        if trim is not None:
            trim(0)


def lazy_zeros(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Zeros that take memory only where something is written: torch's own are written at once.

    In small pages: in huge ones a row of a table could cost 2 MiB.
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
