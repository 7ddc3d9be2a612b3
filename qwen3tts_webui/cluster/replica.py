"""One replica: its engines, a page and an API like those of `qwen3tts-webui serve`, on the GPU assigned by Ray.

In: settings. Out: an ASGI app that starts once the engines are ready. Replicas download no models: install them first.
"""

from __future__ import annotations

import contextlib
import logging

import ray
from ray import serve
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen3tts_webui.cli.factory import build_history, build_speech, build_store
from qwen3tts_webui.cluster.engines import load_engines
from qwen3tts_webui.config import Settings
from qwen3tts_webui.engine import GpuMonitor
from qwen3tts_webui.errors import NotReady, loading_reason
from qwen3tts_webui.recognition import find_recognizer
from qwen3tts_webui.server import create_app
from qwen3tts_webui.ui import mount_page

log = logging.getLogger(__name__)


class Replica:
    """The deployment class: started, health-checked and stopped by Ray."""

    def __init__(self, settings: Settings) -> None:
        self._stack = contextlib.ExitStack()
        store = build_store(settings)
        self._synthesizer = self._stack.enter_context(contextlib.closing(load_engines(settings, store)))
        gpus = ray.get_gpu_ids()
        gpu = self._stack.enter_context(contextlib.closing(GpuMonitor(gpu=str(gpus[0]) if gpus else "0")))
        library = self._stack.enter_context(build_history(settings))
        speech = build_speech(settings, self._synthesizer, library)
        self._app: ASGIApp = create_app(
            speech,
            settings,
            page=lambda app: mount_page(app, speech, settings),
            gpu=lambda: gpu.latest,
            recognizer=find_recognizer(settings.recognizer),
        )
        log.info("ready: %s", ", ".join(engine.info.label for engine in self._synthesizer.engines))

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return ReplicaHeader(self._app, serve.get_replica_context().replica_id.unique_id)

    def check_health(self) -> None:
        """Called by Ray periodically; a replica that raises is replaced."""
        for engine in self._synthesizer.engines:
            if not engine.ready:
                raise NotReady(reason=loading_reason(engine.info.label))

    def __del__(self) -> None:
        self._stack.close()


class ReplicaHeader:
    """Wrap `app` to name the replica in each response (`X-Replica`). The proxy sets `X-Request-Id` itself."""

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["x-replica"] = self._name
                del headers["x-request-id"]
            await send(message)

        await self._app(scope, receive, send_with_header)
