"""`GET /api/voices`: the voices that come with the program, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from ..speech import Speech


def voices_router(speech: Speech) -> APIRouter:
    router = APIRouter(prefix="/api/voices")

    @router.get("")
    async def voices(language: str = "auto") -> dict[str, list[dict[str, Any]]]:
        """The presets of one language (a code or a name), or all of them."""
        return {"presets": [asdict(preset) for preset in speech.presets_of(language)]}

    @router.get("/{voice_id}")
    async def voice(voice_id: str) -> dict[str, Any]:
        """One preset: its description is what `voice_desc` takes."""
        return asdict(speech.presets.get(voice_id))

    return router
