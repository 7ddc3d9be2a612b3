"""Everything that goes wrong, as HTTP: `{"error": {"code", "message", "field"?}}` in the language of `Accept-Language`.

Knows no request's text: only our errors' own sentences reach a client, never a traceback or a path.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from types import MappingProxyType

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from qwen3tts_webui.errors import (
    NestedError,
    MethodNotAllowed,
    ModelError,
    RouteNotFound,
    NotReady,
    ErrorDetail,
    RequestError,
    SpeechError,
)
from qwen3tts_webui.i18n import PAGE_LANGUAGES, Catalog, negotiate_language
from qwen3tts_webui.server.http.json_body import wrong

_FIELDS = {
    "empty_text": "text",
    "text_too_long": "text",
    "unknown_language": "language",
    "description_too_long": "voice_desc",
    "unknown_voice": "voice",
    "unknown_speaker": "speaker",
}

log = logging.getLogger(__name__)


class Problems:
    """Renders errors; holds both languages, read once."""

    def __init__(self, others: Mapping[str, Problems] = MappingProxyType({})) -> None:
        """`others` tell the errors below the paths that they are given for."""
        self._others = others
        self._catalogs = {language: Catalog(language) for language in PAGE_LANGUAGES}

    def told(self, error: SpeechError, accept_language: str) -> dict[str, str]:
        """`code`, `message`, and `field` where one field is to blame. What a model's files lack stays in the log."""
        shown = _public(error)
        told = self.sentence(shown, accept_language)
        field = shown.params.get("field", _FIELDS.get(shown.code))
        if field is not None:
            told["field"] = str(field)
        return told

    def sentence(self, error: SpeechError, accept_language: str) -> dict[str, str]:
        """`code` and `message`, whatever kind of error it is."""
        return {"code": error.code, "message": self.catalog(accept_language).error(error)}

    def catalog(self, accept_language: str) -> Catalog:
        """The sentences in the language that a client reads."""
        return self._catalogs[negotiate_language(accept_language)]

    def answer(self, error: SpeechError, accept_language: str, headers: Mapping[str, str] | None = None) -> Response:
        """The whole response; `Retry-After` with 429."""
        extra = dict(headers or {})
        if "retry_after_s" in error.params:
            extra["Retry-After"] = str(error.params["retry_after_s"])
        body = json.dumps({"error": self.told(error, accept_language)}, ensure_ascii=False).encode()
        return Response(body, error.status, {"Cache-Control": "no-store", **extra}, media_type="application/json")

    def at(self, path: str) -> Problems:
        """Who tells the errors of `path`."""
        return next((other for prefix, other in self._others.items() if path.startswith(prefix)), self)

    def guard(self, app: FastAPI) -> None:
        """Let every error that leaves a route of `app` be told in this way."""

        async def speech_error(request: Request, error: Exception) -> Response:
            assert isinstance(error, SpeechError)
            if error.status >= 500:
                log.warning("%s failed: %s", request.url.path, error.code)
            return self.at(request.url.path).answer(error, _wish(request))

        async def http_error(request: Request, error: Exception) -> Response:
            assert isinstance(error, HTTPException)
            return self.at(request.url.path).answer(_named(error, request), _wish(request), error.headers)

        async def stranger(request: Request, error: Exception) -> Response:
            return self.at(request.url.path).answer(SpeechError(), _wish(request))  # Starlette logs the traceback

        async def wrong_query(request: Request, error: Exception) -> Response:
            assert isinstance(error, RequestValidationError)
            detail = error.errors()[0]
            return self.at(request.url.path).answer(wrong(detail, str(detail["loc"][-1])[:40]), _wish(request))

        app.add_exception_handler(SpeechError, speech_error)
        app.add_exception_handler(RequestValidationError, wrong_query)
        app.add_exception_handler(HTTPException, http_error)
        app.add_exception_handler(Exception, stranger)


def _public(error: SpeechError) -> SpeechError:
    """`error` without what a model's files lack."""
    if isinstance(error, ModelError):
        return SpeechError()
    reason = error.params.get("reason")
    if isinstance(reason, NestedError) and isinstance(reason.error, ModelError):
        return NotReady(reason=ErrorDetail("unloadable", "the model cannot be loaded; the log says why"))
    return error


def _named(error: HTTPException, request: Request) -> SpeechError:
    if error.status_code == 404:
        return RouteNotFound()
    if error.status_code == 405:
        return MethodNotAllowed(method=request.method[:16])
    return RequestError(reason=error.detail) if error.status_code < 500 else SpeechError()


def _wish(request: Request) -> str:
    return request.headers.get("accept-language", "")
