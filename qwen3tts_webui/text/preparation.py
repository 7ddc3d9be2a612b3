"""Load the classifier and the rules of all languages, which the first text in each language would wait for."""

from __future__ import annotations

from qwen3tts_webui.text.language import LANGUAGES, detect_language
from qwen3tts_webui.text.normalize import normalize_text

_SAMPLE = "In 1999: 12.5 kg, 3:45, www.example.org"


def prepare_languages() -> None:
    """Detect and normalize a sample in each language: 0.1 s for the classifier and as much for each language."""
    detect_language(_SAMPLE)
    for language in LANGUAGES:
        normalize_text(_SAMPLE, language.code)
