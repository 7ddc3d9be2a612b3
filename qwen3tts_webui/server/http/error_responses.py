"""Errors as HTTP responses: `{"error": {"code", "message", "field"?}}` in the language of `Accept-Language`.

Only the messages of `SpeechError` classes reach a client: never a traceback, a path or a request's text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from types import MappingProxyType

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from qwen3tts_webui.errors import ErrorDetail, ModelError, NestedError, NotReady, RequestError, SpeechError
from qwen3tts_webui.i18n import PAGE_LANGUAGES, Catalog, negotiate_language
from qwen3tts_webui.server.http.errors import MethodNotAllowed, RangeNotSatisfiable, RouteNotFound
from qwen3tts_webui.server.http.json_body import JsonObject, from_pydantic_detail

_FIELDS = {
    "empty_text": "text",
    "text_too_long": "text",
    "unknown_language": "language",
    "description_too_long": "voice_desc",
    "unknown_voice": "voice",
    "unknown_speaker": "speaker",
}

log = logging.getLogger(__name__)


class ErrorRenderer:
    """Renders errors as JSON in either page language. Both catalogs are loaded once."""

    def __init__(self, by_prefix: Mapping[str, ErrorRenderer] = MappingProxyType({})) -> None:
        """`by_prefix` maps path prefixes to the renderers used below them."""
        self._by_prefix = by_prefix
        self._catalogs = {language: Catalog(language) for language in PAGE_LANGUAGES}

    def to_dict(self, error: SpeechError, accept_language: str) -> JsonObject:
        """Return `code`, `message`, `field` if one field is at fault, `line` if it is in one line of the text.

        `model` is the model that has to be loaded, if that is the reason.

        Details of model files are withheld.
        """
        public = _public(error)
        rendered: JsonObject = {**self.message_dict(public, accept_language)}
        field = public.params.get("field", _FIELDS.get(public.code))
        if field is not None:
            rendered["field"] = str(field)
        if "line" in public.params:
            rendered["line"] = public.params["line"]
        hint = public.params.get("hint")
        if isinstance(hint, ErrorDetail) and hint.code == "needs_model":
            rendered["model"] = str(hint.params["model"])
        return rendered

    def message_dict(self, error: SpeechError, accept_language: str) -> dict[str, str]:
        """Return `code` and `message` of any error, with nothing withheld."""
        return {"code": error.code, "message": self.catalog(accept_language).error(error)}

    def catalog(self, accept_language: str) -> Catalog:
        """Return the messages in the client's language."""
        return self._catalogs[negotiate_language(accept_language)]

    def response(self, error: SpeechError, accept_language: str, headers: Mapping[str, str] | None = None) -> Response:
        """Return the whole response, with `Retry-After` for a 429."""
        extra = dict(headers or {})
        if "retry_after_s" in error.params:
            extra["Retry-After"] = str(error.params["retry_after_s"])
        if isinstance(error, RangeNotSatisfiable):
            extra["Content-Range"] = f"bytes */{error.params['size']}"
        if isinstance(error, MethodNotAllowed) and "allow" in error.params:
            extra["Allow"] = str(error.params["allow"])
        body = json.dumps({"error": self.to_dict(error, accept_language)}, ensure_ascii=False).encode()
        return Response(body, error.status, {"Cache-Control": "no-store", **extra}, media_type="application/json")

    def for_path(self, path: str) -> ErrorRenderer:
        """Return the renderer used for `path`."""
        return next((other for prefix, other in self._by_prefix.items() if path.startswith(prefix)), self)

    def install(self, app: FastAPI) -> None:
        """Render every error that a route of `app` raises."""

        def respond(request: Request, error: SpeechError, headers: Mapping[str, str] | None = None) -> Response:
            accept_language = request.headers.get("accept-language", "")
            return self.for_path(request.url.path).response(error, accept_language, headers)

        async def on_speech_error(request: Request, error: Exception) -> Response:
            assert isinstance(error, SpeechError)
            if error.status >= 500:
                log.warning("%s failed: %s", request.url.path, error.code)
            return respond(request, error)

        async def on_http_exception(request: Request, error: Exception) -> Response:
            assert isinstance(error, HTTPException)
            return respond(request, _from_http_exception(error, request), error.headers)

        async def on_unexpected_error(request: Request, error: Exception) -> Response:
            return respond(request, SpeechError())  # Starlette logs the traceback

        async def on_validation_error(request: Request, error: Exception) -> Response:
            assert isinstance(error, RequestValidationError)
            detail = error.errors()[0]
            return respond(request, from_pydantic_detail(detail, str(detail["loc"][-1])[:40]))

        app.add_exception_handler(SpeechError, on_speech_error)
        app.add_exception_handler(RequestValidationError, on_validation_error)
        app.add_exception_handler(HTTPException, on_http_exception)
        app.add_exception_handler(Exception, on_unexpected_error)


def _public(error: SpeechError) -> SpeechError:
    """Withhold what a model's files lack."""
    if isinstance(error, ModelError):
        return SpeechError()
    reason = error.params.get("reason")
    if isinstance(reason, NestedError) and isinstance(reason.error, ModelError):
        return NotReady(reason=ErrorDetail("unloadable", "the model cannot be loaded; see the log"))
    return error


def _from_http_exception(error: HTTPException, request: Request) -> SpeechError:
    if error.status_code == 404:
        return RouteNotFound()
    if error.status_code == 405:
        return MethodNotAllowed(method=request.method[:16])
    return RequestError(reason=error.detail) if error.status_code < 500 else SpeechError()
