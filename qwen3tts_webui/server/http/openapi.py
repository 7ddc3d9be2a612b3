"""OpenAPI of routes that read their own body, which FastAPI cannot inspect.

In: the body's model, examples, response types. Out: arguments for `add_api_route`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": "string"},
                "line": {"type": "integer"},
            },
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
}
QUERY_ERROR_RESPONSE: dict[int | str, dict[str, Any]] = {
    422: {"description": "Invalid parameter", "content": {"application/json": {"schema": ERROR_SCHEMA}}}
}
"""Response of every route: replaces FastAPI's own validation error, which this server never sends."""

_HEADERS = {
    "X-Request-Id": "Your request id, [A-Za-z0-9_-]{8,64}, unused so far. Default: a random id.",
    "X-Deadline-Ms": "Milliseconds until the last byte; a request that takes longer fails with deadline_exceeded.",
    "Accept-Language": "Language of error messages: en or zh.",
}


def openapi_for(
    body: type[BaseModel],
    *,
    statuses: tuple[int, ...],
    content: Mapping[str, Any],
    examples: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Describe a route: `statuses` of errors, `content` types of a 200, `examples` of complete bodies by name."""
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": ERROR_SCHEMA}}}
        for status in statuses
    }
    responses[200] = {"description": "The audio", "content": dict(content)}
    described = {
        "schema": inline_schema(body),
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    headers = [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ]
    return {
        "responses": responses,
        "openapi_extra": {
            "parameters": headers,
            "requestBody": {"required": True, "content": {"application/json": described}},
        },
    }


def body_openapi(body: type[BaseModel]) -> dict[str, Any]:
    """Describe a route by its JSON body only."""
    content = {"application/json": {"schema": inline_schema(body)}}
    return {"openapi_extra": {"requestBody": {"required": True, "content": content}}}


def inline_schema(body: type[BaseModel]) -> dict[str, Any]:
    """Return the body's JSON schema with its references inlined: they would not resolve inside the document."""
    schema: dict[str, Any] = json.loads(_inline_json(body))
    return schema


@cache
def _inline_json(body: type[BaseModel]) -> str:
    full_schema = body.model_json_schema()
    definitions = full_schema.pop("$defs", {})

    def inlined(node: Any) -> Any:
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            return inlined(definitions[name]) if name else {key: inlined(value) for key, value in node.items()}
        return [inlined(value) for value in node] if isinstance(node, list) else node

    return json.dumps(inlined(full_schema))


def form_content(body: type[BaseModel] | None, file: str) -> dict[str, Any]:
    """Return the content of a form with the file field `file` and the fields of `body`."""
    schema: dict[str, Any] = {"type": "object"} if body is None else inline_schema(body)
    properties = {**schema.get("properties", {}), file: {"type": "string", "format": "binary"}}
    required = [*schema.get("required", []), file]
    return {"multipart/form-data": {"schema": schema | {"properties": properties, "required": required}}}


def form_openapi(body: type[BaseModel] | None, file: str) -> dict[str, Any]:
    """Describe the body of a route that takes only such a form."""
    return {"requestBody": {"required": True, "content": form_content(body, file)}}
