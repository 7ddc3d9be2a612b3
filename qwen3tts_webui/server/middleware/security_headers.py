"""What every answer says about itself, errors included: no sniffing, no framing, no foreign code.

In: ASGI. Out: the same with headers. API answers may load nothing at all; the page gets what Gradio cannot do without.
Tried in Chromium with Gradio 6.31: its own inline scripts (its config is one, different for each address) run by their
hashes, so nothing that is put into the page later does, neither `<script>` nor `onerror=`; without 'unsafe-eval' the
page stays at "Loading...", because Gradio compiles its HTML components' templates and `js=` with `Function`; and its
components set `style=`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_SCRIPT_TYPES = ("text/javascript", "application/javascript")  # Python's table names it either way
_INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script", re.DOTALL | re.IGNORECASE)
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), payment=(), usb=()"),
)


def page_policy(scripts: Iterable[str]) -> str:
    """The policy of a page; `scripts` are the sources of scripts besides its own files."""
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


def hashes(html: bytes) -> list[str]:
    """The inline scripts of a page as sources."""
    digests = (hashlib.sha256(script).digest() for script in _INLINE.findall(html))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


class SecurityHeaders:
    """Plain ASGI, because a wrapper around the body would delay the sound. Only pages wait until they are whole."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held: Message | None = None
        html: list[bytes] = []

        async def with_headers(message: Message) -> None:
            nonlocal held
            if held is not None:
                html.append(message.get("body", b""))
                if message.get("more_body", False):
                    return
                scripts = [*hashes(b"".join(html)), "'unsafe-eval'"]
                MutableHeaders(scope=held).setdefault("Content-Security-Policy", page_policy(scripts))
                await send(held)
                message, held = {"type": "http.response.body", "body": b"".join(html)}, None
            elif message["type"] == "http.response.start":
                given = {name for name, _ in message.get("headers", ())}
                rest = [pair for pair in _ALWAYS if pair[0] not in given]
                message = {**message, "headers": [*message.get("headers", ()), *rest]}
                headers = MutableHeaders(scope=message)
                kind = headers.get("content-type", "")
                if (
                    kind.startswith("text/html") and "content-encoding" not in headers
                ):  # what cannot be read loads nothing
                    held = message
                    return
                if message["status"] != 304:  # has no type of its own, and what it says replaces what is cached
                    # a Worker obeys the policy of its own script
                    policy = page_policy(()) if kind.startswith(_SCRIPT_TYPES) else NOTHING
                    headers.setdefault("Content-Security-Policy", policy)
            await send(message)

        await self._app(scope, receive, with_headers)
