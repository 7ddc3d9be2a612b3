"""The initial data of the page, as one JSON object.

In: `Speech` and settings. Out: messages, presets, limits, examples, and the words that a description can be made of.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from qwen3tts_webui.config import MAX_DESCRIPTION, Settings
from qwen3tts_webui.i18n import PAGE_LANGUAGES, Catalog
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.text import DIMENSIONS, LANGUAGES, MAX_PAUSE_S, MAX_SPEED, MIN_SPEED, trait_swaps, trait_vocabulary
from qwen3tts_webui.voices import description_examples


def bootstrap_data(speech: Speech, settings: Settings) -> dict[str, Any]:
    """Return plain JSON values."""
    return {
        "messages": {language: dict(Catalog(language).messages) for language in PAGE_LANGUAGES},
        "page_language": settings.page_language,
        "languages": [[language.native, language.code] for language in LANGUAGES],
        "presets": [asdict(preset) for language in LANGUAGES for preset in speech.presets.of(language.code)],
        "limits": {
            "text": speech.max_text,
            "description": MAX_DESCRIPTION,
            "min_speed": MIN_SPEED,
            "max_speed": MAX_SPEED,
            "max_pause_s": MAX_PAUSE_S,
        },
        "examples": [asdict(example) for example in description_examples()],
        "trait_swaps": trait_swaps(),
        "traits": [
            {"id": trait.id, "dimension": trait.dimension, "name": trait.name, "insert": trait.insert}
            for dimension in DIMENSIONS
            for trait in trait_vocabulary()
            if trait.dimension == dimension
        ],
    }
