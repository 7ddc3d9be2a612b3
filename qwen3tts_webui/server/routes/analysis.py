"""What the page shows while a text or a description is being typed: the server's own reading of both."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import to_json, warning_message
from qwen3tts_webui.server.http import body_openapi, new_router, read_json
from qwen3tts_webui.server.routes.tts import max_body_bytes
from qwen3tts_webui.server.schemas import Body
from qwen3tts_webui.speech import skip_unsupported
from qwen3tts_webui.text import (
    AUTO,
    LANGUAGES,
    Mention,
    analyze_text,
    detect_language,
    find_mentions,
    is_hard_wrapped,
    join_wrapped_lines,
    missing_dimensions,
    parse_description,
    parse_language,
    strip_markup,
)
from qwen3tts_webui.types import EngineInfo


class AnalyzeTextBody(Body):
    """`POST /api/analyze-text`."""

    text: str = Field(description="The text as typed; its lines end with newlines.")
    language: str = Field(default=AUTO, description='A language code or name, or "auto".', max_length=40)


class AnalyzeDescriptionBody(Body):
    """`POST /api/analyze-description`."""

    description: str = Field(description="A voice description, as for `voice_desc`.")
    language: str = Field(
        default=AUTO, description="The language that will be spoken: accents depend on it.", max_length=40
    )


def analysis_router(server: ServerContext) -> APIRouter:
    router = new_router()
    max_bytes = max_body_bytes(server.settings)

    @router.post("/api/analyze-text", **body_openapi(AnalyzeTextBody))
    async def analyze_text_route(request: Request) -> dict[str, Any]:
        """Return the language, the estimated duration in seconds, and for each line its speed and pause tags.

        `warnings` names the languages that no engine knows; `joined` is a hard-wrapped text with its lines joined,
        else null.
        """
        body = await read_json(request, AnalyzeTextBody, max_bytes=max_bytes)
        language = parse_language(body.language)
        analysis = await run_in_threadpool(analyze_text, body.text, language)
        lines = [{"num_lines": line.num_lines, **asdict(line.tags)} for line in analysis.lines]
        catalog = server.errors.catalog(request.headers.get("accept-language", ""))
        warnings = await run_in_threadpool(lambda: skip_unsupported(strip_markup(body.text), language)[1])
        return {
            "language": analysis.language,
            "seconds": round(analysis.seconds, 2),
            "lines": lines,
            "warnings": [{**to_json(one), "message": warning_message(one, catalog)} for one in warnings],
            "joined": join_wrapped_lines(body.text) if is_hard_wrapped(body.text) else None,
        }

    @router.post("/api/analyze-description", **body_openapi(AnalyzeDescriptionBody))
    async def analyze_description_route(request: Request) -> dict[str, Any]:
        """Return the language of a description, the traits it names, and the dimensions it does not mention.

        Each of `mentions` says with which words, and whether the active engine follows it.
        """
        body = await read_json(request, AnalyzeDescriptionBody, max_bytes=max_bytes)
        language = parse_language(body.language)
        info = server.speech.info
        mentions = [
            {**asdict(mention), "followed": _is_followed(mention, language, info)}
            for mention in find_mentions(body.description)
        ]
        return {
            "mentions": mentions,
            "language": detect_language(body.description),
            "traits": asdict(parse_description(body.description)),
            "missing": list(missing_dimensions(body.description)),
        }

    return router


def _is_followed(mention: Mention, language: str, info: EngineInfo) -> bool:
    if info.followed_traits is None:
        return "description" in info.features
    names = (mention.dimension, *(f"{mention.dimension}:{mention.id}:{code}" for code in _codes(language)))
    return any(name in info.followed_traits for name in names)


def _codes(language: str) -> tuple[str, ...]:
    """For a language that is still to be detected, what is possible counts."""
    return tuple(one.code for one in LANGUAGES) if language == AUTO else (language,)
