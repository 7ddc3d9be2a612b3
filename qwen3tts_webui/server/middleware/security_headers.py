"""Security headers of every response, errors included: no sniffing, no framing, no third-party code.

API responses may load nothing at all; the page gets what Gradio needs, as tested in Chromium with Gradio 6.31: its
inline scripts (its config is one, and differs by URL) are allowed by hash, so scripts injected later (`<script>`,
`onerror=`) do not run; 'unsafe-eval' is required because Gradio compiles the templates of its HTML components and `js=`
with `Function`; inline styles because its components set `style=`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DENY_ALL_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_SCRIPT_TYPES = ("text/javascript", "application/javascript")  # Python's mimetypes returns either
_INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script", re.DOTALL | re.IGNORECASE)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), payment=(), usb=()"),
)


def page_csp(scripts: Iterable[str]) -> str:
    """Return the Content-Security-Policy of a page; `scripts` are script sources besides its own files."""
    return "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self'", *scripts]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "object-src 'none'",
            "frame-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'self'",
            "form-action 'self'",
        ]
    )


def script_hashes(html: bytes) -> list[str]:
    """Return the inline scripts of a page as CSP sources."""
    digests = (hashlib.sha256(script).digest() for script in _INLINE.findall(html))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


class SecurityHeaders:
    """Plain ASGI, because wrapping the body would delay audio. Only HTML pages are buffered until complete."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        html: list[bytes] = []

        async def with_headers(message: Message) -> None:
            nonlocal start
            if start is not None:
                html.append(message.get("body", b""))
                if message.get("more_body", False):
                    return
                scripts = [*script_hashes(b"".join(html)), "'unsafe-eval'"]
                MutableHeaders(scope=start).setdefault("Content-Security-Policy", page_csp(scripts))
                await send(start)
                message, start = {"type": "http.response.body", "body": b"".join(html)}, None
            elif message["type"] == "http.response.start":
                present = {name for name, _ in message.get("headers", ())}
                missing = [pair for pair in _HEADERS if pair[0] not in present]
                message = {**message, "headers": [*message.get("headers", ()), *missing]}
                headers = MutableHeaders(scope=message)
                kind = headers.get("content-type", "")
                if (
                    kind.startswith("text/html") and "content-encoding" not in headers
                ):  # a compressed page cannot be hashed: deny all
                    start = message
                    return
                if message["status"] != 304:  # has no content type, and its headers replace the cached ones
                    # a Worker obeys the CSP of its own script
                    csp = page_csp(()) if kind.startswith(_SCRIPT_TYPES) else DENY_ALL_CSP
                    headers.setdefault("Content-Security-Policy", csp)
            await send(message)

        await self._app(scope, receive, with_headers)
