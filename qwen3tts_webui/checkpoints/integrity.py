"""Check that a folder is a complete checkpoint. In: a folder. Out: its parameter counts, or a `CheckpointError`.

Reads names, sizes and safetensors headers, never weights. Needs neither torch nor a hub.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qwen3tts_webui.checkpoints.memory_estimate import ParameterCounts
from qwen3tts_webui.errors import (
    FILE_MISSING,
    NO_FOLDER,
    NO_INDEX,
    NO_OBJECT,
    CheckpointError,
    ErrorDetail,
    invalid_json,
)
from qwen3tts_webui.safetensors_header import TensorEntry, read_safetensors_header

CODEC_FOLDER = "speech_tokenizer"
SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
_TEXT_EMBEDDING = "talker.model.text_embedding.weight"
SMALL_FILES = ("config.json", "vocab.json", "merges.txt", f"{CODEC_FOLDER}/config.json")


def check_checkpoint(folder: Path) -> ParameterCounts:
    """Return the parameter counts of the checkpoint in `folder`.

    Raises CheckpointError naming the file: the folder does not exist, a file is missing, empty, truncated or a Git LFS
    pointer, or a shard is not in the index.
    """
    if not folder.is_dir():
        raise CheckpointError(file=folder, key="", problem=NO_FOLDER)
    for name in SMALL_FILES:
        _check_small_file(folder / name)
    tensors, codec = _tensors(folder), _tensors(folder / CODEC_FOLDER)
    parameters = _num_parameters(tensors)
    text_embedding = tensors[_TEXT_EMBEDDING].num_elements if _TEXT_EMBEDDING in tensors else 0
    return ParameterCounts(
        language_model=parameters - text_embedding,
        text_embedding=text_embedding,
        codec=_num_parameters(codec),
        stored_bytes=round(sum(entry.end - entry.start for entry in tensors.values()) / max(parameters, 1)),
    )


def _check_small_file(file: Path) -> None:
    if not file.is_file():
        raise CheckpointError(file=file, key="", problem=FILE_MISSING)
    if file.suffix == ".json":
        _read_json(file)
    elif not file.stat().st_size:
        raise CheckpointError(file=file, key="", problem=ErrorDetail("file_empty", "the file is empty"))


def _tensors(folder: Path) -> dict[str, TensorEntry]:
    """The tensors in the safetensors files of `folder`, each file exactly as long as its header says."""
    single, index = folder / SINGLE_FILE, folder / INDEX_FILE
    if single.exists() or not index.exists():
        return read_safetensors_header(single)
    weight_map = _read_weight_map(index)
    found: dict[str, TensorEntry] = {}
    for name in sorted(set(weight_map.values())):
        found |= read_safetensors_header(folder / name)
    missing = set(weight_map) - set(found)
    if missing:
        problem = ErrorDetail("not_in_shards", "listed in the index, but in none of its files")
        raise CheckpointError(file=index, key=min(missing), problem=problem)
    return found


def _num_parameters(tensors: Mapping[str, TensorEntry]) -> int:
    return sum(entry.num_elements for entry in tensors.values())


def _read_weight_map(index: Path) -> dict[str, str]:
    """Return the file of each key, as the index has them. Raises CheckpointError."""
    weight_map = _read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(file=index, key="weight_map", problem=NO_INDEX)
    for name in weight_map.values():
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            problem = ErrorDetail("foreign_names", "does not name files in this folder")
            raise CheckpointError(file=index, key="weight_map", problem=problem)
    return weight_map


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(file=file, key="", problem=invalid_json(error)) from error
    if not isinstance(content, dict):
        raise CheckpointError(file=file, key="", problem=NO_OBJECT)
    return content
