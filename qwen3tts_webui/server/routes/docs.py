"""`/openapi.json`, and `/docs`: the same as one plain HTML page without scripts, so that it works offline.

In: the app's OpenAPI document. Out: HTML. Each route with a body shows an example to copy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from starlette.responses import HTMLResponse, JSONResponse

from qwen3tts_webui.server.http import JsonObject, new_router
from qwen3tts_webui.server.middleware import DENY_ALL_CSP

_STYLE = """:root{color-scheme:light dark}
body{font:16px/1.55 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin:2.5rem 0 .3rem;font-size:1.05rem;font-family:ui-monospace,monospace}h2 b{color:#1a7f5a}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .6rem;border-top:1px solid #8884;
vertical-align:top}pre{overflow:auto;padding:.8rem;border:1px solid #8884;border-radius:.5rem}"""
_CSP = DENY_ALL_CSP.replace("frame-ancestors", "style-src 'unsafe-inline'; frame-ancestors")


def docs_router(app: FastAPI) -> APIRouter:
    """The document is generated on the first request, when all routes exist."""
    router = new_router(include_in_schema=False)

    @router.get("/openapi.json")
    def document() -> Response:
        return JSONResponse(app.openapi())

    @router.get("/docs")
    def docs() -> Response:
        return HTMLResponse(render_docs(app.openapi()), headers={"Content-Security-Policy": _CSP})

    return router


def render_docs(document: JsonObject) -> str:
    """Return the page."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    operations = "".join(
        _operation(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>{title}</h1>'
        "<p>Machine-readable: <a href=openapi.json>openapi.json</a>. To stream text as it is written, use the "
        "WebSocket /ws/tts (docs/api/websocket.md).</p>"
        f"{operations}</html>"
    )


def example_of(document: JsonObject, operation: JsonObject) -> JsonObject | None:
    """Return a body for the operation from the examples in its schema; None without a JSON body or examples."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = _resolved(document, content.get("schema", {}))
    if "example" in content:
        return dict(content["example"])
    if schema.get("examples"):
        return dict(schema["examples"][0])
    required = schema.get("required", ())
    fields = {
        name: _resolved(document, field)["examples"][0]
        for name, field in schema.get("properties", {}).items()
        if _resolved(document, field).get("examples") and (name in required or not required)
    }
    return fields or None


def _operation(document: JsonObject, path: str, method: str, operation: JsonObject) -> str:
    description = escape(operation.get("description") or operation.get("summary", ""))
    parts = [f"<h2><b>{method.upper()}</b> {escape(path)}</h2><p>{description}</p>", *_tables(document, operation)]
    example = example_of(document, operation)
    if example is not None:
        body = json.dumps(example, ensure_ascii=False, indent=2).replace("'", "'\\''")
        parts.append(
            f"<pre>curl -X {method.upper()} http://127.0.0.1:7860{escape(path)} -o response \\\n"
            f"  -H 'Content-Type: application/json' -d '{escape(body)}'</pre>"
        )
    responses = ", ".join(
        f"{status} {escape(response['description'])}" for status, response in operation["responses"].items()
    )
    parts.append(f"<p><small>Responses: {responses}</small></p>")
    return "".join(parts)


def _tables(document: JsonObject, operation: JsonObject) -> Iterator[str]:
    rows = [
        (parameter["name"], parameter["in"], parameter.get("schema", {}), parameter.get("description", ""))
        for parameter in operation.get("parameters", ())
    ]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolved(document, content.get("schema", {}))
        for name, field in schema.get("properties", {}).items():
            resolved = _resolved(document, field)
            rows.append((name, "body", resolved, resolved.get("description", "")))
    if rows:
        cells = "".join(
            f"<tr><td><code>{escape(name)}</code><td>{location}<td>{escape(_type(schema))}<td>{escape(description)}"
            for name, location, schema, description in rows
        )
        yield f"<table><tr><th>name<th>in<th>type<th>description{cells}</table>"


def _type(schema: JsonObject) -> str:
    kinds = schema.get("anyOf", [schema])
    types = " or ".join(str(kind.get("type", kind.get("$ref", "").rsplit("/", 1)[-1])) for kind in kinds)
    return f"{types} = {json.dumps(schema['default'])}" if schema.get("default") is not None else types


def _resolved(document: JsonObject, schema: JsonObject) -> JsonObject:
    if "$ref" not in schema:
        return schema
    found: Any = document
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found.get(step, {})
    return dict(found)
