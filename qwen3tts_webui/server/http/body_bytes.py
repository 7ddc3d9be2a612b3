"""Request body: ASGI messages -> bytes of an expected type, with the size checked before and while reading."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from fastapi import Request
from starlette.requests import ClientDisconnect

from qwen3tts_webui.server.http.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding, UnsupportedMediaType


async def read_body(request: Request, types: Sequence[str], *, max_bytes: int) -> bytes:
    """Return the raw body if its content type is one of `types`. Raises `UnsupportedMediaType`, `BodyTooLarge`."""
    if len(request.headers.getlist("content-type")) != 1 or media_type(request) not in types:
        raise UnsupportedMediaType()
    return b"".join([chunk async for chunk in bounded_chunks(request, max_bytes)])


def media_type(request: Request) -> str:
    """Return the declared type of the body in lowercase, without parameters; "" if there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def bounded_chunks(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yield the body as it arrives.

    Raises `BodyTooLarge`, at once if its declared length is too large; `UnsupportedEncoding` for a compressed body, and
    `MalformedRequest` if the client leaves before its end.
    """
    encodings = request.headers.getlist("content-encoding")
    if any(encoding.strip().lower() not in ("", "identity") for encoding in encodings):
        raise UnsupportedEncoding()
    too_large = BodyTooLarge(limit_kib=max_bytes // 1024)
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > max_bytes:
        raise too_large
    length = 0
    try:
        async for chunk in request.stream():
            length += len(chunk)
            if length > max_bytes:
                raise too_large
            yield chunk
    except ClientDisconnect:
        raise MalformedRequest() from None
