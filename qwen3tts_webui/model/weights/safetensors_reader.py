"""The safetensors files of a folder: in goes the folder, out comes where each tensor lies. Knows no module.

A folder holds either one `model.safetensors` or `model.safetensors.index.json` with the shards it names. Tensors are
read with plain file reads, not through a memory map: a map would count a second time in the memory of the process.
Pickle files (`.bin`, `.pt`) are never opened.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

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

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"

_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor on disk: `offset` counts bytes from the start of `file`; `dtype` is None if it is not a float type."""

    file: Path
    key: str
    offset: int
    shape: tuple[int, ...]
    dtype: torch.dtype | None
    dtype_name: str

    @property
    def num_elements(self) -> int:
        return prod(self.shape)

    def chunks(self, staging: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
        """Read the tensor in order through `staging` (one-dimensional, of this dtype): (first element, its values).

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
    """Every tensor of the checkpoint in `folder`, by its released key; nothing but the headers is read.

    Raises CheckpointError: no such folder, no safetensors file in it, a truncated or foreign file, a corrupt index, a
    shard that is absent, a key that its shard does not hold or that the index does not know.
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
    places = _read_index(index)
    tensors: dict[str, StoredTensor] = {}
    for name in sorted(set(places.values())):
        if not (folder / name).is_file():
            raise CheckpointError(file=folder / name, key="", problem=FILE_MISSING)
        for key, tensor in _read_header(folder / name).items():
            if places.get(key) != name:
                raise CheckpointError(file=folder / name, key=key, problem=f"not at this place in {INDEX_FILE}")
            tensors[key] = tensor
    for key, name in places.items():
        if key not in tensors:
            raise CheckpointError(file=folder / name, key=key, problem=f"promised by {INDEX_FILE}, but not in the file")
    return tensors


def _read_index(index: Path) -> dict[str, str]:
    """`weight_map` of an index: released key to file name."""
    try:
        content = json.loads(index.read_bytes())
    except ValueError as error:
        raise CheckpointError(file=index, key="", problem=invalid_json(error)) from error
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places:
        raise CheckpointError(file=index, key="weight_map", problem=NO_INDEX)
    for key, name in places.items():
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(file=index, key=key, problem="does not name a .safetensors file in this folder")
    return places


def _read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one file. The library checks sizes, overlaps and types; we take the offsets it does not tell."""
    try:
        with safe_open(path, framework="pt"):
            pass
    except (SafetensorError, OSError) as error:
        raise CheckpointError(file=path, key="", problem=NO_WEIGHTS) from error
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header: dict[str, dict[str, Any]] = json.loads(file.read(length))
    header.pop("__metadata__", None)
    start = 8 + length
    return {
        key: StoredTensor(
            file=path,
            key=key,
            offset=start + entry["data_offsets"][0],
            shape=tuple(entry["shape"]),
            dtype=_DTYPES.get(entry["dtype"]),
            dtype_name=entry["dtype"],
        )
        for key, entry in header.items()
    }
