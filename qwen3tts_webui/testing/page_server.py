"""The whole program around a fake engine, for browsers: the real page on a real server. Out: its address."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwen3tts_webui.testing.synthesizers import ZeroCostSynthesizer

if TYPE_CHECKING:
    import uvicorn

    from qwen3tts_webui.recognition import Recognizer

# Without the first two, Chromium loads two popups of its address bar with every new user, which takes as long as our
# page. A profile in use must not begin to allow autoplay. The others are those of Playwright, because only the last
# --disable-features counts.
_DISABLED_FEATURES = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaEngagementBypassAutoplayPolicies",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=document-user-activation-required",
    f"--disable-features={','.join(_DISABLED_FEATURES)}",
]


@dataclass(eq=False)
class Studio:
    """A running server: its address, and the engine behind it."""

    url: str
    synthesizer: ZeroCostSynthesizer
    close: Callable[[], None]


def serve_page(
    synthesizer: ZeroCostSynthesizer, outputs: Path, *, recognizer: Recognizer | None = None, **options: Any
) -> Studio:
    """Start the whole program around `synthesizer` on a free port; `options` are those of `Settings`.

    Gradio leaves an event loop unclosed wherever it is imported or rendered without one, so everything runs inside one.
    """
    import uvicorn

    started: Future[uvicorn.Server] = Future()

    async def run() -> None:
        try:
            app = _build_app(synthesizer, outputs, recognizer, options)
            server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
            announcing = asyncio.create_task(_announce(server, started))
            await server.serve()
            await announcing
        except BaseException as error:
            started.set_exception(error)
            raise

    thread = threading.Thread(target=asyncio.run, args=[run()], name="server", daemon=True)
    thread.start()
    server = started.result(timeout=60)

    def close() -> None:
        server.should_exit = True
        thread.join(timeout=10)
        synthesizer.close()

    port = server.servers[0].sockets[0].getsockname()[1]
    return Studio(f"http://127.0.0.1:{port}/", synthesizer, close)


def _build_app(
    synthesizer: ZeroCostSynthesizer, outputs: Path, recognizer: Recognizer | None, options: dict[str, Any]
) -> Any:
    from qwen3tts_webui.config import Settings
    from qwen3tts_webui.history import HistoryStore
    from qwen3tts_webui.server import create_app
    from qwen3tts_webui.speech import Speech
    from qwen3tts_webui.ui import mount_page
    from qwen3tts_webui.voices import Presets

    settings = Settings(outputs=outputs, **options)
    speech = Speech(synthesizer, Presets.load(), HistoryStore(settings.outputs))
    page = partial(mount_page, speech=speech, settings=settings)
    return create_app(speech, settings, page=page, recognizer=recognizer)


async def _announce(server: uvicorn.Server, started: Future[uvicorn.Server]) -> None:
    while not server.started:
        await asyncio.sleep(0.02)
    started.set_result(server)


def installed_chromium() -> str | None:
    """Return the system's Chromium, if there is one; None lets Playwright use its own."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
