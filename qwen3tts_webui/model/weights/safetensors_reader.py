"""Find the tensors in the safetensors files of a folder.

A folder has either `model.safetensors`, or `model.safetensors.index.json` and its shards. Tensors are read with plain
file reads: a memory map would count a second time in the memory of the process. Pickle files (`.bin`, `.pt`) are never
opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from qwen3tts_webui.errors import (
    FILE_MISSING,
    NO_FOLDER,
    NO_INDEX,
    NO_WEIGHTS,
    CheckpointError,
    ErrorDetail,
    invalid_json,
)
from qwen3tts_webui.safetensors_header import read_safetensors_header

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"

_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor on disk: `offset` in bytes from the start of `file`; `dtype` is None unless it is a float dtype."""

    file: Path
    key: str
    offset: int
    shape: tuple[int, ...]
    dtype: torch.dtype | None
    dtype_name: str

    @property
    def num_elements(self) -> int:
        """The product of its shape."""
        return prod(self.shape)

    def chunks(self, staging: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield (index of the first element, values) in chunks, through `staging` (one-dimensional, of this dtype).

        Each chunk is a view of `staging`, overwritten by the next one. Raises CheckpointError if the file ends early.
        """
        with self.file.open("rb", buffering=0) as file:
            file.seek(self.offset)
            for start in range(0, self.num_elements, staging.numel()):
                part = staging[: self.num_elements - start]
                unread = memoryview(part.view(torch.uint8).numpy().data)
                while unread:
                    count = file.readinto(unread)
                    if not count:
                        raise CheckpointError(
                            file=self.file,
                            key=self.key,
                            problem=ErrorDetail("ends_early", "the file ends inside this tensor"),
                        )
                    unread = unread[count:]
                yield start, part


def read_shards(folder: Path) -> dict[str, StoredTensor]:
    """Return every tensor of the checkpoint in `folder` by its released key. Only headers are read.

    Raises CheckpointError: no such folder, no safetensors file in it, a truncated or foreign file, a corrupt index, a
    missing shard, a key that is missing from its shard or from the index.
    """
    if not folder.is_dir():
        raise CheckpointError(file=folder, key="", problem=NO_FOLDER)
    if (folder / SINGLE_FILE).exists():
        return _read_header(folder / SINGLE_FILE)
    index = folder / INDEX_FILE
    if not index.exists():
        raise CheckpointError(
            file=folder,
            key="",
            problem=ErrorDetail(
                "neither",
                "neither {single} nor {index} is here (pickle files are never read)",
                single=SINGLE_FILE,
                index=INDEX_FILE,
            ),
        )
    files = _read_index(index)
    tensors: dict[str, StoredTensor] = {}
    for name in sorted(set(files.values())):
        if not (folder / name).is_file():
            raise CheckpointError(file=folder / name, key="", problem=FILE_MISSING)
        for key, tensor in _read_header(folder / name).items():
            if files.get(key) != name:
                raise CheckpointError(file=folder / name, key=key, problem=f"{INDEX_FILE} names another file for it")
            tensors[key] = tensor
    for key, name in files.items():
        if key not in tensors:
            raise CheckpointError(
                file=folder / name, key=key, problem=f"listed in {INDEX_FILE}, but missing from the file"
            )
    return tensors


def _read_index(index: Path) -> dict[str, str]:
    """`weight_map` of an index: released key to file name."""
    try:
        content = json.loads(index.read_bytes())
    except ValueError as error:
        raise CheckpointError(file=index, key="", problem=invalid_json(error)) from error
    files = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(files, dict) or not files:
        raise CheckpointError(file=index, key="weight_map", problem=NO_INDEX)
    for key, name in files.items():
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(file=index, key=key, problem="does not name a .safetensors file in this folder")
    return files


def _read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one file. The safetensors library checks sizes, overlaps and dtypes first."""
    try:
        with safe_open(path, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise CheckpointError(file=path, key="", problem=NO_WEIGHTS) from error
    return {
        key: StoredTensor(path, key, entry.start, entry.shape, _DTYPES.get(entry.dtype), entry.dtype)
        for key, entry in read_safetensors_header(path).items()
    }
