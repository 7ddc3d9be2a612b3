"""One download at a time, in a thread of its own: start it, watch it, stop it.

In: a model and a mirror. Out: a `DownloadProgress`, and a call of `on_done` with the folder. Knows no engine.
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
from qwen3tts_webui.checkpoints.sources.base import Source
from qwen3tts_webui.errors import UNEXPECTED, Busy, DownloadError

log = logging.getLogger(__name__)

OnDone = Callable[[str, Path], None]


class BackgroundDownload:
    """`on_done(model, folder)` is called in the download's thread when a model is whole."""

    def __init__(self, store: LocalStore, on_done: OnDone, *, retry_policy: RetryPolicy | None = None) -> None:
        self._store = store
        self._on_done = on_done
        self._patience = retry_policy or RetryPolicy()
        self._lock = threading.Lock()
        self._meter: ProgressTracker | None = None
        self._stop: CancelToken | None = None
        self._thread: threading.Thread | None = None

    @property
    def progress(self) -> DownloadProgress | None:
        """Of the present or the last download; None before the first."""
        return None if self._meter is None else self._meter.progress

    def start(self, model: str, source: Source) -> None:
        """Begin, or go on; nothing happens when this model is under way already. Raises `Busy` for another one."""
        with self._lock:
            now = self.progress
            if now is not None and now.running:
                if now.model != model:
                    raise Busy(waiting=1, retry_after_s=60)
                return
            self._meter, self._stop = ProgressTracker(model), CancelToken(model)
            self._thread = threading.Thread(
                target=self._run, args=(model, source, self._meter, self._stop), name="download", daemon=True
            )
            self._thread.start()

    def stop(self) -> bool:
        """Stop what is under way, soon; False when nothing is. What was loaded is kept."""
        now = self.progress
        if self._stop is None or now is None or not now.running:
            return False
        self._stop.cancel()
        return True

    def close(self) -> None:
        """Stop, and wait for the thread, which may hang in a dead connection for some seconds, but not for long."""
        self.stop()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self, model: str, source: Source, tracker: ProgressTracker, stop: CancelToken) -> None:
        try:
            folder = download(self._store, source, model, tracker, stop, self._patience)
        except DownloadError as error:
            log.warning("%s", error)
        except Exception as error:  # a bug of ours must not leave a bar that never ends
            log.exception("the download failed")
            failure = DownloadError(what=model, reason=UNEXPECTED)
            failure.__cause__ = error
            tracker.end("failed", failure)
        else:
            self._on_done(model, folder)
