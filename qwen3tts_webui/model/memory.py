"""Host memory while a model is being laid out: freed pages go back to the system, fresh ones take nothing yet.

glibc keeps freed blocks of a few megabytes for later; while every weight is laid out anew, that would add up to a
third of the model. Knows no module.
"""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import torch

_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32}


def give_back() -> None:
    """Return what was freed to the system, where the C library can be asked to."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl has none and needs none
        if trim is not None:
            trim(0)


def untouched_zeros(shape: tuple[int, int], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Zeros that take memory only where something is written: torch's own are written at once."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    return torch.from_numpy(np.zeros(shape, _BITS[dtype.itemsize])).view(dtype)
