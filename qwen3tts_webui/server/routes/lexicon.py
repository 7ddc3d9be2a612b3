"""`/api/lexicon`: the user's own pronunciations, as JSON or as a CSV file.

In: all entries; they replace the old ones, with `If-Match` only those that the client has seen. Out: all entries, and
their `ETag`. Later requests use them, with every engine.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import asdict

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.responses import JSONResponse

from qwen3tts_webui.errors import ANOTHER_VALUE, ErrorDetail, InvalidValue, one_of
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import (
    ChangedMeanwhile,
    FileBytes,
    inline_schema,
    media_type,
    new_router,
    read_body,
    read_json,
)
from qwen3tts_webui.server.schemas import Body
from qwen3tts_webui.text import AUTO, MAX_ENTRIES, Lexicon, LexiconEntry, parse_csv, parse_language, write_csv

CSV = "text/csv"
_MAX_BYTES = 2 * 2**20
_UTF8 = ErrorDetail("utf8_csv", "a CSV file in UTF-8")


class EntryBody(Body):
    """One pronunciation."""

    written: str = Field(description="The word or phrase, 1 to 100 characters.", examples=["SQL"])
    spoken: str = Field(
        description="How it is read: a respelling, kana, or pinyin with tone numbers.", examples=["sequel"]
    )
    language: str = Field(default=AUTO, description="A code or name; auto: in every language.", examples=["en"])
    case_sensitive: bool = Field(default=False, description="Whether the case must match.")


class LexiconBody(Body):
    """`PUT /api/lexicon`."""

    entries: list[EntryBody] = Field(description=f"All entries, at most {MAX_ENTRIES}.")


def lexicon_router(server: ServerContext) -> APIRouter:
    router = new_router(prefix="/api/lexicon", tags=["text"])
    file = server.speech.lexicon_file

    def rendered(lexicon: Lexicon, format: str) -> Response:
        if format == "csv":
            headers = {"Content-Disposition": 'attachment; filename="lexicon.csv"'}
            return FileBytes(write_csv(lexicon).encode(), media_type=CSV, headers=headers)
        return JSONResponse({"entries": [asdict(entry) for entry in lexicon.entries]}, headers={"ETag": _tag(lexicon)})

    @router.get("", response_class=Response)
    def lexicon(format: str = "json") -> Response:
        """All entries: json, or csv (written, language, spoken, case_sensitive)."""
        if format not in ("json", "csv"):
            raise InvalidValue(field="format", expected=one_of(("json", "csv")), got=ANOTHER_VALUE)
        return rendered(file.read(), format)

    async def replace(request: Request) -> Response:
        """Replace all entries: JSON, or the CSV file as it is, with `Content-Type: text/csv`.

        With the `ETag` of a response in `If-Match`, only if they are still the same; otherwise 412.
        """
        if media_type(request) == CSV:
            new = _from_csv(await read_body(request, (CSV,), max_bytes=_MAX_BYTES))
        else:
            new = _from_json(await read_json(request, LexiconBody, max_bytes=_MAX_BYTES))
        seen = [tag.strip() for tag in request.headers.get("if-match", "*").split(",")]
        unless = None if "*" in seen else lambda now: _tag(now) not in seen
        if not await asyncio.to_thread(file.replace, new, unless=unless):
            raise ChangedMeanwhile
        return rendered(new, "json")

    content = {"application/json": {"schema": inline_schema(LexiconBody)}, CSV: {"schema": {"type": "string"}}}
    described = {"requestBody": {"required": True, "content": content}}
    router.add_api_route("", replace, methods=["PUT"], response_class=Response, openapi_extra=described)
    return router


def _tag(lexicon: Lexicon) -> str:
    """The ETag of its JSON and of its CSV file."""
    return f'"{hashlib.sha256(write_csv(lexicon).encode()).hexdigest()[:32]}"'


def _from_csv(data: bytes) -> Lexicon:
    try:
        return parse_csv(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidValue(field="lexicon", expected=_UTF8, got=ANOTHER_VALUE) from None


def _from_json(body: LexiconBody) -> Lexicon:
    return Lexicon(
        LexiconEntry(entry.written, entry.spoken, parse_language(entry.language), entry.case_sensitive)
        for entry in body.entries
    )
