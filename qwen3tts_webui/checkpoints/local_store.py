"""Where models lie. In: a folder of ours, and the caches of the hubs. Out: checkpoints that are whole, or None.

A model that we loaded lies in `<folder>/<owner>/<name>` with a manifest, which is written last; what is on its way lies
in `<folder>/.partial/<owner>/<name>` and is never found. Folders of others count when they are whole.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout

from qwen3tts_webui.checkpoints.catalog import CATALOG, find_in_catalog, is_model_id
from qwen3tts_webui.checkpoints.integrity import check_checkpoint
from qwen3tts_webui.errors import FILE_MISSING, NO_FOLDER, CheckpointError, DownloadError, ErrorDetail, wrong_size

log = logging.getLogger(__name__)

MANIFEST = "qwen3tts-webui.json"


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in `folder`; what goes away meanwhile, as a download that is done does, counts nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).stat().st_size
    return total


def default_models_folder() -> Path:
    """Where models lie when nobody says otherwise."""
    return platformdirs.user_data_path("qwen3tts-webui", appauthor=False) / "models"


class LocalStore:
    """All checkpoints of this machine. `caches` are where the hubs' own programs keep theirs, in reading order."""

    def __init__(self, folder: Path, caches: tuple[Path, ...] | None = None) -> None:
        self.folder = folder
        self._caches = hub_caches() if caches is None else caches

    def path_of(self, model: str) -> Path:
        """Where the model "owner/name" lies once it is whole."""
        assert is_model_id(model), model
        return self.folder / model

    def partial(self, model: str) -> Path:
        """Where it grows; nothing in there is ever loaded."""
        assert is_model_id(model), model
        return self.folder / ".partial" / model

    def find(self, model: str = "auto") -> Path | None:
        """The whole checkpoint for a folder, an id or "auto" (whatever is there, the default model first); or None.

        Raises CheckpointError for a folder that exists and is not whole: the person meant just that one.
        """
        if model == "auto":
            others = [name for name in self._own() if find_in_catalog(name) is None]
            return next(filter(None, (self._find_id(name) for name in (*(one.id for one in CATALOG), *others))), None)
        path = Path(model).expanduser()
        if path.is_dir() and (not is_model_id(model) or (path / "config.json").exists()):
            verify_checkpoint(path)
            return path
        meant = find_in_catalog(model)
        if meant is None and not is_model_id(model):
            raise CheckpointError(file=path, key="", problem=NO_FOLDER)
        return self._find_id(model if meant is None else meant.id)

    def find_own(self, model: str) -> Path | None:
        """The whole checkpoint of that id in our own folder, or None."""
        return self.path_of(model) if _is_complete(self.path_of(model)) else None

    def partial_bytes(self, model: str) -> int:
        """Bytes of `model` that an earlier download left."""
        return folder_bytes(self.partial(model))

    @contextmanager
    def lock(self, model: str) -> Iterator[None]:
        """One download of a model at a time, whatever process it is in. Raises DownloadError."""
        lock = self.partial(model).with_name(self.partial(model).name + ".lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(lock, timeout=0):
                yield
        except Timeout:
            raise DownloadError(
                what=model, reason=ErrorDetail("under_way", "another download of it is under way")
            ) from None

    def commit(self, model: str, manifest: Mapping[str, object]) -> Path:
        """Everything in `partial` is there and verified: write the manifest, then move all of it in one step.

        Raises CheckpointError when it is no whole checkpoint after all.
        """
        partial, place = self.partial(model), self.path_of(model)
        check_checkpoint(partial)
        draft = partial / f"{MANIFEST}.new"
        draft.write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
        draft.replace(partial / MANIFEST)
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(place)
        return place

    def reopen_for_repair(self, model: str) -> None:
        """A model of ours that is not whole any more goes back to where it grows, so that it can be repaired."""
        if self.path_of(model).exists() and not self.partial(model).exists():
            self.partial(model).parent.mkdir(parents=True, exist_ok=True)
            self.path_of(model).replace(self.partial(model))
            (self.partial(model) / MANIFEST).unlink(missing_ok=True)

    def _own(self) -> list[str]:
        found = (path.relative_to(self.folder) for path in sorted(self.folder.glob(f"[!.]*/*/{MANIFEST}")))
        return [path.parent.as_posix() for path in found]

    def _find_id(self, model: str) -> Path | None:
        here = self.find_own(model)
        caches = (place for cache in self._caches for place in _in_cache(cache, model))
        return here or next((folder for folder in caches if _is_complete(folder)), None)


def display_name(folder: Path) -> str:
    """What people call the checkpoint in `folder`, wherever it lies."""
    if folder.parent.name == "snapshots":  # huggingface_hub names the folder by its commit
        return folder.parent.parent.name.split("--")[-1]
    return folder.name.replace("___", ".")


def _is_complete(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    try:
        verify_checkpoint(folder)
    except CheckpointError as error:
        log.info("not used: %s", error)
        return False
    return True


def verify_checkpoint(folder: Path) -> dict[str, int]:
    """The numbers of parameters of a whole checkpoint; a manifest in it must be true. Raises CheckpointError."""
    manifest = folder / MANIFEST
    if manifest.exists():
        for name, size in _sizes(manifest).items():
            file = folder / name
            actual = file.stat().st_size if file.is_file() else None
            if actual != size:
                problem = FILE_MISSING if actual is None else wrong_size(actual, size)
                raise CheckpointError(file=file, key="", problem=problem)
    return check_checkpoint(folder)


def _sizes(manifest: Path) -> dict[str, int]:
    try:
        files: dict[str, Any] = json.loads(manifest.read_bytes())["files"]
        return {name: int(entry["size"]) for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            file=manifest, key="files", problem=ErrorDetail("manifest", "the manifest is damaged")
        ) from error


def hub_caches() -> tuple[Path, ...]:
    """The folders in which huggingface_hub and modelscope keep models, by their own settings."""
    from huggingface_hub.constants import HF_HUB_CACHE

    modelscope = os.environ.get("MODELSCOPE_CACHE") or "~/.cache/modelscope/hub"
    return Path(HF_HUB_CACHE), Path(modelscope).expanduser() / "models"


def _in_cache(cache: Path, model: str) -> list[Path]:
    """Where `model` may lie in a cache of either hub: newest snapshot first; ModelScope writes a dot as "___"."""
    snapshots = cache / ("models--" + model.replace("/", "--")) / "snapshots"
    newest = sorted(snapshots.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)
    owner, name = model.split("/")
    return [*newest, cache / owner / name.replace(".", "___"), cache / owner / name]
