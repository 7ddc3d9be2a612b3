"""Analyze a text for display before it is spoken: lines, the tags at their edges, language and duration.

In: raw text. Out: the same reading that synthesis uses, without its errors: an empty text takes 0 seconds, a tag out of
range is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.text.clean import clean_line, has_speech, split_lines
from qwen3tts_webui.text.duration import estimate_duration_s
from qwen3tts_webui.text.inline_tags import EdgeTags, TaggedText, find_edge_tags, split_tags
from qwen3tts_webui.text.language import AUTO, detect_language


@dataclass(frozen=True, slots=True)
class LineAnalysis:
    """One line as a text box shows it. `num_lines` is how many lines to speak it holds: 0 if it is empty, several if it
    contains line separators other than a newline.
    """

    num_lines: int
    tags: EdgeTags


@dataclass(frozen=True, slots=True)
class TextAnalysis:
    """`language` is a code, `seconds` the estimated duration with tags; `lines` are split at newlines."""

    language: str
    seconds: float
    lines: tuple[LineAnalysis, ...]


def analyze_text(text: str, language: str = AUTO) -> TextAnalysis:
    """Analyze raw `text`; `language` is a code or "auto"."""
    code = detect_language(text) if language == AUTO else language
    seconds = 0.0
    lines = []
    for line in text.split("\n"):
        spoken = [part for part in split_lines(line) if part.strip()]
        seconds += sum(_duration_s(part, code) for part in spoken)
        lines.append(LineAnalysis(len(spoken), find_edge_tags(line)))
    return TextAnalysis(code, seconds, tuple(lines))


def _duration_s(line: str, language: str) -> float:
    cleaned = clean_line(line)
    try:
        parts = split_tags(cleaned)
    except InvalidValue:
        parts = [TaggedText(cleaned)]
    return sum(
        estimate_duration_s(part.text, language) / part.speed + part.pause_s for part in parts if has_speech(part.text)
    )
