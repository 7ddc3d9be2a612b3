"""Disk cache of quantized weights, so that a second start neither reads nor quantizes the originals.

One file per checkpoint and kind, in the user's cache folder: a magic number, the length of a JSON header, the header,
and tensors at multiples of 64 bytes, each with a CRC-32. Writes are atomic; unreadable and damaged files are ignored.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qwen3tts_webui.atomic_files import AtomicFile, remove_stale_temp_files
from qwen3tts_webui.model.cpu.integer_weights import IntegerKind, TiledWeight
from qwen3tts_webui.model.cpu.packed_linear import QuantizationError
from qwen3tts_webui.user_folders import cache_folder

_MAGIC = b"QWTILED\x01"
_LAYOUT_VERSION = 1  # increase when quantization or layout changes
_ALIGNMENT = 64
_MAX_CACHE_BYTES = 12 << 30  # of all files; the least recently used are removed first
_MIN_CACHED_BYTES = 32 << 20  # smaller models are quantized faster than read
_READERS = 4

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class PackedWeights:
    """`weights` and `biases` by the path of their layer; `code_table`: None if the talker's table is used."""

    weights: dict[str, TiledWeight]
    biases: dict[str, Tensor]
    code_table: Tensor | None
    error: QuantizationError


@dataclass(frozen=True, slots=True)
class PackedCache:
    """One file of the cache; `path` is None if the weights are not cached."""

    path: Path | None

    @classmethod
    def for_source(cls, fingerprint: str, kind: IntegerKind) -> PackedCache:
        """Locate the file for the checkpoint with this `fingerprint`; "" disables the cache."""
        if not fingerprint:
            return cls(None)
        key = hashlib.sha256(f"{_LAYOUT_VERSION} {kind} {fingerprint}".encode()).hexdigest()
        return cls(cache_folder("packed") / f"{key[:32]}.tiles")

    def read(self) -> PackedWeights | None:
        """Return the cached weights, or None if there are no valid ones."""
        if self.path is None or not self.path.exists():
            return None
        try:
            packed = _read(self.path)
            os.utime(self.path)
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            log.warning("packed weights in %s are not usable and are created again: %s", self.path, error)
            return None
        log.info("packed weights read from %s", self.path)
        return packed

    def write(self, packed: PackedWeights) -> None:
        """Store `packed` if it is large enough and the disk has space. Disk errors are logged."""
        size = sum(weight.data.nbytes for weight in packed.weights.values())
        if self.path is None or size < _MIN_CACHED_BYTES:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self.path.parent).free < 2 * size:
                log.info("packed weights are not cached: the disk is nearly full")
                return
            _write(self.path, packed)
            _evict(self.path.parent)
        except OSError as error:
            log.warning("packed weights are not cached: %s", error)


def _tensors(packed: PackedWeights) -> dict[str, Tensor]:
    found = {"code_table": packed.code_table} if packed.code_table is not None else {}
    for path, weight in packed.weights.items():
        found |= {f"data {path}": weight.data, f"scales {path}": weight.scales}
    return found | {f"bias {path}": bias for path, bias in packed.biases.items()}


def _write(target: Path, packed: PackedWeights) -> None:
    offset, entries, parts = 0, {}, []
    for name, tensor in _tensors(packed).items():
        raw = tensor.contiguous().view(-1).view(torch.uint8).numpy().data
        entries[name] = {
            "offset": offset,
            "bytes": len(raw),
            "crc": zlib.crc32(raw),
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
        }
        parts.append(raw)
        offset += len(raw) + -len(raw) % _ALIGNMENT
    shapes = {path: [weight.kind, weight.outputs, weight.inputs] for path, weight in packed.weights.items()}
    error = [
        packed.error.argmax_agreement,
        packed.error.error,
        packed.error.rows,
    ]
    header = json.dumps({"tensors": entries, "weights": shapes, "rounding": error}).encode()
    header += b" " * (-(len(header) + 16) % _ALIGNMENT)
    atomic = AtomicFile(target)
    try:
        atomic.file.write(_MAGIC + struct.pack("<Q", len(header)) + header)
        for raw in parts:
            atomic.file.write(raw)
            atomic.file.write(b"\0" * (-len(raw) % _ALIGNMENT))
        atomic.commit()
    finally:
        atomic.discard()


def _read(path: Path) -> PackedWeights:
    with path.open("rb", buffering=0) as file:
        start = file.read(16)
        if start[:8] != _MAGIC:
            raise ValueError("another format")
        (length,) = struct.unpack("<Q", start[8:])
        if length > path.stat().st_size:
            raise ValueError("the header is cut off")
        header: dict[str, Any] = json.loads(file.read(length))

    def load(entry: dict[str, Any]) -> Tensor:
        tensor = torch.empty(entry["shape"], dtype=getattr(torch, entry["dtype"]))
        raw = memoryview(tensor.view(-1).view(torch.uint8).numpy().data)
        if len(raw) != entry["bytes"]:
            raise ValueError("a shape does not match its size")
        with path.open("rb", buffering=0) as file:
            file.seek(16 + length + entry["offset"])
            unread = raw
            while unread:
                count = file.readinto(unread)
                if not count:
                    raise ValueError("the file ends early")
                unread = unread[count:]
        if zlib.crc32(raw) != entry["crc"]:
            raise ValueError("a checksum does not match")
        return tensor

    with ThreadPoolExecutor(_READERS) as pool:
        names = list(header["tensors"])
        tensors = dict(zip(names, pool.map(load, header["tensors"].values()), strict=True))
    weights = {
        name: TiledWeight(kind, tensors[f"data {name}"], tensors[f"scales {name}"], outputs, inputs)
        for name, (kind, outputs, inputs) in header["weights"].items()
    }
    biases = {name.removeprefix("bias "): tensor for name, tensor in tensors.items() if name.startswith("bias ")}
    equal, error, rows = header["rounding"]
    return PackedWeights(weights, biases, tensors.get("code_table"), QuantizationError(equal, error, rows))


def _evict(folder: Path) -> None:
    """Remove stale temporary files, then the least recently used files until the rest is small enough."""
    remove_stale_temp_files(folder)
    files = sorted(folder.glob("*.tiles"), key=lambda file: file.stat().st_mtime, reverse=True)
    total = 0
    for number, file in enumerate(files):
        total += file.stat().st_size
        if number and total > _MAX_CACHE_BYTES:
            with suppress(OSError):
                file.unlink()
