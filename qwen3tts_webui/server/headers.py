"""What every answer says about itself, errors included: no sniffing, no framing, no foreign code.

In: ASGI. Out: the same with headers. API answers may load nothing at all; the page gets what Gradio cannot do without.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PAGE = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio: its config is inline, gr.HTML compiles templates
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
_PAGE_TYPES = ("text/html", "text/javascript", "application/javascript")  # Python's table names the script either way
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Plain ASGI, because a wrapper around the body would delay the sound."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                # a Worker obeys the policy of its own script
                is_page = headers.get("content-type", "").startswith(_PAGE_TYPES)
                if message["status"] != 304:  # has no type of its own, and what it says replaces what is cached
                    headers.setdefault("Content-Security-Policy", PAGE if is_page else NOTHING)
            await send(message)

        await self._app(scope, receive, with_headers)
