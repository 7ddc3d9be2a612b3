"""Normalize one text: its spoken form, and where each part of it was written.

In: text, a language, a mode and a lexicon. Out: a `NormalizedText`. Pure; never raises; normalizing the result again
changes nothing (without a lexicon: its replacements may contain what they replace).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import regex

from qwen3tts_webui.text.aligned import AlignedText, Span
from qwen3tts_webui.text.language import LANGUAGES, detect_language
from qwen3tts_webui.text.lexicon import Lexicon
from qwen3tts_webui.text.markup import inline_markup
from qwen3tts_webui.text.normalize.chunks import cuts, is_plain, units
from qwen3tts_webui.text.normalize.phrases import PHRASES
from qwen3tts_webui.text.normalize.pipeline import NormalizeMode, pipeline
from qwen3tts_webui.text.unsupported_scripts import drop_unsupported

_CODES = frozenset(language.code for language in LANGUAGES)


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """`spans` are the changed ranges, ascending: (start, end, spoken_start, spoken_end); between them text is equal."""

    written: str
    spoken: str
    language: str
    spans: tuple[Span, ...] = ()

    def written_range(self, start: int, end: int) -> tuple[int, int]:
        """The characters of `written` that `spoken[start:end]` stands for."""
        return self._written(start, is_end=False), self._written(end, is_end=True)

    def _written(self, position: int, *, is_end: bool) -> int:
        index = bisect_right([span[2] for span in self.spans], position - is_end) - 1
        if index < 0:
            return position
        start, end, spoken_start, spoken_end = self.spans[index]
        if position - is_end < spoken_end and spoken_end > spoken_start:
            return end if is_end else start
        return max(start, min(len(self.written), end + position - spoken_end))


def joined_texts(first: NormalizedText, second: NormalizedText) -> NormalizedText:
    """Return one text after the other."""
    written, spoken = len(first.written), len(first.spoken)
    moved = ((a + written, b + written, c + spoken, d + spoken) for a, b, c, d in second.spans)
    return NormalizedText(
        first.written + second.written, first.spoken + second.spoken, first.language, (*first.spans, *moved)
    )


def normalize_text(
    text: str, language: str = "auto", *, mode: NormalizeMode = "auto", lexicon: Lexicon | None = None
) -> NormalizedText:
    """Return `text` as it is to be spoken in `language` (one of the ten codes, or "auto").

    `mode` "on" spells everything out; "auto" only what Qwen3-TTS is known to misread (telephone numbers, units, signs,
    compatibility characters, markup); "off" changes nothing but what `lexicon` says. Scripts that no engine reads are
    left out in every mode (see unsupported_scripts).
    """
    code = language if language in _CODES else detect_language(text)
    aligned = AlignedText(text)
    if mode != "off":
        inline_markup(aligned)
    drop_unsupported(aligned)
    return _normalize_plain(aligned, code, mode, lexicon)


def normalize_chunk(text: str, language: str, mode: NormalizeMode, lexicon: Lexicon | None) -> NormalizedText:
    """Normalize the text between two cuts."""
    aligned = AlignedText(text)
    if lexicon is not None:
        lexicon.apply(aligned, language)
    if mode != "off" and not is_plain_text(text, language):
        pipeline(language, keep_digits=mode == "auto").run(aligned)
    return NormalizedText(text, aligned.text, language, tuple(aligned.spans()))


def chunk_cuts(
    text: str, language: str, mode: NormalizeMode, lexicon: Lexicon | None, *, complete: bool = True
) -> list[int]:
    """Return where `text` may be cut for `normalize_chunk`."""
    inside = [] if mode == "off" else [match.span() for match in _announcement(language).finditer(text)]
    limit = len(text)
    if inside and inside[-1][1] == limit and not complete:
        limit -= 1  # its number may follow
    if lexicon:
        inside += lexicon.matches(text, language)
        limit -= 0 if complete else lexicon.longest + 1

    def allowed(position: int) -> bool:
        return position <= limit and not any(start < position < end for start, end in inside)

    return cuts(text, abbreviations_of(language), far=mode == "on", complete=complete, allowed=allowed)


@cache
def _announcement(language: str) -> regex.Pattern[str]:
    """A word such as "PIN", up to the number after it."""
    words = pipeline(language, keep_digits=False).grammar.phone_words
    return regex.compile(rf"(?:{words})\D{{0,12}}\d?", regex.IGNORECASE)


@cache
def abbreviations_of(language: str) -> frozenset[str]:
    """Return the words that are not plain: abbreviations without their dot, magnitudes, and words that rules look across."""
    grammar = pipeline(language, keep_digits=False).grammar
    keys = {key.rstrip("#$").rstrip(".") for key in grammar.abbreviations}
    keys |= {key[0].upper() + key[1:] for key in keys}
    shorts = {short for names in (*PHRASES[language].shorts, *grammar.month_shorts) for short in names.split("|")}
    shorts |= {unit.rstrip(".") for unit in grammar.units if unit.endswith(".")}
    return frozenset(keys | shorts | set(grammar.magnitudes)) | grammar.linked_words


def is_plain_text(text: str, language: str) -> bool:
    """Whether no rule applies anywhere, since every word is plain."""
    return all(is_plain(unit, abbreviations_of(language)) for unit in units(text))


def _normalize_plain(
    aligned: AlignedText, language: str, mode: NormalizeMode, lexicon: Lexicon | None
) -> NormalizedText:
    """Normalize chunk by chunk, and join the results."""
    text = aligned.text
    if mode == "off" and not lexicon:
        return NormalizedText(aligned.written, text, language, tuple(aligned.spans()))
    positions = [0, *chunk_cuts(text, language, mode, lexicon), len(text)]
    chunks = [(start, normalize_chunk(text[start:end], language, mode, lexicon)) for start, end in pairwise(positions)]
    aligned.splice((start, chunk.spoken, chunk.spans) for start, chunk in chunks)
    if mode != "off":
        inline_markup(aligned)  # a bullet that only appeared now, such as "-" before "="
    return NormalizedText(aligned.written, aligned.text, language, tuple(aligned.spans()))
