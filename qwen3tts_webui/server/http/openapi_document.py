"""The OpenAPI document as a whole: operation ids, named schemas, the key, and the errors that every route can return.

In: the document as FastAPI generates it from the routes. Out: the same, exact enough to generate clients from.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from qwen3tts_webui.server.http.json_body import JsonObject
from qwen3tts_webui.server.http.openapi import ERROR_SCHEMA

_OPEN_PATHS = ("/health", "/ready", "/api/stream/{token}")
_ERROR_REF = {"$ref": "#/components/schemas/Error"}
_ALWAYS = (405, 408, 414, 429, 431)
_RANGES = ("/audio", "/subtitles", "/picture.png", "/sample", "/export")  # answered by `FileBytes`
_AUDIO = ("audio/wav", "audio/flac", "audio/mpeg", "audio/ogg", "audio/pcm")
_FILES = {  # responses of GET that are not JSON, by the end of the path
    "/audio": _AUDIO,
    "/api/stream/{token}": _AUDIO,
    "/subtitles": ("application/x-subrip", "text/vtt"),
    "/segments.zip": ("application/zip",),
    "/picture.png": ("image/png",),
    "/sample": ("audio/ogg",),
    "/events": ("text/event-stream",),
    "/metrics": ("text/plain",),
}
_WITH_BODY = (400, 413, 415)


def complete_document(document: JsonObject) -> JsonObject:
    """Complete `document` in place and return it."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Error"] = ERROR_SCHEMA
    components["securitySchemes"] = {"apiKey": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"apiKey": []}, {}]  # keys are required only if the server has any
    for path, method, operation in _operations(document):
        operation["operationId"] = _operation_id(path, method)
        if path in _OPEN_PATHS:
            operation["security"] = []
        _name_bodies(operation, schemas)
        if method == "get":
            _name_file_types(operation, path)
        _add_errors(operation, path)
    return document


def _operations(document: JsonObject) -> Iterator[tuple[str, str, JsonObject]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _operation_id(path: str, method: str) -> str:
    """Return "get_history_by_entry_id" for GET /api/history/{entry_id}."""
    steps = path.strip("/").removeprefix("api/").replace(".", "_").replace("-", "_").split("/")
    words = [step for step in steps if not step.startswith("{")]
    if steps[-1].startswith("{"):
        words += ["by", steps[-1].strip("{}")]
    return "_".join([method, *words])


def _name_bodies(operation: JsonObject, schemas: JsonObject) -> None:
    """Move the schemas of request bodies to the components."""
    for mime, content in operation.get("requestBody", {}).get("content", {}).items():
        title = content.get("schema", {}).get("title")
        if title is not None:
            name = title if mime == "application/json" else f"{title}Form"
            schemas[name] = {**content["schema"], "title": name}
            content["schema"] = {"$ref": f"#/components/schemas/{name}"}


def _name_file_types(operation: JsonObject, path: str) -> None:
    """Declare the content types of a route that answers with a file."""
    for end, mimes in _FILES.items():
        if path.endswith(end):
            binary, text = {"type": "string", "format": "binary"}, {"type": "string"}
            content = {mime: {"schema": text if mime.startswith("text/") else binary} for mime in mimes}
            operation["responses"]["200"]["content"] = content


def _add_errors(operation: JsonObject, path: str) -> None:
    responses: dict[str, Any] = operation["responses"]
    statuses = [*_ALWAYS, *(_WITH_BODY if "requestBody" in operation else ()), *((404,) if "{" in path else ())]
    if path not in _OPEN_PATHS:
        statuses.append(401)
    if path.endswith(_RANGES):
        statuses += [206, 416]
    for status in map(str, statuses):
        responses.setdefault(status, {"description": HTTPStatus(int(status)).phrase})
    for status, response in responses.items():
        if status.isdecimal() and int(status) >= 400:
            response["content"] = {"application/json": {"schema": _ERROR_REF}}
    operation["responses"] = dict(sorted(responses.items()))
