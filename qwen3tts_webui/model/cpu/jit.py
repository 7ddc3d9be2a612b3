"""Compile kernels with numba for this processor, and call them on as many threads as torch uses.

Without numba (`numba_available`), torch computes everything.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import re
import threading
from pathlib import Path
from typing import Any, cast

import torch

from qwen3tts_webui.user_folders import cache_folder

_CALL_LOCK = threading.Lock()  # numba's workqueue pool aborts the process on concurrent calls

_KERNEL_IMPORT = re.compile(rb"^(from|import) numba\b", re.MULTILINE)

log = logging.getLogger(__name__)


@functools.cache
def numba_available() -> bool:
    """Whether numba is installed; a warning is logged if not."""
    try:
        import numba  # lazy: the import takes half a second
    except ImportError as error:
        log.warning("decode steps are not compiled and run slower: %s", error)
        return False
    # OpenMP first: on Linux it is torch's own thread pool, so that no second pool competes for the same cores
    numba.config.THREADING_LAYER_PRIORITY = ["omp", "tbb", "workqueue"]  # type: ignore[attr-defined]
    return True


@functools.cache
def _features() -> frozenset[str]:
    from numba.core.registry import cpu_target

    _, _, features = cpu_target.target_context.codegen().magic_tuple()
    return frozenset(name[1:] for name in features.split(",") if name.startswith("+"))


def has_features(*names: str) -> bool:
    """Whether this processor has all of these features, by LLVM's names."""
    return _features().issuperset(names)


def compile_kernel(math: set[str]) -> Any:
    """A decorator that compiles at the first call and caches the result on disk if possible.

    `math`: LLVM's fast-math flags ("reassoc", "contract", ...).
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
    """A digest of the sources that compiled code depends on: every module here that imports numba at the top level."""
    sources = (path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py")))
    return hashlib.sha256(b"\0".join(source for source in sources if _KERNEL_IMPORT.search(source))).hexdigest()


def _cache_for(function: Any) -> Any:
    """numba's disk cache, in the user's cache folder and keyed by the content of the sources.

    By default numba keys it by the modification time of one file: it recompiles after every update of the program and
    does not notice a change in a module that the kernel imports.
    """
    from numba.core import caching

    folder = cache_folder("kernels")
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
    """Call a compiled `kernel` with `args` and the number of blocks for its threads."""
    import numba

    threads = min(torch.get_num_threads(), cast(Any, numba.config).NUMBA_NUM_THREADS)
    with _CALL_LOCK:
        numba.set_num_threads(threads)
        kernel(*args, threads)
