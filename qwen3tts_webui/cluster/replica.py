"""One replica: an engine, a page and an API, as `qwen3tts-webui serve` has them, on the GPU that Ray gives it.

In: settings. Out: an ASGI app that begins once the engine can speak. It brings no models: they must be there before.
"""

from __future__ import annotations

import contextlib
import logging
import time

import ray
from ray import serve
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen3tts_webui.cli.factory import build_history, build_speech, build_store, choose_synthesizer
from qwen3tts_webui.config import Settings
from qwen3tts_webui.engine.gpu_monitor import GpuMonitor
from qwen3tts_webui.errors import NotReady, loading_reason
from qwen3tts_webui.server import create_app
from qwen3tts_webui.types import Synthesizer
from qwen3tts_webui.ui import mount_page

log = logging.getLogger(__name__)

_PATIENCE_S = 900.0  # loading and warming up the largest model from a slow disk


class Replica:
    """What Ray starts, asks for its health, and stops."""

    def __init__(self, settings: Settings) -> None:
        self._parts = contextlib.ExitStack()
        store = build_store(settings)
        self._synthesizer: Synthesizer = self._parts.enter_context(
            contextlib.closing(choose_synthesizer(settings, store))
        )
        gpus = ray.get_gpu_ids()
        gpu = self._parts.enter_context(contextlib.closing(GpuMonitor(index=int(gpus[0]) if gpus else 0)))
        library = self._parts.enter_context(build_history(settings))
        speech = build_speech(settings, self._synthesizer, library)
        self._app: ASGIApp = create_app(
            speech,
            settings,
            page=lambda app: mount_page(app, speech, settings),
            gpu=lambda: gpu.latest,
        )
        latest = time.monotonic() + _PATIENCE_S
        while not self._synthesizer.ready:
            if time.monotonic() > latest:
                raise NotReady(reason=loading_reason(self._synthesizer.info.label))
            time.sleep(0.1)
        log.info("%s is ready", self._synthesizer.info.label)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return ReplicaHeader(self._app, serve.get_replica_context().replica_id.unique_id)

    def check_health(self) -> None:
        """Ray asks now and then, and puts another in the place of one that raises."""
        if not self._synthesizer.ready:
            raise NotReady(reason=loading_reason(self._synthesizer.info.label))

    def __del__(self) -> None:
        self._parts.close()


class ReplicaHeader:
    """`app`, whose answers say which replica they come from (`X-Replica`); their `X-Request-Id` is set by the proxy."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-replica"] = self._name
                del headers["x-request-id"]
            await send(message)

        await self._app(scope, receive, signed)
