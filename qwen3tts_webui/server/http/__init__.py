"""HTTP edge: JSON bodies in, localized errors out, and what OpenAPI says about both."""

from qwen3tts_webui.server.http.error_responses import ErrorRenderer
from qwen3tts_webui.server.http.errors import (
    BodyTooLarge,
    ConnectionExpired,
    ForbiddenHost,
    ForbiddenOrigin,
    HeadersTooLarge,
    MalformedJson,
    MethodNotAllowed,
    RequestTimeout,
    RouteNotFound,
    Unauthorized,
    UnsupportedMediaType,
)
from qwen3tts_webui.server.http.idle_timer import IdleTimer
from qwen3tts_webui.server.http.json_body import (
    JsonObject,
    from_pydantic_detail,
    from_pydantic_error,
    read_body,
    read_json,
)
from qwen3tts_webui.server.http.openapi import QUERY_ERROR_RESPONSE, inline_schema, openapi_for

__all__ = [
    "QUERY_ERROR_RESPONSE",
    "BodyTooLarge",
    "ConnectionExpired",
    "ErrorRenderer",
    "ForbiddenHost",
    "ForbiddenOrigin",
    "HeadersTooLarge",
    "IdleTimer",
    "JsonObject",
    "MalformedJson",
    "MethodNotAllowed",
    "RequestTimeout",
    "RouteNotFound",
    "Unauthorized",
    "UnsupportedMediaType",
    "from_pydantic_detail",
    "from_pydantic_error",
    "inline_schema",
    "openapi_for",
    "read_body",
    "read_json",
]
