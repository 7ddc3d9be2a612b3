"""What FastAPI cannot see of a route that reads its own body: for OpenAPI.

In: the model of the body, examples, what comes back. Out: arguments for `add_api_route`.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "field": {"type": "string"}},
            "required": ["code", "message"],
        }
    },
    "required": ["error"],
}
WRONG_QUERY: dict[int | str, dict[str, Any]] = {
    422: {"description": "A parameter that does not fit", "content": {"application/json": {"schema": _ERROR}}}
}
"""For every route: it replaces what FastAPI writes of its own errors, which never leave this server."""

_HEADERS = {
    "X-Request-Id": "Your own id, [A-Za-z0-9_-]{8,64}, new; without it one is drawn.",
    "X-Deadline-Ms": "Milliseconds until the last byte; what is not done by then ends with deadline_exceeded.",
    "Accept-Language": "en or zh: the language of error messages.",
}


def documented(
    body: type[BaseModel],
    *,
    statuses: tuple[int, ...],
    content: Mapping[str, Any],
    examples: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """`statuses` are the errors, `content` the types of a 200, `examples` whole bodies by name."""
    answers: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": _ERROR}}}
        for status in statuses
    }
    answers[200] = {"description": "The sound", "content": dict(content)}
    described = {"schema": schema(body), "examples": {name: {"value": value} for name, value in examples.items()}}
    headers = [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in _HEADERS.items()
    ]
    return {
        "responses": answers,
        "openapi_extra": {
            "parameters": headers,
            "requestBody": {"required": True, "content": {"application/json": described}},
        },
    }


def schema(body: type[BaseModel]) -> dict[str, Any]:
    """The body's JSON schema without references, which would point out of it."""
    whole = body.model_json_schema()
    parts = whole.pop("$defs", {})

    def inlined(node: Any) -> Any:
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            return inlined(parts[name]) if name else {key: inlined(value) for key, value in node.items()}
        return [inlined(value) for value in node] if isinstance(node, list) else node

    written: dict[str, Any] = inlined(whole)
    return written
