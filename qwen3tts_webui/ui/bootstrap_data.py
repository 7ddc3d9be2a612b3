"""What the browser's modules know before the first click, as one JSON object.

In: `Speech` and settings. Out: sentences, presets, limits, and the tables by which the page reads a text and a
description as the server does (text.language, text.length, text.traits). Knows no route.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from qwen3tts_webui.config import MAX_DESCRIPTION, Settings
from qwen3tts_webui.i18n import PAGE_LANGUAGES, Catalog
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.text import (
    COMMON_WORDS,
    DISTINCTIVE_LETTERS,
    EXTRA_SPEECH_UNITS,
    LANGUAGES,
    SPEECH_UNITS_PER_SECOND,
    negative_phrases,
    trait_vocabulary,
)
from qwen3tts_webui.voices import description_examples


def bootstrap_data(speech: Speech, settings: Settings) -> dict[str, Any]:
    """Plain JSON values only."""
    return {
        "sentences": {language: dict(Catalog(language).messages) for language in PAGE_LANGUAGES},
        "page_language": settings.page_language,
        "presets": [asdict(preset) for language in LANGUAGES for preset in speech.presets.of(language.code)],
        "limits": {"text": speech.max_text, "description": MAX_DESCRIPTION},
        "examples": [asdict(example) for example in description_examples()],
        "writing": writing(),
    }


def writing() -> dict[str, Any]:
    """The tables of writing.js and traits.js."""
    return {
        "common_words": {code: sorted(words) for code, words in COMMON_WORDS.items()},
        "telling_letters": DISTINCTIVE_LETTERS,
        "letters_per_second": SPEECH_UNITS_PER_SECOND,
        "extra_letters": EXTRA_SPEECH_UNITS,
        "traits": [asdict(trait) for trait in trait_vocabulary()],
        "elsewhere": negative_phrases(),
    }
