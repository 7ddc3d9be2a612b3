"""A window of our own instead of a browser tab. In: an address. Out: returns when the window was closed.

pywebview is an optional extra (`desktop`); without it, or without a screen, one sentence says what to do.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Protocol

from qwen3tts_webui.errors import Unsupported

_INSTALL = 'Install it with: pip install "qwen3tts-webui[desktop]", or start without --desktop.'
_NO_SCREEN = "There is no screen here: start without --desktop and open the address in a browser."


class WindowMaker(Protocol):
    """The two functions of pywebview that are used."""

    def create_window(self, title: str, url: str, *, width: int, height: int, text_select: bool) -> object: ...

    def start(self) -> None: ...


def require(
    *, platform: str = sys.platform, environment: Mapping[str, str] = os.environ, found: bool | None = None
) -> None:
    """Raises `Unsupported` where no window can be opened. `found`: whether pywebview is installed; None looks."""
    if found is None:
        found = importlib.util.find_spec("webview") is not None
    if not found:
        raise Unsupported(engine="This installation", feature="--desktop", hint=_INSTALL)
    if platform == "linux" and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise Unsupported(engine="This machine", feature="--desktop", hint=_NO_SCREEN)


def show(address: str, title: str, maker: WindowMaker | None = None) -> None:
    """Show `address` until the window is closed; on the main thread, as every system wants it."""
    if maker is None:
        import webview

        maker = webview
    maker.create_window(title, address, width=1280, height=860, text_select=True)
    maker.start()
