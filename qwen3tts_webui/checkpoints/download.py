"""A whole model, from a mirror or a folder into the store: all of it, verified, or nothing that could be loaded.

In: a model id, a source. Out: the folder. Goes on where an earlier try stopped; raises a `DownloadError`.
"""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

from qwen3tts_webui.checkpoints.file_download import CancelToken, FileDownloader, RetryPolicy
from qwen3tts_webui.checkpoints.local_store import LocalStore
from qwen3tts_webui.checkpoints.progress import ProgressTracker
from qwen3tts_webui.checkpoints.sources.base import Listing, Source, TransientError
from qwen3tts_webui.checkpoints.sources.huggingface import HuggingFace
from qwen3tts_webui.checkpoints.sources.modelscope import ENDPOINT, ModelScope
from qwen3tts_webui.errors import CheckpointError, DiskFull, DownloadError, ErrorDetail, InvalidValue

MIRRORS = ("hf", "modelscope")

_RESERVE = 64 << 20  # of disk, left to others
_URL = re.compile(r"https?://[^/\s]+(/\S*)?")


def source_for(name: str) -> Source:
    """The source that a person means: "hf" (HF_ENDPOINT counts), "modelscope", or the URL of a mirror.

    A URL is taken to speak Hugging Face's language, with "modelscope+" before it ModelScope's. Raises InvalidValue.
    """
    kind, plus, rest = name.partition("+")
    if name == "hf":
        return HuggingFace()
    if name == "modelscope":
        return ModelScope(ENDPOINT)
    if _URL.fullmatch(name):
        return HuggingFace(name.rstrip("/"))
    if kind == "modelscope" and plus and _URL.fullmatch(rest):
        return ModelScope(rest)
    raise InvalidValue(field="--mirror", expected="hf, modelscope or a URL", got=name)


def download(
    store: LocalStore,
    source: Source,
    model: str,
    tracker: ProgressTracker,
    stop: CancelToken,
    retry_policy: RetryPolicy | None = None,
) -> Path:
    """Bring `model` into the store; returns at once when it is there. Raises DownloadError, and says so in `tracker`."""
    retry_policy = retry_policy or RetryPolicy()
    try:
        folder = _download(store, source, model, tracker, stop, retry_policy)
    except DownloadError as error:
        tracker.end("stopped" if stop.cancelled else "failed", error)
        raise
    except CheckpointError as error:
        file, problem = Path(str(error.params["file"])).name, error.params["problem"]
        failure = DownloadError(
            what=model, reason=ErrorDetail("in_file", "{file}: {problem}", file=file, problem=problem)
        )
        tracker.end("failed", failure)
        raise failure from error
    except OSError as error:
        failure = (
            _no_room(store, model, 0)
            if error.errno == errno.ENOSPC
            else DownloadError(
                what=model, reason=error.strerror or ErrorDetail("unwritable", "a file cannot be written")
            )
        )
        tracker.end("failed", failure)
        raise failure from error
    tracker.end("done")
    return folder


def _download(
    store: LocalStore,
    source: Source,
    model: str,
    tracker: ProgressTracker,
    stop: CancelToken,
    retry_policy: RetryPolicy,
) -> Path:
    with store.lock(model):
        here = store.find_own(model)
        if here is not None:
            return here
        store.reopen_for_repair(model)
        listing = _listing(source, model, stop, retry_policy)
        tracker.begin(listing.size)
        left = listing.size - min(listing.size, store.partial_bytes(model))
        if left + _RESERVE > free_bytes(store.folder):
            raise _no_room(store, model, left)
        transfer = FileDownloader(
            source=source,
            listing=listing,
            folder=store.partial(model),
            tracker=tracker,
            stop=stop,
            retry_policy=retry_policy,
        )
        for file in listing.files:
            transfer.fetch(file)
        stop.check()
        return store.commit(model, _manifest(source, listing))


def _listing(source: Source, model: str, stop: CancelToken, retry_policy: RetryPolicy) -> Listing:
    for failures in range(1, retry_policy.max_attempts + 1):
        try:
            return source.listing(model)
        except TransientError as broken:
            if failures == retry_policy.max_attempts:
                raise broken.cause from broken
            stop.wait(retry_policy.wait_s(failures) if broken.wait_s is None else broken.wait_s)
    raise AssertionError("retry_policy has at least one try")


def free_bytes(folder: Path) -> int:
    """Free disk space where `folder` lies or will lie."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _no_room(store: LocalStore, model: str, left: int) -> DiskFull:
    return DiskFull(what=model, needed_gb=(left + _RESERVE) / 1e9, free_gb=free_bytes(store.folder) / 1e9)


def _manifest(source: Source, listing: Listing) -> dict[str, object]:
    """What `store.check` compares the folder with, and what another machine can copy it by."""
    files = {
        file.path: {
            "size": file.size,
            **({"sha256": file.sha256} if file.sha256 else {}),
            **({"git_sha1": file.git_sha1} if file.git_sha1 else {}),
        }
        for file in listing.files
    }
    return {"model": listing.model, "source": source.host, "revision": listing.revision, "files": files}
