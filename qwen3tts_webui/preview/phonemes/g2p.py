"""Text in any of the ten languages, or in several at once -> phonemes that Kokoro knows, with its punctuation.

In: cleaned text and a language code. Out: a string of Kokoro's symbols, words separated by spaces. Knows which reader
reads which script; nothing of voices or sound.
"""

from __future__ import annotations

import re

from qwen3tts_webui.preview.espeak import Espeak
from qwen3tts_webui.preview.phonemes.chinese import Chinese
from qwen3tts_webui.preview.phonemes.european import European
from qwen3tts_webui.preview.phonemes.japanese import Japanese
from qwen3tts_webui.preview.phonemes.korean import Korean
from qwen3tts_webui.preview.phonemes.script_runs import runs
from qwen3tts_webui.text import normalize_text

# what pauses and tunes Kokoro knows, and how other signs are heard
_PUNCTUATION = {
    "，": ",", "、": ",", "。": ".", "．": ".", "！": "!", "？": "?", "：": ":", "；": ";", "…": "…", "—": "—",
    "–": "—", "～": "—", "〜": "—", "“": "“", "”": "”", "„": "“", "«": "“", "»": "”", "「": "“", "」": "”", "『": "“",
    "』": "”", "《": "“", "》": "”", "【": "“", "】": "”", "（": "(", "）": ")", '"': '"', "(": "(", ")": ")",
    "[": "(", "]": ")", ",": ",", ".": ".", "!": "!", "?": "?", ":": ":", ";": ";",
}  # fmt: skip
_MARKS = re.compile(rf"(?<!\d)[{re.escape(''.join(_PUNCTUATION))}]+|[{re.escape(''.join(_PUNCTUATION))}]+(?!\d)")
_SILENT = re.compile(r"[¿¡·・*_#~^|\\/<>{}`-]+")


class G2P:
    """Every reader, loaded. Takes a second or two: build it in the background."""

    def __init__(self, espeak: Espeak) -> None:
        self._european = European(espeak)
        self._chinese = Chinese()
        self._japanese = Japanese()
        self._korean = Korean()

    def __call__(self, text: str, language: str) -> str:
        """Phonemes of `text`; "" when there is nothing to say in it."""
        spoken = normalize_text(text, language, mode="on").spoken
        said = [self._run(run.text, run.language) for run in runs(spoken, language)]
        phonemes = re.sub(r"\s+", " ", " ".join(said)).strip()
        return re.sub(r" (?=[,.!?:;…”)])", "", phonemes)

    def _run(self, text: str, language: str) -> str:
        """One language: words go to its reader, marks between them are kept."""
        out: list[str] = []
        end = 0
        for match in _MARKS.finditer(text):
            out += [self._words(text[end : match.start()], language), _heard(match.group())]
            end = match.end()
        out.append(self._words(text[end:], language))
        return " ".join(filter(None, out))

    def _words(self, text: str, language: str) -> str:
        words = _SILENT.sub(" ", text).strip()
        if not words:
            return ""
        if language == "zh":
            return self._chinese(words)
        if language == "ja":
            return self._japanese(words)
        if language == "ko":
            return self._korean(words)
        return self._european(words, language)


def _heard(marks: str) -> str:
    """Each kind of mark once: "！！？" -> "!?"."""
    return "".join(dict.fromkeys(_PUNCTUATION[mark] for mark in marks))
