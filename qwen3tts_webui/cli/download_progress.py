"""A model and the terminal: the question whether to download one, and how far a download is.

In: a installer, or a tracker. Out: lines on the terminal. Never downloads anything that nobody asked for.
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

_EVERY_S = 0.5
_BAR = 24


def download_with_progress(store: LocalStore, source: Source, model: str) -> Path:
    """Bring `model` here now, with its progress on stderr. Raises DownloadError."""
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
    """The preview voice speaks because there is no model: bring the one that was named, or ask once, or say how."""
    from qwen3tts_webui.checkpoints import DEFAULT_MODEL, find_in_catalog

    named = find_in_catalog(settings.model)
    model = named.id if named else DEFAULT_MODEL.id if settings.model == "auto" else settings.model
    size = f"about {(find_in_catalog(model) or DEFAULT_MODEL).approximate_bytes / 1e9:.1f} GB"
    if settings.model != "auto":
        print(f"Downloading {model} ({size}); the preview voice speaks until it is ready.", flush=True)
        _bring(installer, model)
        return
    asked = installer.store.folder / ".asked"
    if not asked.exists() and _somebody_is_here():
        print(f"Download {model} ({size}) to hear Qwen3-TTS itself? Type y and Enter. [y/N] ", end="", flush=True)
        threading.Thread(target=_ask, args=(installer, model, asked), name="question", daemon=True).start()
        return
    print(f"To hear Qwen3-TTS itself: qwen3tts-webui download ({size}), or press Download on the page.", flush=True)


def show_progress(progress: Callable[[], DownloadProgress | None], done: threading.Event) -> None:
    """Show how far it is on stderr until `done`: one line that changes on a terminal, else a line each ten percent."""
    live, shown = sys.stderr.isatty(), -1
    while True:
        last = done.wait(_EVERY_S)
        now = progress()
        tenths = -1 if now is None or not now.total_bytes else 10 * now.done_bytes // now.total_bytes
        if now is not None and (live or tenths > shown):
            print(
                f"\r{progress_line(now)}\033[K" if live else progress_line(now),
                end="" if live else "\n",
                file=sys.stderr,
                flush=True,
            )
            shown = tenths
        if last:
            if live and now is not None:
                print(file=sys.stderr)
            return


def progress_line(progress: DownloadProgress) -> str:
    """How far a download is: a bar, bytes, speed and the time left, as far as they are known."""
    if not progress.total_bytes:
        return f"{progress.model}: asking what it consists of"
    share = progress.done_bytes / progress.total_bytes
    bar = "#" * int(share * _BAR)
    text = (
        f"[{bar:<{_BAR}}] {100 * share:3.0f} %  {progress.done_bytes / 1e9:.2f} of {progress.total_bytes / 1e9:.2f} GB"
    )
    if progress.state == "checking":
        text += "  checking"
    if progress.bytes_per_s is not None and progress.left_s is not None:
        minutes, seconds = divmod(round(progress.left_s), 60)
        text += f"  {progress.bytes_per_s / 1e6:.1f} MB/s  {minutes}:{seconds:02} left"
    return text


def _bring(installer: ModelInstaller, model: str) -> None:
    """Start it, and tell the terminal how it goes, down to who speaks in the end."""
    installer.download(model)

    def tell() -> None:
        done = threading.Event()
        watcher = threading.Thread(target=show_progress, args=(lambda: installer.progress, done), daemon=True)
        watcher.start()
        while (now := installer.progress) is not None and now.running:
            done.wait(_EVERY_S)
        done.set()
        watcher.join()
        if now is not None and now.error is not None:
            print(now.error, file=sys.stderr)

    threading.Thread(target=tell, name="download-shown", daemon=True).start()


def _somebody_is_here() -> bool:
    """True at a terminal, in the foreground: a question in the background would stop the program."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    try:
        return os.name == "nt" or os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # a terminal, but not ours
        return False


def _ask(installer: ModelInstaller, model: str, asked: Path) -> None:
    """Wait for an answer with a bare read: it holds no lock that the end of the program would wait for."""
    answer = os.read(sys.stdin.fileno(), 100).decode(errors="replace").strip().lower()
    asked.parent.mkdir(parents=True, exist_ok=True)
    asked.touch()
    if answer in ("y", "yes", "是"):
        _bring(installer, model)
    else:
        print("Not now: `qwen3tts-webui download`, or Download on the page, brings it later.", flush=True)


def ignore_background_reads() -> None:
    """Let a question that is still open not stop the program when it is sent to the background. Main thread only."""
    if hasattr(signal, "SIGTTIN"):
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
