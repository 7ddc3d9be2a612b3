"""Compiling with numba for the processor at hand, and calling what was compiled on as many threads as torch has.

Where numba is missing, `available` says so, and everything is left to torch. Knows no arithmetic.
"""

from __future__ import annotations

import functools
import logging
import threading
from typing import Any, cast

import torch

_ONE_CALL = threading.Lock()  # numba's simplest pool of threads ends the process when two callers meet in it

log = logging.getLogger(__name__)


@functools.cache
def available() -> bool:
    """Whether numba is here; if not, the log says what that costs."""
    try:
        import numba  # takes half a second to import: only where it is used
    except ImportError as error:
        log.warning("steps are not compiled, torch computes them more slowly: %s", error)
        return False
    # OpenMP first: on Linux it is torch's own pool of threads, so that no other one waits beside it for the same cores
    numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]  # type: ignore[attr-defined]
    return True


def compiled(math: set[str]) -> Any:
    """A decorator: compile at the first call, and keep the result on disk where some folder can be written to.

    `math` names what LLVM may assume of floats ("reassoc", "contract", ...).
    """
    from numba import njit

    def compile_it(function: Any) -> Any:
        try:
            return njit(function, cache=True, parallel=True, nogil=True, fastmath=math)
        except RuntimeError:  # no such folder
            return njit(function, parallel=True, nogil=True, fastmath=math)

    return compile_it


def call(kernel: Any, *args: Any) -> None:
    """Call a compiled `kernel` with `args` and, last, into how many parts it shall cut its work."""
    import numba

    threads = min(torch.get_num_threads(), cast(Any, numba.config).NUMBA_NUM_THREADS)
    with _ONE_CALL:
        numba.set_num_threads(threads)
        kernel(*args, threads)
