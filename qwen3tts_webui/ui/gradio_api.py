"""The endpoints for Gradio's own clients: `/generate` and `/generate_stream`.

In: text, language and voice description. Out: a link to a WAV file, or chunks of audio. Both call `POST /api/tts` of
the same app with the caller's headers, so that keys, limits, queue and history are those of every other client.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, cast

import gradio as gr
from gradio.events import api
from starlette.types import ASGIApp, Message

_INCOMPLETE = "The audio is incomplete."
_MAX_UNREAD = 32  # messages, of 80 ms each
_POLL_S = 0.25
_COPIED_HEADERS = ("host", "authorization", "cookie", "accept-language")


def add_endpoints(app: ASGIApp, page: gr.Blocks, *, client_timeout_s: float) -> None:
    """Add the endpoints to `page`, the current `gr.Blocks`.

    A stream is cancelled after `client_timeout_s` without reading by its client.
    """

    async def generate(
        text: str, language: str = "auto", voice_desc: str = "", request: gr.Request | None = None
    ) -> gr.FileData:
        """Synthesize `text` in a voice described in words, as a WAV file."""
        assert request is not None
        body = {"text": text, "language": language, "voice_desc": voice_desc, "format": "wav", "streaming": False}
        async with aclosing(_post(app, "link=1", body, request)) as parts:
            link = json.loads(b"".join([part async for part in parts]))
        url = f"{request.request.url.scheme}://{request.headers['host']}{link['url']}"  # type: ignore[union-attr]
        return gr.FileData(path=url, url=url, orig_name="speech.wav", mime_type="audio/wav")

    async def generate_stream(
        text: str, language: str = "auto", voice_desc: str = "", request: gr.Request | None = None
    ) -> AsyncGenerator[str, None]:
        """Synthesize `text`, yielding chunks while it is generated: base64 of s16le, mono, 24 kHz."""
        assert request is not None
        body = {"text": text, "language": language, "voice_desc": voice_desc, "packet_ms": 80, "streaming": True}
        session = request.session_hash or ""
        posted = _post(app, "", body, request, is_gone=lambda: not _is_listening(page, session))
        async with aclosing(posted) as chunks:
            async for chunk in chunks:
                await _until_read(page, session, client_timeout_s)
                yield base64.b64encode(chunk).decode("ascii")

    types = {"text": str, "language": str, "voice_desc": str, "request": gr.Request}
    generate.__annotations__ = {**types, "return": gr.FileData}  # Gradio does not resolve postponed annotations
    generate_stream.__annotations__ = {**types, "return": str}  # of one chunk
    for endpoint in (generate, generate_stream):
        api(endpoint, api_name=endpoint.__name__, concurrency_limit=None)


def _is_listening(page: gr.Blocks, session: str) -> bool:
    """Whether the client still receives events.

    Gradio closes a generator without a listener only at its next value, which a request in our queue may be far from.
    """
    return any(job.alive and job.session_hash == session for jobs in page._queue.active_jobs for job in jobs or ())


async def _until_read(page: gr.Blocks, session: str, timeout_s: float) -> None:
    """Wait while a client leaves too many messages of its session unread: Gradio would store any number of them.

    Raises `gr.Error` after `timeout_s`.
    """
    messages = page._queue.pending_messages_per_session.get(session)
    until = time.monotonic() + timeout_s
    while messages is not None and messages.qsize() >= _MAX_UNREAD:
        if time.monotonic() > until:
            raise gr.Error(_INCOMPLETE, print_exception=False)
        await asyncio.sleep(0.05)


async def _post(
    app: ASGIApp,
    query: str,
    body: Mapping[str, Any],
    caller: gr.Request,
    is_gone: Callable[[], bool] = lambda: False,
) -> AsyncGenerator[bytes, None]:
    """Call `POST /api/tts` in this process and yield the response. Raises `gr.Error` with our message.

    Closing the generator disconnects, which cancels synthesis; so does `is_gone`.
    """
    messages: asyncio.Queue[Message | None] = asyncio.Queue(8)
    disconnected = asyncio.Event()
    request = iter([json.dumps(body).encode()])

    async def receive() -> Message:
        for data in request:
            return {"type": "http.request", "body": data, "more_body": False}
        await disconnected.wait()
        return {"type": "http.disconnect"}

    async def run() -> None:
        try:
            await app(_scope(query, caller), receive, messages.put)
        finally:
            await messages.put(None)

    running = asyncio.create_task(run())
    try:
        failed, complete, error = False, False, b""
        while (message := await _next(messages, is_gone)) is not None:
            data = message.get("body", b"")
            if message["type"] == "http.response.start":
                failed = message["status"] >= 400
            elif failed:
                error += data
            elif data:
                yield data
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        if failed or not complete:
            raise gr.Error(_message(error), print_exception=False)
    finally:
        disconnected.set()
        running.cancel()


async def _next(messages: asyncio.Queue[Message | None], is_gone: Callable[[], bool]) -> Message | None:
    """The next message. None is the end, also when the client is gone."""
    while True:
        try:
            return await asyncio.wait_for(messages.get(), _POLL_S)
        except asyncio.TimeoutError:
            if is_gone():
                return None


def _scope(query: str, caller: gr.Request) -> dict[str, Any]:
    given = cast(Mapping[str, str], caller.headers)
    headers = [(name.encode(), given[name].encode("latin-1")) for name in _COPIED_HEADERS if name in given]
    client = caller.client
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/tts",
        "raw_path": b"/api/tts",
        "query_string": query.encode(),
        "root_path": "",
        "headers": [*headers, (b"content-type", b"application/json")],
        "client": None if client is None else (client.host, client.port),
        "server": None,
        "extensions": {},
    }


def _message(body: bytes) -> str:
    """Return the message of our error response."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return _INCOMPLETE
