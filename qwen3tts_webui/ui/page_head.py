"""What the page loads, in the `<head>` of the HTML that Gradio renders.

Gradio's own `head=` is added by its scripts once they run. Here the browser reads it first, and loads everything while
those scripts start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_END = b"</head>"
_LINKS = """
<link rel="preload" as="style" href="theme.css?v={theme}">
<link rel="stylesheet" href="{studio}/styles.css">
<link rel="icon" type="image/svg+xml" href="studio/icons/icon.svg">
<link rel="apple-touch-icon" href="studio/icons/icon-192.png">
<meta name="theme-color" content="#f6f6f3">
<link rel="preload" as="fetch" crossorigin="anonymous" href="studio/bootstrap.json">
<script type="module" src="{studio}/page.js"></script>
"""


def page_links(studio: str, gradio: Iterable[str], theme: str) -> str:
    """Return the markup that loads the folder `studio` and the files `gradio` of Gradio's /assets.

    `theme` is the hash of Gradio's theme.
    """
    return "".join(_gradio_link(f"assets/{name}") for name in gradio) + _LINKS.format(studio=studio, theme=theme)


def _gradio_link(url: str) -> str:
    """Load a script early. A stylesheet is in styles.css: Gradio's scripts do not load one that the page links."""
    if url.endswith(".css"):
        return f'<link rel="stylesheet" disabled href="{url}">\n'
    return f'<link rel="modulepreload" href="{url}">\n'


class PageHead:
    """ASGI: adds the result of `markup` to the end of the head of every HTML page."""

    def __init__(self, app: ASGIApp, markup: Callable[[], str]) -> None:
        self._app = app
        self._markup = markup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message | None = None
        html = b""

        async def with_markup(message: Message) -> None:
            nonlocal start, html
            if message["type"] == "http.response.start" and _is_html(message):
                start = message
            elif start is None:
                await send(message)
            else:
                html += message.get("body", b"")
                if not message.get("more_body", False):
                    body = html.replace(_END, self._markup().encode() + _END, 1)
                    MutableHeaders(scope=start)["content-length"] = str(len(body))
                    await send(start)
                    await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, with_markup)


def _is_html(start: Message) -> bool:
    return MutableHeaders(scope=start).get("content-type", "").startswith("text/html")
