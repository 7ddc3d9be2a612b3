"""Saved voices as JSON, for all routes that return them."""

from __future__ import annotations

from typing import Any, Literal

from qwen3tts_webui.voices import SavedVoice

_FIELDS = ("id", "name", "description", "language", "engine", "seed", "speaker", "starred", "created")


def voice_to_json(voice: SavedVoice) -> dict[str, Any]:
    """Return a saved voice without its codes, its x-vector and its audio.

    `kind` says how it was made, `needs` which kind of checkpoint can use it, and for a cloned voice `model` which one.
    """
    reference = voice.reference
    cloned = {"mode": reference.mode, "model": voice.model, "consent": voice.consent} if reference is not None else {}
    return {field: getattr(voice, field) for field in _FIELDS} | {
        "kind": voice.kind,
        "needs": _needs(voice),
        "continuation": _continuation_kind(voice),
        "has_sample": voice.sample is not None,
        "has_recording": voice.recording is not None,
        **cloned,
    }


def _needs(voice: SavedVoice) -> Literal["base", "custom_voice", "voice_design"] | None:
    if voice.reference is not None:
        return "base"
    if voice.speaker is not None:
        return "custom_voice"
    return None if voice.acoustic_prompt is None else "voice_design"


def _continuation_kind(voice: SavedVoice) -> str:
    """Return what the engine reproduces the voice from."""
    if voice.reference is not None:
        return "cloning"
    if voice.acoustic_prompt is not None:
        return "acoustic_prompt"
    return "description" if voice.engine_voice_id is None else "engine_voice"
