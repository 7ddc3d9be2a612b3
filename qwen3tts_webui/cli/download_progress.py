"""Downloads on the terminal: offer one, and show its progress.

In: a model installer, or a progress tracker. Out: text on the terminal. Never downloads anything without consent.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3tts_webui.config import Settings

if TYPE_CHECKING:
    from qwen3tts_webui.checkpoints import DownloadProgress, LocalStore, ModelInstaller, Source

_INTERVAL_S = 0.5
_BAR_WIDTH = 24


def download_with_progress(store: LocalStore, source: Source, model: str) -> Path:
    """Download `model` now, with its progress on stderr. Raises DownloadError."""
    from qwen3tts_webui.checkpoints import CancelToken, ProgressTracker, download

    tracker, done = ProgressTracker(model), threading.Event()
    watcher = threading.Thread(target=show_progress, args=(lambda: tracker.progress, done), daemon=True)
    watcher.start()
    try:
        return download(store, source, model, tracker, CancelToken(model))
    finally:
        done.set()
        watcher.join()


def offer_download(settings: Settings, installer: ModelInstaller) -> None:
    """Without a model: download the one that was named, else ask once, else say how to get one."""
    from qwen3tts_webui.checkpoints import DEFAULT_MODEL, find_in_catalog

    named = find_in_catalog(settings.model)
    model = named.id if named else DEFAULT_MODEL.id if settings.model == "auto" else settings.model
    size = f"about {(find_in_catalog(model) or DEFAULT_MODEL).approximate_bytes / 1e9:.1f} GB"
    if settings.model != "auto":
        print(f"Downloading {model} ({size}). The preview voice is used until it is ready.", flush=True)
        _download(installer, model)
        return
    asked = installer.store.folder / ".asked"
    if not asked.exists() and is_interactive():
        print(
            f"Download {model} ({size}), the real Qwen3-TTS voice? Type y and press Enter. [y/N] ", end="", flush=True
        )
        threading.Thread(target=_ask, args=(installer, model, asked), name="question", daemon=True).start()
        return
    print(f"For the real Qwen3-TTS voice: qwen3tts-webui download ({size}), or Download on the page.", flush=True)


def show_progress(progress: Callable[[], DownloadProgress | None], done: threading.Event) -> None:
    """Show the progress on stderr until `done`: one updating line on a terminal, else a line for every ten percent."""
    live, last_tenth = sys.stderr.isatty(), -1
    while True:
        is_last = done.wait(_INTERVAL_S)
        now = progress()
        tenth = -1 if now is None or not now.total_bytes else 10 * now.done_bytes // now.total_bytes
        if now is not None and (live or tenth > last_tenth):
            text = progress_line(now)
            print(f"\r{text}\033[K" if live else text, end="" if live else "\n", file=sys.stderr, flush=True)
            last_tenth = tenth
        if is_last:
            if live and now is not None:
                print(file=sys.stderr)
            return


def progress_line(progress: DownloadProgress) -> str:
    """Format the progress: a bar, bytes, speed and time left, as far as they are known."""
    if not progress.total_bytes:
        return f"{progress.model}: fetching the list of files"
    share = progress.done_bytes / progress.total_bytes
    bar = "#" * int(share * _BAR_WIDTH)
    done, total = progress.done_bytes / 1e9, progress.total_bytes / 1e9
    text = f"[{bar:<{_BAR_WIDTH}}] {100 * share:3.0f} %  {done:.2f} of {total:.2f} GB"
    if progress.state == "checking":
        text += "  verifying"
    if progress.bytes_per_s is not None and progress.left_s is not None:
        minutes, seconds = divmod(round(progress.left_s), 60)
        text += f"  {progress.bytes_per_s / 1e6:.1f} MB/s  {minutes}:{seconds:02} left"
    return text


def is_interactive() -> bool:
    """Return True on a terminal and in the foreground: a background process that reads from it would be stopped."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        return os.name == "nt" or os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # a terminal, but not the controlling one
        return False


def ignore_background_reads() -> None:
    """Keep an open question from stopping the program in the background. Main thread only."""
    if hasattr(signal, "SIGTTIN"):
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)


def _download(installer: ModelInstaller, model: str) -> None:
    """Start the download, and show its progress and its failure, if any."""
    installer.download(model)

    def report() -> None:
        done = threading.Event()
        watcher = threading.Thread(target=show_progress, args=(lambda: installer.progress, done), daemon=True)
        watcher.start()
        while (now := installer.progress) is not None and now.running:
            done.wait(_INTERVAL_S)
        done.set()
        watcher.join()
        if now is not None and now.error is not None:
            print(now.error, file=sys.stderr)

    threading.Thread(target=report, name="download-progress", daemon=True).start()


def _ask(installer: ModelInstaller, model: str, asked: Path) -> None:
    """Wait for the answer with a raw read, which holds no lock that would block the end of the program."""
    answer = os.read(sys.stdin.fileno(), 100).decode(errors="replace").strip().lower()
    asked.parent.mkdir(parents=True, exist_ok=True)
    asked.touch()
    if answer in ("y", "yes", "是"):
        _download(installer, model)
    else:
        print("Skipped. You can download it later: qwen3tts-webui download, or Download on the page.", flush=True)
