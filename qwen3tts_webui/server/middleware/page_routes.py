"""Close the routes of Gradio that the page does not use: uploads, direct calls, monitoring, development.

In: ASGI requests. Out: the same for the routes that the page and Gradio's clients use, with a small JSON body; for all
others an error in the format of this API. Knows the routes by name only.
"""

from __future__ import annotations

import json
import re

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen3tts_webui.errors import RequestError, SpeechError
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import BodyTooLarge, MalformedJson, RouteNotFound
from qwen3tts_webui.server.middleware.access_control import reject

_PREFIX = "/gradio_api"
_GET = re.compile(
    r"/(info|startup-events|app_id|theme\.css|queue/data|heartbeat/[\w-]+|file=.+|call/generate(_stream)?/\w+)/?"
)
_LINK = re.compile(r"/file=https?://[^/]+(/api/stream/[\w.~-]+)")
_POST = re.compile(r"/(queue/join|call/generate(_stream)?|cancel|reset)/?")
_CLOSED = re.compile(r"/(monitoring|login|logout|svelte|gradio_api/deep_link)(/.*)?")
_MAX_BYTES_PER_CHAR = 12


class PageRoutesMiddleware:
    """ASGI: rejects what is closed, and bodies that are too large or not JSON; hides what Gradio says about errors."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._errors = context.errors
        self._max_bytes = _MAX_BYTES_PER_CHAR * context.settings.max_text + 65_536

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if scope["type"] == "http" and not path.startswith(("/api/", "/v1/")):
            send = _without_cors(send)
        if not path.startswith(_PREFIX) and not (_CLOSED.fullmatch(path) and path != "/login"):
            await self._app(scope, receive, send)
            return
        try:
            link = _LINK.fullmatch(path[len(_PREFIX) :])
            if link is not None:  # Gradio's Python client asks for every file in this way
                await RedirectResponse(scope.get("root_path", "") + link[1])(scope, receive, send)
                return
            if scope["method"] in ("GET", "HEAD") and _GET.fullmatch(path[len(_PREFIX) :]):
                await self._app(scope, receive, send)
                return
            if scope["method"] != "POST" or not _POST.fullmatch(path[len(_PREFIX) :]):
                raise RouteNotFound()
            body = await self._read(receive)
        except SpeechError as error:
            await reject(error, self._errors, scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), self._hide_errors(scope, receive, send))

    async def _read(self, receive: Receive) -> bytes:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._max_bytes:
                raise BodyTooLarge(limit_kib=self._max_bytes // 1024)
        try:
            if isinstance(json.loads(body), dict):
                return body
        except (ValueError, RecursionError):
            pass
        raise MalformedJson()

    def _hide_errors(self, scope: Scope, receive: Receive, send: Send) -> Send:
        """Replace a response of status 400 or above: its body may repeat what was sent."""
        failed = False

        async def hiding(message: Message) -> None:
            nonlocal failed
            if message["type"] == "http.response.start" and message["status"] >= 400:
                failed = True
                await reject(RequestError(reason="rejected"), self._errors, scope, receive, send)
            elif not failed:
                await send(message)

        return hiding


def _without_cors(send: Send) -> Send:
    """Drop Gradio's own CORS headers, which allow any origin on this machine."""

    async def filtering(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [header for header in message.get("headers", ()) if not header[0].startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return filtering


def _replay(body: bytes, receive: Receive) -> Receive:
    pending = [body]

    async def replaying() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replaying
