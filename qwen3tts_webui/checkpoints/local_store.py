"""Checkpoints on this machine: our own folder, and the caches of the hubs' own programs.

Our models are stored in `<folder>/<owner>/<name>` with a manifest, which is written last. Unfinished downloads are kept
in `<folder>/.partial/<owner>/<name>` and never found. Folders of other programs count when they are complete.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from qwen3tts_webui.checkpoints.catalog import CATALOG, find_in_catalog, is_model_id
from qwen3tts_webui.checkpoints.integrity import check_checkpoint
from qwen3tts_webui.checkpoints.memory_estimate import ParameterCounts
from qwen3tts_webui.errors import FILE_MISSING, NO_FOLDER, CheckpointError, DownloadError, ErrorDetail, wrong_size
from qwen3tts_webui.user_folders import data_folder

_log = logging.getLogger(__name__)

MANIFEST = "qwen3tts-webui.json"


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files in `folder`, ignoring files that disappear meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).stat().st_size
    return total


def default_models_folder() -> Path:
    """Return the folder where models are stored by default: below this user's data folder."""
    return data_folder("models")


class LocalStore:
    """All checkpoints of this machine. `caches` are the folders of the hubs' own programs, in order of preference."""

    def __init__(self, folder: Path, caches: tuple[Path, ...] | None = None) -> None:
        self.folder = folder
        self._caches = hub_caches() if caches is None else caches

    def path_of(self, model: str) -> Path:
        """Return the folder of the model "owner/name" once it is complete."""
        assert is_model_id(model), model
        return self.folder / model

    def partial(self, model: str) -> Path:
        """Return the folder of its unfinished download, from which nothing is ever loaded."""
        assert is_model_id(model), model
        return self.folder / ".partial" / model

    def find(self, model: str = "auto") -> Path | None:
        """Find the complete checkpoint for a folder, an id or "auto" (any, the default model first).

        Raises CheckpointError for a folder that exists but is not complete.
        """
        if model == "auto":
            others = [name for name in self._own_models() if find_in_catalog(name) is None]
            return next(filter(None, (self._find_id(name) for name in (*(one.id for one in CATALOG), *others))), None)
        path = Path(model).expanduser()
        if path.is_dir() and (not is_model_id(model) or (path / "config.json").exists()):
            verify_checkpoint(path)
            return path
        released = find_in_catalog(model)
        if released is None and not is_model_id(model):
            raise CheckpointError(file=path, key="", problem=NO_FOLDER)
        return self._find_id(model if released is None else released.id)

    def find_own(self, model: str) -> Path | None:
        """Find the complete checkpoint with this id in our own folder."""
        return self.path_of(model) if _is_complete(self.path_of(model)) else None

    def partial_bytes(self, model: str) -> int:
        """Return the bytes that an unfinished download of `model` has so far."""
        return folder_bytes(self.partial(model))

    @contextmanager
    def lock(self, model: str) -> Iterator[None]:
        """Hold the lock for downloading `model`, across processes. Raises DownloadError if it is taken."""
        lock = self.partial(model).with_name(self.partial(model).name + ".lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(lock, timeout=0):
                yield
        except Timeout:
            reason = ErrorDetail("under_way", "another download of it is in progress")
            raise DownloadError(what=model, reason=reason) from None

    def commit(self, model: str, manifest: Mapping[str, object]) -> Path:
        """Write the manifest of a finished download and move it into place in one step.

        Raises CheckpointError if it is not a complete checkpoint.
        """
        partial, target = self.partial(model), self.path_of(model)
        check_checkpoint(partial)
        draft = partial / f"{MANIFEST}.new"
        draft.write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
        draft.replace(partial / MANIFEST)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)
        return target

    def reopen_for_repair(self, model: str) -> None:
        """Turn an installed model that is no longer complete back into an unfinished download."""
        if self.path_of(model).exists() and not self.partial(model).exists():
            self.partial(model).parent.mkdir(parents=True, exist_ok=True)
            self.path_of(model).replace(self.partial(model))
            (self.partial(model) / MANIFEST).unlink(missing_ok=True)

    def _own_models(self) -> list[str]:
        found = (path.relative_to(self.folder) for path in sorted(self.folder.glob(f"[!.]*/*/{MANIFEST}")))
        return [path.parent.as_posix() for path in found]

    def _find_id(self, model: str) -> Path | None:
        own = self.find_own(model)
        cached = (folder for cache in self._caches for folder in _in_cache(cache, model))
        return own or next((folder for folder in cached if _is_complete(folder)), None)


def display_name(folder: Path) -> str:
    """Return the name of the checkpoint in `folder`, also for the folders of the hubs' caches."""
    if folder.parent.name == "snapshots":  # huggingface_hub names the folder by its commit
        return folder.parent.parent.name.split("--")[-1]
    return folder.name.replace("___", ".")


def verify_checkpoint(folder: Path) -> ParameterCounts:
    """Check a checkpoint and its manifest, if any; return its parameter counts. Raises CheckpointError."""
    manifest = folder / MANIFEST
    if manifest.exists():
        for name, size in _manifest_sizes(manifest).items():
            file = folder / name
            actual = file.stat().st_size if file.is_file() else None
            if actual != size:
                problem = FILE_MISSING if actual is None else wrong_size(actual, size)
                raise CheckpointError(file=file, key="", problem=problem)
    return check_checkpoint(folder)


def hub_caches() -> tuple[Path, ...]:
    """Return the cache folders of huggingface_hub and modelscope, by their own settings."""
    from huggingface_hub.constants import HF_HUB_CACHE

    modelscope = os.environ.get("MODELSCOPE_CACHE") or "~/.cache/modelscope/hub"
    return Path(HF_HUB_CACHE), Path(modelscope).expanduser() / "models"


def _is_complete(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    try:
        verify_checkpoint(folder)
    except CheckpointError as error:
        _log.info("not used: %s", error)
        return False
    return True


def _manifest_sizes(manifest: Path) -> dict[str, int]:
    try:
        files: dict[str, Any] = json.loads(manifest.read_bytes())["files"]
        return {name: int(entry["size"]) for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = ErrorDetail("manifest", "the manifest is damaged")
        raise CheckpointError(file=manifest, key="files", problem=problem) from error


def _in_cache(cache: Path, model: str) -> list[Path]:
    """Return where `model` may be in a hub's cache: newest snapshot first; ModelScope writes a dot as "___"."""
    snapshots = cache / ("models--" + model.replace("/", "--")) / "snapshots"
    newest = sorted(snapshots.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    owner, name = model.split("/")
    return [*newest, cache / owner / name.replace(".", "___"), cache / owner / name]
