"""`POST /api/normalize`: how a text will be read, before it is."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from qwen3tts_webui.errors import TextTooLong
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import inline_schema, new_router, read_json
from qwen3tts_webui.server.routes.tts import max_body_bytes
from qwen3tts_webui.server.schemas import Body
from qwen3tts_webui.speech import spoken_lines
from qwen3tts_webui.text import AUTO, MarkupOptions
from qwen3tts_webui.types import NormalizeMode


class NormalizeBody(Body):
    """`POST /api/normalize`."""

    text: str = Field(description="The text as typed.", examples=["The trip is 5 km."])
    language: str = Field(default=AUTO, description="A language code or name, or auto.", examples=["en"])
    mode: NormalizeMode | None = Field(
        default=None,
        description="auto, on or off, as `normalize` of /api/tts. null: what the active engine reads (on for the "
        "preview voice, else auto).",
        examples=["on"],
    )
    skip_code: bool = Field(default=True, description="Whether code blocks are left out.")
    skip_tables: bool = Field(default=True, description="Whether tables are left out.")


def normalization_router(server: ServerContext) -> APIRouter:
    router = new_router(tags=["text"])
    max_bytes = max_body_bytes(server.settings)
    speech = server.speech

    async def normalize(request: Request) -> dict[str, Any]:
        """Return each line as typed and as it will be read.

        `spans` are the changed ranges: [start, end, spoken_start, spoken_end] in characters (Unicode code points) of
        `text` and `spoken`.
        """
        body = await read_json(request, NormalizeBody, max_bytes=max_bytes)
        if len(body.text) > speech.max_text:
            raise TextTooLong(length=len(body.text), limit=speech.max_text)
        mode: NormalizeMode = body.mode or ("on" if speech.info.preview else "auto")
        markup = MarkupOptions(skip_code=body.skip_code, skip_tables=body.skip_tables)
        lines = await run_in_threadpool(spoken_lines, body.text, body.language, mode, speech.lexicon, markup=markup)
        return {
            "lines": [
                {"text": one.written, "language": one.language, "spoken": one.spoken, "spans": one.spans}
                for one in lines
            ]
        }

    content = {"application/json": {"schema": inline_schema(NormalizeBody)}}
    described = {"requestBody": {"required": True, "content": content}}
    router.add_api_route("/api/normalize", normalize, methods=["POST"], openapi_extra=described)
    return router
