"""Raw text -> segments: what is synthesized in one go, with its speed and the pause after it.

One line is one segment. An inline tag splits a line (see inline_tags), and so does a length beyond `max_speech_units`:
after sentences, else clauses, else phrases, else words. Lines are numbered as the page shows them: every line that is
not empty counts, even one without speech, such as "***" or a lone emoji. Empty lines have no effect. A pause before the
first words of the text is dropped, since it would only delay the first audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qwen3tts_webui.errors import EmptyText, InvalidValue, TextTooLong
from qwen3tts_webui.text.clean import clean_line, has_speech, split_lines
from qwen3tts_webui.text.duration import SPEECH_UNITS_PER_SECOND, speech_units
from qwen3tts_webui.text.inline_tags import MAX_PAUSE_S, MAX_SPEED, MIN_SPEED, TaggedText, split_tags
from qwen3tts_webui.text.sentence_splitter import (
    Splitter,
    split_clauses,
    split_graphemes,
    split_phrases,
    split_sentences,
    split_words,
)
from qwen3tts_webui.types import Segment

MAX_SPEECH_UNITS = 560.0
"""About 40 s of speech: 560 Latin letters or 175 Chinese characters (see `speech_units`)."""

_SPLITTERS: tuple[Splitter, ...] = (split_sentences, split_clauses, split_phrases, split_words, split_graphemes)


def split_segments(
    raw: str, *, speed: float = 1.0, max_speech_units: float = MAX_SPEECH_UNITS, limit: int | None = None
) -> list[Segment]:
    """Return the segments of `raw`, at least one. `speed` multiplies with that of each tag, within 0.5 to 2.

    Raises `TextTooLong` over `limit` characters, `InvalidValue` for a tag out of range (its `line` is a
    parameter), `EmptyText`.
    """
    if limit is not None and len(raw) > limit:
        raise TextTooLong(length=len(raw), limit=limit)
    segments: list[Segment] = []
    lines = (line for line in split_lines(raw) if line.strip())
    for number, line in enumerate(lines):
        try:
            parts = split_tags(clean_line(line))
        except InvalidValue as error:
            raise InvalidValue(**error.params, line=number) from None
        for part in parts:
            _append(segments, number, part, speed, max_speech_units)
    if not segments:
        raise EmptyText()
    return segments


def split_growing_clauses(
    text: str, language: str, *, first_s: float = 1.2, growth: float = 1.7, longest_s: float = 12.0
) -> list[str]:
    """Split cleaned `text` for an engine that works clause by clause: a short first piece, so that audio starts early.

    Each piece aims at `growth` times the duration of the one before, from about `first_s` up to `longest_s` seconds: an
    engine that is `growth` times faster than real time leaves no gap between pieces. No word is lost.
    """
    rate = SPEECH_UNITS_PER_SECOND.get(language, 14.5)
    pieces: list[str] = []
    rest, target_s = text, first_s
    while rest:
        head = _head(rest, target_s * rate)
        rest = rest[len(head) :]
        pieces += split_to_length(head, longest_s * rate)
        target_s = min(max(target_s, speech_units(head) / rate) * growth, longest_s)
    return [piece.strip() for piece in _attach_punctuation(pieces) if piece.strip()]


def split_to_length(text: str, longest: float, splitters: Sequence[Splitter] = _SPLITTERS) -> list[str]:
    """Split `text` into pieces of at most `longest` speech units, as few and as equal as the best boundaries allow."""
    if speech_units(text) <= longest or not splitters:
        return [text]
    pieces = [part for piece in splitters[0](text) for part in split_to_length(piece, longest, splitters[1:])]
    return _merge_short(pieces, longest)


def _append(segments: list[Segment], line: int, part: TaggedText, speed: float, longest: float) -> None:
    """Append the segments of one part. A part without speech only adds its pause to the previous segment."""
    pieces: list[str] = []
    if has_speech(part.text):
        pieces = [piece.strip() for piece in _attach_punctuation(split_to_length(part.text, longest))]
    factor = min(max(speed * part.speed, MIN_SPEED), MAX_SPEED)
    first = len(segments)
    segments += [Segment(index=first + i, line=line, text=piece, speed=factor) for i, piece in enumerate(pieces)]
    if segments and part.pause_s:
        segments[-1] = replace(segments[-1], pause_s=min(segments[-1].pause_s + part.pause_s, MAX_PAUSE_S))


def _merge_short(pieces: list[str], longest: float) -> list[str]:
    """Join neighbors up to about an equal share each, so that no short rest is left at the end."""
    total = sum(map(speech_units, pieces))
    share = total / -(-total // longest)
    merged, length = [""], 0.0
    for piece in pieces:
        added = speech_units(piece)
        if merged[-1] and (length + added > longest or length >= share):
            merged.append("")
            length = 0.0
        merged[-1] += piece
        length += added
    return merged


def _head(text: str, target: float) -> str:
    """Return the start of `text`, about `target` speech units: sentences, or clauses if too long, or phrases."""
    head = text
    for split in (split_sentences, split_clauses, split_phrases):
        head, *pieces = split(text)
        for piece in pieces:
            longer = speech_units(head) + speech_units(piece)
            too_short = speech_units(head) < 0.5 * target and longer <= 2 * target
            if has_speech(head) and longer > 1.2 * target and not too_short:
                break
            head += piece
        if speech_units(head) <= 2 * target:
            break
    return head


def _attach_punctuation(pieces: list[str]) -> list[str]:
    """Join pieces that are only punctuation ("!!!", "」") with the words before them, or after them at the start."""
    joined: list[str] = []
    for piece in pieces:
        if joined and not (has_speech(piece) and has_speech(joined[-1])):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
