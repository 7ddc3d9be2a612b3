"""English, French, Spanish, Italian, Portuguese, German, Russian -> Kokoro's phonemes, by espeak-ng.

Kokoro was trained on misaki's phonemes: for English its own alphabet, for the others espeak's IPA with each diphthong
and affricate as one symbol. German and Russian were never trained: their sounds go to the nearest symbol.
"""

from __future__ import annotations

import re

from qwen3tts_webui.preview.espeak import Espeak

_VOICES = {"en": "en-us", "fr": "fr", "es": "es", "it": "it", "pt": "pt-br", "de": "de", "ru": "ru"}
_LANGUAGE_SWITCH = re.compile(r"\([\^a-z-]+\)")

_TIED = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "t^s": "ʦ", "t^ʃ": "ʧ",
    "ɔ^ɪ": "Y",
}  # fmt: skip
_ENGLISH = {
    "ʔˌn\u0329": "tn", "ʔn\u0329": "tn", "ə^l": "ᵊl", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪ^ə": "iə", "ɪə": "iə", "ɚ": "əɹ",
    "ɐ": "ə", "r": "ɹ", "x": "k", "ç": "k", "ɬ": "l", "ː": "", "ɾ": "T", "ʔ": "t", "\u0303": "",
}  # fmt: skip
_GERMAN = {"ɾ": "ʁ", "r": "ʁ"}
_RUSSIAN = {"ɹ": "r"}
_OF_LANGUAGE: dict[str, dict[str, str]] = {"en": _ENGLISH, "de": _GERMAN, "ru": _RUSSIAN}
# phonemes without a symbol of Kokoro's become the nearest one
_ANYWHERE = {
    "g": "ɡ", "ɫ": "l", "ɭ": "l", "ɬ": "l", "ɱ": "m", "ʏ": "y", "ɵ": "o", "ʉ": "u", "ɘ": "ə", "ɞ": "ɜ", "ɝ": "ɜɹ",
    "ʑ": "ʒ", "ʐ": "ʒ", "ʀ": "ʁ", "ɦ": "h", "ħ": "h", "ʍ": "w", "ɺ": "ɾ", "ɧ": "ʃ", "ʟ": "l", "ɓ": "b", "ɗ": "d",
    "^": "", "-": "", '"': "", "|": "", "ˑ": "ː", "\u0329": "", "\u032f": "", "\u0361": "", "\u032a": "", "\u0325": "",
}  # fmt: skip


class European:
    """Converts the languages that espeak-ng knows well."""

    def __init__(self, espeak: Espeak) -> None:
        self._espeak = espeak

    def __call__(self, words: str, language: str) -> str:
        """Phonemes of `words` (no punctuation in it)."""
        ipa = _LANGUAGE_SWITCH.sub("", self._espeak.phonemes(words, _VOICES[language]))
        return kokoro_symbols(ipa, language)


def kokoro_symbols(ipa: str, language: str) -> str:
    """espeak's IPA with ties, written in Kokoro's symbols."""
    for table in (_TIED, _OF_LANGUAGE.get(language, {}), _ANYWHERE):
        for old in sorted(table, key=len, reverse=True):
            ipa = ipa.replace(old, table[old])
    return ipa
