"""Download one model at a time in a background thread.

In: a model and a source. Out: a `DownloadProgress`, and a call of `on_done` with the folder. Knows no engine.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from qwen3tts_webui.checkpoints.download import download
from qwen3tts_webui.checkpoints.file_download import CancelToken, RetryPolicy
from qwen3tts_webui.checkpoints.local_store import LocalStore
from qwen3tts_webui.checkpoints.progress import DownloadProgress, ProgressTracker
from qwen3tts_webui.checkpoints.sources import Source
from qwen3tts_webui.errors import UNEXPECTED, Busy, DownloadError

_log = logging.getLogger(__name__)

OnDone = Callable[[str, Path], None]


class BackgroundDownload:
    """Calls `on_done(model, folder)` in the download thread when a model is complete."""

    def __init__(self, store: LocalStore, on_done: OnDone, *, retry_policy: RetryPolicy | None = None) -> None:
        self._store = store
        self._on_done = on_done
        self._retry_policy = retry_policy or RetryPolicy()
        self._lock = threading.Lock()
        self._tracker: ProgressTracker | None = None
        self._cancel_token: CancelToken | None = None
        self._thread: threading.Thread | None = None

    @property
    def progress(self) -> DownloadProgress | None:
        """The progress of the current or last download; None before the first."""
        return None if self._tracker is None else self._tracker.progress

    def start(self, model: str, source: Source) -> None:
        """Start or resume a download; no effect if this model is being downloaded already.

        Raises `Busy` while another model is being downloaded.
        """
        with self._lock:
            current = self.progress
            if current is not None and current.running:
                if current.model != model:
                    raise Busy(waiting=1, retry_after_s=60)
                return
            self._tracker, self._cancel_token = ProgressTracker(model), CancelToken(model)
            self._thread = threading.Thread(
                target=self._run, args=(model, source, self._tracker, self._cancel_token), name="download", daemon=True
            )
            self._thread.start()

    def stop(self) -> bool:
        """Stop the download soon, keeping what was downloaded; False if there is none."""
        current = self.progress
        if self._cancel_token is None or current is None or not current.running:
            return False
        self._cancel_token.cancel()
        return True

    def close(self) -> None:
        """Stop, and wait a little for the thread, which may be blocked in a dead connection."""
        self.stop()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self, model: str, source: Source, tracker: ProgressTracker, cancel_token: CancelToken) -> None:
        try:
            folder = download(self._store, source, model, tracker, cancel_token, self._retry_policy)
        except DownloadError as error:
            _log.warning("%s", error)
        except Exception as error:  # a bug must not leave a progress bar that never ends
            _log.exception("the download failed")
            failure = DownloadError(what=model, reason=UNEXPECTED)
            failure.__cause__ = error
            tracker.end("failed", failure)
        else:
            self._on_done(model, folder)
