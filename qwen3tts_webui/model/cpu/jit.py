"""Compiling with numba for the processor at hand, and calling what was compiled on as many threads as torch has.

Where numba is missing, `numba_available` says so, and everything is left to torch. Knows no arithmetic.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import re
import threading
from pathlib import Path
from typing import Any, cast

import platformdirs
import torch

_CALL_LOCK = threading.Lock()  # numba's simplest pool of threads ends the process when two callers meet in it

_KERNEL_IMPORT = re.compile(rb"^(from|import) numba\b", re.MULTILINE)

log = logging.getLogger(__name__)


@functools.cache
def numba_available() -> bool:
    """Whether numba is here; if not, the log says what that costs."""
    try:
        import numba  # takes half a second to import: only where it is used
    except ImportError as error:
        log.warning("steps are not compiled, torch computes them more slowly: %s", error)
        return False
    # OpenMP first: on Linux it is torch's own pool of threads, so that no other one waits beside it for the same cores
    numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]  # type: ignore[attr-defined]
    return True


@functools.cache
def _features() -> frozenset[str]:
    from numba.core.registry import cpu_target

    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return frozenset(name[1:] for name in features.split(",") if name.startswith("+"))


def has_features(*names: str) -> bool:
    """Whether numba compiles for a processor with all of these features, in LLVM's names."""
    return _features().issuperset(names)


def compile_kernel(math: set[str]) -> Any:
    """A decorator: compile at the first call, and keep the result on disk where some folder can be written to.

    `math` names what LLVM may assume of floats ("reassoc", "contract", ...).
    """
    from numba import njit

    def compile_it(function: Any) -> Any:
        kernel = njit(function, parallel=True, nogil=True, fastmath=math)
        try:
            kernel._cache = _cache_for(function)
        except (ImportError, AttributeError, TypeError, RuntimeError, OSError) as error:
            log.debug("compiled code of %s is not kept on disk: %s", function.__name__, error)
        return kernel

    return compile_it


@functools.cache
def kernels_digest() -> str:
    """A digest of the sources that compiled code depends on: every module in this folder that imports numba at once."""
    sources = (path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))
    return hashlib.sha256(b"\0".join(source for source in sources if _KERNEL_IMPORT.search(source))).hexdigest()


def _cache_for(function: Any) -> Any:
    """numba's cache on disk, in the user's cache folder and keyed by what the sources say.

    numba itself looks at the time of one file: it compiles again after every update of the program, and does not notice
    a change in a module that the kernel imports.
    """
    from numba.core import caching

    folder = platformdirs.user_cache_path("qwen3tts-webui", appauthor=False) / "kernels"
    folder.mkdir(parents=True, exist_ok=True)
    untyped: Any = caching

    class Locator(untyped._CacheLocator):  # type: ignore[misc]
        def ensure_cache_path(self) -> None:
            folder.mkdir(parents=True, exist_ok=True)

        def get_cache_path(self) -> str:
            return str(folder)

        def get_source_stamp(self) -> str:
            return kernels_digest()

        def get_disambiguator(self) -> str:
            return "0"

        @classmethod
        def from_function(cls, _function: Any, _file: str) -> Any:
            return cls()

    class Implementation(untyped.FunctionCache._impl_class):  # type: ignore[misc]
        _locator_classes = (Locator,)

    class Cache(untyped.FunctionCache):  # type: ignore[misc]
        _impl_class = Implementation

    return Cache(function)


def call_kernel(kernel: Any, *args: Any) -> None:
    """Call a compiled `kernel` with `args` and, last, into how many parts it shall cut its work."""
    import numba

    threads = min(torch.get_num_threads(), cast(Any, numba.config).NUMBA_NUM_THREADS)
    with _CALL_LOCK:
        numba.set_num_threads(threads)
        kernel(*args, threads)
