"""A desktop window instead of a browser tab. In: a URL. Out: returns when the window is closed.

pywebview is an optional extra (`desktop`). Without it, or without a display, an error says what to do.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Protocol

from qwen3tts_webui.errors import Unsupported

_INSTALL = 'Install it with: pip install "qwen3tts-webui[desktop]", or start without --desktop.'
_NO_DISPLAY = "There is no display: start without --desktop and open the address in a browser."


class WindowMaker(Protocol):
    """The part of pywebview that is used."""

    def create_window(self, title: str, url: str, *, width: int, height: int, text_select: bool) -> object:
        """Create a window."""
        ...

    def start(self) -> None:
        """Run until all windows are closed."""
        ...


def require(
    *, platform: str = sys.platform, environment: Mapping[str, str] = os.environ, installed: bool | None = None
) -> None:
    """Raise `Unsupported` if no window can be opened. `installed`: whether pywebview is; None checks."""
    if installed is None:
        installed = importlib.util.find_spec("webview") is not None
    if not installed:
        raise Unsupported(engine="This installation", feature="--desktop", hint=_INSTALL)
    if platform == "linux" and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise Unsupported(engine="This machine", feature="--desktop", hint=_NO_DISPLAY)


def show(url: str, title: str, maker: WindowMaker | None = None) -> None:
    """Show `url` until the window is closed. On the main thread, as every platform requires."""
    if maker is None:
        import webview

        maker = webview
    maker.create_window(title, url, width=1280, height=860, text_select=True)
    maker.start()
