"""Is this folder a whole checkpoint? In: a folder. Out: its numbers of parameters, or a `CheckpointError`.

Reads names, sizes and the headers of the safetensors files, never their weights. Knows no torch and no hub.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from qwen3tts_webui.errors import (
    FILE_MISSING,
    NO_FOLDER,
    NO_INDEX,
    NO_OBJECT,
    NO_WEIGHTS,
    CheckpointError,
    ErrorDetail,
    invalid_json,
    wrong_size,
)

CODEC_FOLDER = "speech_tokenizer"
SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
SMALL_FILES = ("config.json", "vocab.json", "merges.txt", f"{CODEC_FOLDER}/config.json")

_LONGEST_HEADER = 100_000_000  # as the safetensors library has it


def check_checkpoint(folder: Path) -> dict[str, int]:
    """The numbers of parameters of "language model" and "codec" in `folder`.

    Raises CheckpointError naming the file: no such folder, a file that is missing, empty, cut off, or only a pointer of
    Git LFS, a shard that the index does not know.
    """
    if not folder.is_dir():
        raise CheckpointError(file=folder, key="", problem=NO_FOLDER)
    for name in SMALL_FILES:
        _check_small(folder / name)
    talker, codec = _tensors(folder), _tensors(folder / CODEC_FOLDER)
    return {"language model": _parameters(talker), "codec": _parameters(codec)}


def names_of_weights(index: Path) -> set[str]:
    """The files that an index names. Raises CheckpointError."""
    content = _json(index)
    places = content.get("weight_map")
    if not isinstance(places, dict) or not places:
        raise CheckpointError(file=index, key="weight_map", problem=NO_INDEX)
    names = set(places.values())
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(
                file=index, key="weight_map", problem=ErrorDetail("strange_names", "does not name files in this folder")
            )
    return names


def _check_small(file: Path) -> None:
    if not file.is_file():
        raise CheckpointError(file=file, key="", problem=FILE_MISSING)
    if file.suffix == ".json":
        _json(file)
    elif not file.stat().st_size:
        raise CheckpointError(file=file, key="", problem=ErrorDetail("file_empty", "the file is empty"))


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(file=file, key="", problem=invalid_json(error)) from error
    if not isinstance(content, dict):
        raise CheckpointError(file=file, key="", problem=NO_OBJECT)
    return content


def _tensors(folder: Path) -> Mapping[str, int]:
    """Elements of each tensor in the safetensors files of `folder`, which must be exactly as long as they say."""
    single, index = folder / SINGLE_FILE, folder / INDEX_FILE
    if single.exists() or not index.exists():
        return _header(single)
    found: dict[str, int] = {}
    for name in sorted(names_of_weights(index)):
        found.update(_header(folder / name))
    missing = set(_json(index)["weight_map"]) - set(found)
    if missing:
        raise CheckpointError(
            file=index,
            key=min(missing),
            problem=ErrorDetail("promised", "promised by the index, but in none of its files"),
        )
    return found


def _header(file: Path) -> dict[str, int]:
    if not file.is_file():
        raise CheckpointError(file=file, key="", problem=FILE_MISSING)
    size = file.stat().st_size
    with file.open("rb") as opened:
        start = opened.read(8)
        if start == b"version ":
            raise CheckpointError(
                file=file, key="", problem=ErrorDetail("lfs", "only a pointer of Git LFS: run `git lfs pull` there")
            )
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_LONGEST_HEADER, size - 8):
            raise CheckpointError(file=file, key="", problem=NO_WEIGHTS)
        try:
            header = json.loads(opened.read(length))
            header.pop("__metadata__", None)
            end = max(entry["data_offsets"][1] for entry in header.values())
            elements = {key: prod(entry["shape"]) for key, entry in header.items()}
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise CheckpointError(file=file, key="", problem=ErrorDetail("header", "its header is damaged")) from error
    if size != 8 + length + end:
        raise CheckpointError(file=file, key="", problem=wrong_size(size, 8 + length + end))
    return elements


def _parameters(tensors: Mapping[str, int]) -> int:
    return sum(tensors.values())
