"""Raw text -> segments: what is spoken in one go, with its speed and the pause after it.

One line is one segment. A mark inside a line (see marks) splits it; so does a length beyond `max_letters`: then after
sentences, else clauses, else phrases, else words. Lines are counted as the page shows them: every line that is not
blank, also one that holds nothing to speak, such as "***" or a lone emoji. Blank lines mean nothing. A pause before the
first words of the text is dropped: nothing should come before the first sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qwen3tts_webui.errors import EmptyText, TextTooLong
from qwen3tts_webui.text.boundaries import Cut, graphemes, phrases, sentences, words
from qwen3tts_webui.text.boundaries import clauses as cut_clauses
from qwen3tts_webui.text.clean import clean_line, has_speech, lines
from qwen3tts_webui.text.length import LETTERS_PER_SECOND, letters
from qwen3tts_webui.text.marks import MAX_PAUSE_S, MAX_SPEED, MIN_SPEED, Part, parts
from qwen3tts_webui.types import Segment

MAX_LETTERS = 560.0
"""About 40 s of speech: 560 Latin letters or 175 Chinese characters (see length.letters)."""

_LEVELS: tuple[Cut, ...] = (sentences, cut_clauses, phrases, words, graphemes)


def segments(
    raw: str, *, speed: float = 1.0, max_letters: float = MAX_LETTERS, limit: int | None = None
) -> list[Segment]:
    """The segments of `raw`, at least one. `speed` multiplies with each mark's, within 0.5 to 2.

    Raises `TextTooLong` over `limit` characters, `InvalidValue` for a mark out of range, `EmptyText`.
    """
    if limit is not None and len(raw) > limit:
        raise TextTooLong(length=len(raw), limit=limit)
    found: list[Segment] = []
    shown = (line for line in lines(raw) if line.strip())
    for number, line in enumerate(shown):
        for part in parts(clean_line(line)):
            _append(found, number, part, speed, max_letters)
    if not found:
        raise EmptyText()
    return found


def clauses(
    text: str, language: str, *, first_s: float = 1.2, growth: float = 1.7, longest_s: float = 12.0
) -> list[str]:
    """Cleaned `text` cut for an engine that speaks clause by clause: a short first piece, so that sound comes soon.

    Each piece aims at `growth` times the length of the one before, from about `first_s` up to `longest_s` seconds; an
    engine that is that much faster than real time never falls silent between two. No word is lost.
    """
    rate = LETTERS_PER_SECOND.get(language, 14.5)
    pieces: list[str] = []
    rest, aim_s = text, first_s
    while rest:
        head = _head(rest, aim_s * rate)
        rest = rest[len(head) :]
        pieces += fit(head, longest_s * rate)
        aim_s = min(max(aim_s, letters(head) / rate) * growth, longest_s)
    return [piece.strip() for piece in _join_speechless(pieces) if piece.strip()]


def fit(text: str, longest: float, levels: Sequence[Cut] = _LEVELS) -> list[str]:
    """`text` cut into pieces of at most `longest` letters, as few and as equal as the best cuts allow."""
    if letters(text) <= longest or not levels:
        return [text]
    pieces = [part for piece in levels[0](text) for part in fit(piece, longest, levels[1:])]
    return _packed(pieces, longest)


def _append(found: list[Segment], line: int, part: Part, speed: float, longest: float) -> None:
    """Add the segments of one part; a part without speech only leaves its pause with the segment before."""
    pieces = [piece.strip() for piece in _join_speechless(fit(part.text, longest))] if has_speech(part.text) else []
    factor = min(max(speed * part.speed, MIN_SPEED), MAX_SPEED)
    found += [Segment(index=len(found) + i, line=line, text=piece, speed=factor) for i, piece in enumerate(pieces)]
    if found and part.pause_s:
        found[-1] = replace(found[-1], pause_s=min(found[-1].pause_s + part.pause_s, MAX_PAUSE_S))


def _packed(pieces: list[str], longest: float) -> list[str]:
    """Join neighbours again, up to about an equal share each: no short rest at the end."""
    total = sum(map(letters, pieces))
    share = total / -(-total // longest)
    packed, length = [""], 0.0
    for piece in pieces:
        added = letters(piece)
        if packed[-1] and (length + added > longest or length >= share):
            packed.append("")
            length = 0.0
        packed[-1] += piece
        length += added
    return packed


def _head(text: str, aim: float) -> str:
    """The beginning of `text`, about `aim` letters long: sentences, clauses if those are too long, else phrases."""
    head = text
    for cut in (sentences, cut_clauses, phrases):
        head, *pieces = cut(text)
        for piece in pieces:
            longer = letters(head) + letters(piece)
            too_short = letters(head) < 0.5 * aim and longer <= 2 * aim
            if has_speech(head) and longer > 1.2 * aim and not too_short:
                break
            head += piece
        if letters(head) <= 2 * aim:
            break
    return head


def _join_speechless(pieces: list[str]) -> list[str]:
    """Marks alone ("!!!", "」") go with the words before them, or after them at the start."""
    joined: list[str] = []
    for piece in pieces:
        if joined and not (has_speech(piece) and has_speech(joined[-1])):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
