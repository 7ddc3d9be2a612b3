"""Load safetensors into a module that is built on the meta device.

The module is built without memory (accelerate's `init_empty_weights`), then filled tensor by tensor, directly on its
device and in its dtype, through one small staging buffer: peak memory is the weights themselves. Missing and unexpected
keys are errors.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from accelerate import init_empty_weights  # type: ignore[import-untyped]
from torch import nn

from qwen3tts_webui.errors import CheckpointError, ErrorDetail
from qwen3tts_webui.model.weights.safetensors_reader import StoredTensor, read_shards

_STAGING_BYTES = 4 << 20
_CPU = torch.device("cpu")

LOADING_LOCK = threading.RLock()
"""Hold it while building and filling modules: `init_empty_weights` also drops the memory of parameters that other
threads register.
"""

Module = TypeVar("Module", bound=nn.Module)
DtypeOf = Callable[[str, torch.dtype], torch.dtype]
"""(name in the module, dtype in the file) -> dtype in memory; e.g. float32 norms with half-precision linears"""


def same_name(name: str) -> str:
    """The key of a module with the released names."""
    return name


def load_weights(
    build: Callable[[], Module],
    folder: Path,
    *,
    device: torch.device,
    dtype: torch.dtype | DtypeOf,
    key_of: Callable[[str], str] = same_name,
    unused: Sequence[str] = (),
) -> Module:
    """Build a module and fill it from the safetensors files in `folder`; return it in eval mode, without gradients.

    `key_of` maps a name in the module's `state_dict` to its released key. Released keys that begin with one of `unused`
    are known and not needed: they are not read. Buffers outside the `state_dict` keep
    the values that `build` gave them and move to `device`.

    Raises CheckpointError as `read_shards` does, and for a missing, unexpected, wrongly shaped or non-float
    tensor.
    """
    with LOADING_LOCK:
        module, weights = open_weights(build, folder, key_of=key_of, unused=unused)
        weights.fill(module, dtype, device=device)
        return module.to(device).eval().requires_grad_(False)


def open_weights(
    build: Callable[[], Module],
    folder: Path,
    *,
    key_of: Callable[[str], str] = same_name,
    unused: Sequence[str] = (),
) -> tuple[Module, CheckpointWeights]:
    """Build a module without memory and find its weights; parameters and errors as in `load_weights`."""
    with LOADING_LOCK, init_empty_weights():
        module = build()
    stored = {key: tensor for key, tensor in read_shards(folder).items() if not key.startswith(tuple(unused))}
    return module, CheckpointWeights(folder, _match(module.state_dict(), stored, key_of, folder))


class CheckpointWeights:
    """The weights of one module in a checkpoint folder, read on request."""

    def __init__(self, folder: Path, sources: dict[str, StoredTensor]) -> None:
        self.folder = folder
        self._sources = sources

    def fill(
        self,
        module: nn.Module,
        dtype: torch.dtype | DtypeOf,
        *,
        device: torch.device = _CPU,
        wanted: Callable[[str], bool] = lambda _name: True,
    ) -> None:
        """Read every weight of `module` with a `wanted` name to its device and dtype."""
        type_of: DtypeOf = dtype if callable(dtype) else lambda _name, _stored: dtype
        staging = torch.empty(_STAGING_BYTES, dtype=torch.uint8, pin_memory=device.type == "cuda")
        for name, source in self._sources.items():
            if wanted(name):
                assert source.dtype is not None
                put_weight(module, name, _read(source, staging, device, type_of(name, source.dtype)))

    def mapped(self, name: str) -> torch.Tensor:
        """A memory-mapped weight in the dtype of the file; pages that were not read take no memory.

        Writing to it does not change the file.
        """
        source = self._sources[name]
        assert source.dtype is not None
        bits = {2: np.uint16, 4: np.uint32, 8: np.uint64}[source.dtype.itemsize]
        pages = np.memmap(source.file, bits, mode="c", offset=source.offset, shape=source.shape)
        return torch.from_numpy(pages).view(source.dtype)

    def fingerprint(self) -> str:
        """A digest of the names, sizes, times and headers of the checkpoint's files."""
        files = sorted({source.file for source in self._sources.values()})
        digest = hashlib.sha256()
        for file in files:
            stat = file.stat()
            digest.update(f"{file.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
        for name, source in sorted(self._sources.items()):
            digest.update(f"{name}\0{source.file.name}\0{source.offset}\0{source.shape}\0{source.dtype}\n".encode())
        return digest.hexdigest()


def map_weight(module: nn.Module, name: str, value: torch.Tensor) -> None:
    """Set a weight that is mapped from a file; `memory_bytes` does not count it."""
    put_weight(module, name, value)
    module.get_parameter(name).is_mapped = True  # type: ignore[attr-defined]


def _match(
    wanted: Mapping[str, torch.Tensor], stored: Mapping[str, StoredTensor], key_of: Callable[[str], str], folder: Path
) -> dict[str, StoredTensor]:
    """Pair every name of the module with its tensor on disk, in file order. Raises CheckpointError for leftovers."""
    names = {key_of(name): name for name in wanted}
    sources: dict[str, StoredTensor] = {}
    for key, tensor in stored.items():
        if key not in names:
            raise CheckpointError(
                file=tensor.file, key=key, problem=ErrorDetail("no_place", "this model has no place for the tensor")
            )
        expected = tuple(wanted[names[key]].shape)
        if tensor.shape != expected:
            problem = ErrorDetail(
                "shape", "the shape is {found}, the config asks for {wanted}", found=[*tensor.shape], wanted=[*expected]
            )
            raise CheckpointError(file=tensor.file, key=key, problem=problem)
        if tensor.dtype is None:
            problem = ErrorDetail("dtype", "the type is {found}, a float type is needed", found=tensor.dtype_name)
            raise CheckpointError(file=tensor.file, key=key, problem=problem)
        sources[names[key]] = tensor
    missing = [key for key in names if key not in stored]
    if missing:
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise CheckpointError(file=folder, key=missing[0], problem=f"the tensor is missing{others}")
    return sources


def _read(source: StoredTensor, staging: torch.Tensor, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """A new tensor on `device`, converted chunk by chunk."""
    assert source.dtype is not None
    target = torch.empty(source.shape, dtype=dtype, device=device)
    flat = target.view(-1)
    for start, values in source.chunks(staging.view(source.dtype)):
        flat[start : start + values.numel()].copy_(values)
    return target


def put_weight(module: nn.Module, name: str, value: torch.Tensor) -> None:
    """Replace the parameter or buffer `name`, whatever its device and dtype were."""
    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    if leaf in owner._buffers:
        owner._buffers[leaf] = value
    else:
        owner._parameters[leaf] = nn.Parameter(value, requires_grad=False)
