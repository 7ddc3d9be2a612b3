"""Download a whole model from a source into the store: complete and verified, or nothing that could be loaded.

In: a model id and a source. Out: the folder. Resumes an earlier attempt; raises a `DownloadError`.
"""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path

from qwen3tts_webui.checkpoints.file_download import CancelToken, FileDownloader, RetryPolicy
from qwen3tts_webui.checkpoints.local_store import LocalStore
from qwen3tts_webui.checkpoints.progress import ProgressTracker
from qwen3tts_webui.checkpoints.sources import HuggingFace, Listing, ModelScope, Source, TransientError
from qwen3tts_webui.errors import CheckpointError, DiskFull, DownloadError, ErrorDetail, InvalidValue

MIRRORS = ("hf", "modelscope")

_DISK_RESERVE = 64 << 20
_URL = re.compile(r"https?://[^/\s]+(/\S*)?")


def source_for(name: str) -> Source:
    """Return the source named "hf" (respects HF_ENDPOINT) or "modelscope", or the mirror at a URL.

    A URL is a mirror of Hugging Face, or with the prefix "modelscope+" one of ModelScope. Raises InvalidValue.
    """
    kind, plus, rest = name.partition("+")
    if name == "hf":
        return HuggingFace()
    if name == "modelscope":
        return ModelScope()
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
    cancel_token: CancelToken,
    retry_policy: RetryPolicy | None = None,
) -> Path:
    """Download `model` into the store, or return at once if it is there.

    Raises DownloadError, and reports it to `tracker`.
    """
    try:
        folder = _download(store, source, model, tracker, cancel_token, retry_policy or RetryPolicy())
    except DownloadError as error:
        tracker.end("stopped" if cancel_token.cancelled else "failed", error)
        raise
    except CheckpointError as error:
        file, problem = Path(str(error.params["file"])).name, error.params["problem"]
        reason = ErrorDetail("in_file", "{file}: {problem}", file=file, problem=problem)
        failure = DownloadError(what=model, reason=reason)
        tracker.end("failed", failure)
        raise failure from error
    except OSError as error:
        failure = _disk_error(error, store, model)
        tracker.end("failed", failure)
        raise failure from error
    tracker.end("done")
    return folder


def _download(
    store: LocalStore,
    source: Source,
    model: str,
    tracker: ProgressTracker,
    cancel_token: CancelToken,
    retry_policy: RetryPolicy,
) -> Path:
    with store.lock(model):
        installed = store.find_own(model)
        if installed is not None:
            return installed
        store.reopen_for_repair(model)
        listing = _fetch_listing(source, model, cancel_token, retry_policy)
        tracker.begin(listing.size)
        left = listing.size - min(listing.size, store.partial_bytes(model))
        if left + _DISK_RESERVE > free_disk_bytes(store.folder):
            raise _disk_full(store, model, left)
        downloader = FileDownloader(
            source=source,
            listing=listing,
            folder=store.partial(model),
            tracker=tracker,
            cancel_token=cancel_token,
            retry_policy=retry_policy,
        )
        for file in listing.files:
            downloader.fetch(file)
        cancel_token.check()
        return store.commit(model, _manifest(source, listing))


def _fetch_listing(source: Source, model: str, cancel_token: CancelToken, retry_policy: RetryPolicy) -> Listing:
    for failures in range(1, retry_policy.max_attempts + 1):
        try:
            return source.listing(model)
        except TransientError as error:
            if failures == retry_policy.max_attempts:
                raise error.cause from error
            cancel_token.wait(retry_policy.wait_s(failures) if error.wait_s is None else error.wait_s)
    raise AssertionError("a retry policy has at least one attempt")


def free_disk_bytes(folder: Path) -> int:
    """Return the free space on the disk of `folder`, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _disk_error(error: OSError, store: LocalStore, model: str) -> DownloadError:
    if error.errno == errno.ENOSPC:
        return _disk_full(store, model, 0)
    reason = error.strerror or ErrorDetail("unwritable", "a file cannot be written")
    return DownloadError(what=model, reason=reason)


def _disk_full(store: LocalStore, model: str, left: int) -> DiskFull:
    return DiskFull(what=model, needed_gb=(left + _DISK_RESERVE) / 1e9, free_gb=free_disk_bytes(store.folder) / 1e9)


def _manifest(source: Source, listing: Listing) -> dict[str, object]:
    """Build the manifest that `verify_checkpoint` compares the folder with, and that copies on other machines use."""
    files = {
        file.path: {
            "size": file.size,
            **({"sha256": file.sha256} if file.sha256 else {}),
            **({"git_sha1": file.git_sha1} if file.git_sha1 else {}),
        }
        for file in listing.files
    }
    return {"model": listing.model, "source": source.host, "revision": listing.revision, "files": files}
