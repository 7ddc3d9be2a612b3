"""Request metadata from headers, the same for every synthesis route.

In: an HTTP request. Out: its id, client, deadline and language, together with the server's shared objects.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import Headers

from qwen3tts_webui.errors import ANOTHER_VALUE, SENT_ONCE, InvalidValue, SpeechError, in_range
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import ErrorRenderer, JsonObject
from qwen3tts_webui.server.middleware import caller_of
from qwen3tts_webui.speech import ForeignText, TextWarning, language_detail

_MAX_DEADLINE_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """One request. `received` and `deadline` are on the monotonic clock; `errors` renders errors for its route."""

    server: ServerContext
    errors: ErrorRenderer
    request_id: str
    client: str
    weight: float
    received: float
    deadline: float | None
    accept_language: str

    @classmethod
    def of(cls, request: Request, server: ServerContext) -> RequestContext:
        """Raises `InvalidValue` for a malformed header."""
        received = time.monotonic()
        headers, client = request.headers, caller_of(request.scope)
        return cls(
            server=server,
            errors=server.errors.for_path(request.url.path),
            request_id=server.requests.new_id(_single(headers, "X-Request-Id")),
            client=client,
            weight=server.api_keys.weight_of(client),
            received=received,
            deadline=_deadline(_single(headers, "X-Deadline-Ms"), received),
            accept_language=headers.get("accept-language", ""),
        )

    def localize(self, problem: SpeechError | TextWarning) -> JsonObject:
        """Render an error or a warning in the client's language: `code`, `message`, `field` if there is one."""
        if isinstance(problem, TextWarning):
            message = warning_message(problem, self.errors.catalog(self.accept_language))
            return {"code": problem.code, "message": message}
        return self.errors.to_dict(problem, self.accept_language)


def warning_message(warning: TextWarning, catalog: Catalog) -> str:
    """Return what people read."""
    read_as = language_detail(warning.read_as) if isinstance(warning, ForeignText) else ""
    language = language_detail(warning.language)
    return catalog(f"warning.{warning.code}", line=warning.line + 1, language=language, read_as=read_as)


def _single(headers: Headers, name: str) -> str | None:
    """Return a header that may be sent at most once."""
    values = headers.getlist(name)
    if len(values) > 1:
        raise InvalidValue(field=name, expected=SENT_ONCE, got=len(values))
    return values[0] if values else None


def _deadline(header: str | None, received: float) -> float | None:
    """Parse `X-Deadline-Ms`: milliseconds from now until the last byte."""
    if header is None:
        return None
    if not (header.isascii() and header.isdecimal() and len(header) < 12 and 0 < int(header) <= _MAX_DEADLINE_MS):
        raise InvalidValue(field="X-Deadline-Ms", expected=in_range(1, _MAX_DEADLINE_MS), got=ANOTHER_VALUE)
    return received + int(header) / 1000
