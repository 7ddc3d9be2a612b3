"""HTTP edge: JSON bodies in, localized errors out, and what OpenAPI says about both."""

from qwen3tts_webui.server.http.body_bytes import media_type, read_body
from qwen3tts_webui.server.http.error_responses import ErrorRenderer
from qwen3tts_webui.server.http.errors import (
    BodyTooLarge,
    ChangedMeanwhile,
    ConnectionExpired,
    ForbiddenHost,
    ForbiddenOrigin,
    HeadersTooLarge,
    LocalOnly,
    MalformedForm,
    MalformedJson,
    MalformedRequest,
    MethodNotAllowed,
    NotAModelFolder,
    RangeNotSatisfiable,
    RequestTimeout,
    RouteNotFound,
    Unauthorized,
    UnsupportedMediaType,
    UrlTooLong,
)
from qwen3tts_webui.server.http.file_responses import FileBytes, FileOnDisk
from qwen3tts_webui.server.http.form_body import Form, is_form, read_form, validate_strings
from qwen3tts_webui.server.http.idle_timer import IdleTimer
from qwen3tts_webui.server.http.json_body import (
    JsonObject,
    from_pydantic_detail,
    from_pydantic_error,
    parse_object,
    read_json,
    read_object,
    validate,
)
from qwen3tts_webui.server.http.openapi import (
    body_openapi,
    form_content,
    form_openapi,
    inline_schema,
    openapi_for,
)
from qwen3tts_webui.server.http.openapi_document import complete_document
from qwen3tts_webui.server.http.query import check_query
from qwen3tts_webui.server.http.router import new_router

__all__ = [
    "BodyTooLarge",
    "ChangedMeanwhile",
    "ConnectionExpired",
    "ErrorRenderer",
    "FileBytes",
    "FileOnDisk",
    "ForbiddenHost",
    "ForbiddenOrigin",
    "Form",
    "HeadersTooLarge",
    "IdleTimer",
    "JsonObject",
    "LocalOnly",
    "MalformedForm",
    "MalformedJson",
    "MalformedRequest",
    "MethodNotAllowed",
    "NotAModelFolder",
    "RangeNotSatisfiable",
    "RequestTimeout",
    "RouteNotFound",
    "Unauthorized",
    "UnsupportedMediaType",
    "UrlTooLong",
    "body_openapi",
    "check_query",
    "complete_document",
    "form_content",
    "form_openapi",
    "from_pydantic_detail",
    "from_pydantic_error",
    "inline_schema",
    "is_form",
    "media_type",
    "new_router",
    "openapi_for",
    "parse_object",
    "read_body",
    "read_form",
    "read_json",
    "read_object",
    "validate",
    "validate_strings",
]
