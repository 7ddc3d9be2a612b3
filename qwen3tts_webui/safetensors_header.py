"""Read the header of a safetensors file: names, shapes, dtypes and offsets, without its weights or torch."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from qwen3tts_webui.errors import FILE_MISSING, NO_WEIGHTS, CheckpointError, ErrorDetail, wrong_size

_MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor of a file. `start` and `end` are byte offsets in the file; `dtype` is the format's name ("BF16")."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def num_elements(self) -> int:
        """The product of its shape."""
        return prod(self.shape)


def read_safetensors_header(file: Path) -> dict[str, TensorEntry]:
    """Return the tensors of `file` by key.

    Raises CheckpointError if the file is missing, a Git LFS pointer, damaged, or not exactly as long as its header
    says.
    """
    if not file.is_file():
        raise CheckpointError(file=file, key="", problem=FILE_MISSING)
    size = file.stat().st_size
    with file.open("rb") as opened:
        prefix = opened.read(8)
        if prefix == b"version ":
            problem = ErrorDetail("lfs", "only a Git LFS pointer: run `git lfs pull` in its folder")
            raise CheckpointError(file=file, key="", problem=problem)
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER_BYTES, size - 8):
            raise CheckpointError(file=file, key="", problem=NO_WEIGHTS)
        try:
            header = json.loads(opened.read(length))
            header.pop("__metadata__", None)
            entries = {key: _entry(values, offset=8 + length) for key, values in header.items()}
            end = max(entry.end for entry in entries.values())
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            problem = ErrorDetail("header", "its header is damaged")
            raise CheckpointError(file=file, key="", problem=problem) from error
    if size != end:
        raise CheckpointError(file=file, key="", problem=wrong_size(size, end))
    return entries


def _entry(values: dict[str, object], *, offset: int) -> TensorEntry:
    shape, offsets = values["shape"], values["data_offsets"]
    if not isinstance(shape, list) or not isinstance(offsets, list):
        raise TypeError
    return TensorEntry(str(values["dtype"]), tuple(shape), offset + offsets[0], offset + offsets[1])
