"""Snake on a CPU, compiled: one pass where torch takes four, written straight to where it is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from qwen3tts_webui.model.cpu.jit import compile_kernel

# pi in two parts, the first short enough to be multiplied without rounding; sin² repeats itself after pi
_PI_HIGH, _PI_LOW = np.float32(3.140625), np.float32(9.6765358979e-4)
_PER_PI = np.float32(1.0 / np.pi)
# sin²(r) / r² as a polynomial of r², for |r| up to pi/2: fitted in float64 at Chebyshev points, 2.6e-7 off in float32
_SINE_SQUARED = tuple(
    np.float32(c) for c in (1.0, -0.33333334, 0.04444442, -0.0031745434, 1.4102385e-4, -4.233691e-6, 8.133693e-8)
)


@compile_kernel({"contract"})  # no "reassoc": it would undo the two parts of pi
def run_snake(x: Any, frequency: Any, gain: Any, out: Any, skip: Any, blocks: Any) -> None:
    """out[:, skip:] = x + sin²(frequency * x) * gain; x (batch, time, channels), out (batch, skip + time, channels)."""
    batch, time, channels = x.shape
    rows = batch * time
    for block in prange(blocks):
        for row in range(block * rows // blocks, (block + 1) * rows // blocks):
            one, at = row // time, row % time
            for c in range(channels):
                value = x[one, at, c]
                angle = value * frequency[c]
                turns = np.rint(angle * _PER_PI)
                rest = (angle - turns * _PI_HIGH) - turns * _PI_LOW
                z = rest * rest
                wave = _SINE_SQUARED[6]
                for power in range(5, -1, -1):
                    wave = wave * z + _SINE_SQUARED[power]
                out[one, skip + at, c] = value + wave * z * gain[c]
