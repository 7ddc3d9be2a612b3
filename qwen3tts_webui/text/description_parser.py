"""Parse a voice description: gender, age, pitch, pace, emotion, texture, use, accent.

In: a description, Chinese or English. Out: `Traits`. The vocabulary is assets/voices/traits.toml, which is why the text
layer may import config. Understands ages in numbers and words, and simple negation ("not a deep voice",
"不要太尖"), but no sentence structure. Knows no engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import regex
import tomli

from qwen3tts_webui.config import asset
from qwen3tts_webui.text.age_parser import find_ages
from qwen3tts_webui.text.clean import clean_description

Dimension = Literal["gender", "age", "pitch", "pace", "emotion", "texture", "use"]
DIMENSIONS: tuple[Dimension, ...] = ("gender", "age", "pitch", "pace", "emotion", "texture", "use")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """A value of a dimension. `name` (for display) and `insert` (for a description) are keyed by "en" and "zh"."""

    dimension: str
    id: str
    name: dict[str, str]
    insert: dict[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A trait that a description mentions: its dimension and id, and the words as cleaned, in lowercase."""

    dimension: str
    id: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The traits of a description; None or () means not mentioned. The values are ids of traits.toml.

    gender: female, male, neutral. age: child, teen, young, middle, senior. pitch: low, medium, high. pace: slow,
    medium, fast. accent: american, british, australian, indian, cantonese, sichuan, shanghai, beijing.
    """

    gender: str | None = None
    age: str | None = None
    pitch: str | None = None
    pace: str | None = None
    emotion: tuple[str, ...] = ()
    texture: tuple[str, ...] = ()
    use: tuple[str, ...] = ()
    accent: str | None = None


@cache
def trait_vocabulary() -> tuple[Trait, ...]:
    """Return all traits, in the order of the file."""
    return tuple(Trait(**{**entry, "words": tuple(entry["words"])}) for entry in _file()["trait"])


def trait_swaps() -> list[dict[str, list[str]]]:
    """Return, for each group of words with one role in a sentence, the words of each trait id."""
    swaps: list[dict[str, list[str]]] = _file()["swap"]
    return swaps


def negative_phrases() -> dict[str, tuple[str, ...]]:
    """Return, by dimension, the phrases that contain a trait word but mean something else."""
    return {dimension: tuple(phrases) for dimension, phrases in _file()["negative_phrases"].items()}


def parse_description(description: str) -> Traits:
    """Return the traits that `description` mentions and does not negate; the first one where only one is possible."""
    text = clean_description(description).casefold()
    found = {
        dimension: tuple(dict.fromkeys(id for _, _, id in _find_spans(text, dimension)))
        for dimension in (*DIMENSIONS, "accent")
    }
    single = {
        dimension: next(iter(found[dimension]), None) for dimension in ("gender", "age", "pitch", "pace", "accent")
    }
    return Traits(**single, emotion=found["emotion"], texture=found["texture"], use=found["use"])


def find_mentions(description: str) -> tuple[Mention, ...]:
    """Return every trait that `description` mentions and does not negate, by dimension and position."""
    text = clean_description(description).casefold()
    return tuple(
        Mention(dimension=dimension, id=id, words=text[start:end])
        for dimension in (*DIMENSIONS, "accent")
        for start, end, id in _find_spans(text, dimension)
    )


def missing_dimensions(description: str) -> tuple[Dimension, ...]:
    """Return the dimensions that `description` does not mention."""
    traits = parse_description(description)
    return tuple(dimension for dimension in DIMENSIONS if not getattr(traits, dimension))


@cache
def _file() -> dict[str, Any]:
    return tomli.loads(asset("voices/traits.toml").read_text(encoding="utf-8"))


@cache
def _pattern(dimension: str) -> tuple[regex.Pattern[str], dict[str, str]]:
    """Return a pattern for the words of a dimension, longest first, and the trait of each word ("" for none)."""
    meanings = {word: trait.id for trait in trait_vocabulary() if trait.dimension == dimension for word in trait.words}
    meanings |= dict.fromkeys(negative_phrases().get(dimension, ()), "")
    words = sorted(map(regex.escape, meanings), key=len, reverse=True)
    latin = "|".join(word for word in words if word[0].isascii())
    chinese = "|".join(word for word in words if not word[0].isascii())
    return regex.compile(rf"(?<![\w-])(?:{latin})(?!\w)|(?:{chinese})"), meanings


def _find_spans(text: str, dimension: str) -> list[tuple[int, int, str]]:
    """Return start, end and id of the traits that `text` mentions in this dimension, in order."""
    pattern, meanings = _pattern(dimension)
    hits = [(match.start(), match.end(), meanings[match[0]]) for match in pattern.finditer(text)]
    if dimension == "age":
        hits = [*find_ages(text), *hits]  # a number is more precise than a word: "a boy of nine"
    return [hit for hit in hits if hit[2] and not _NEGATED.search(text[: hit[0]])]


_NEGATED = regex.compile(
    r"(?:\b(?:not|no|without|never|neither|nor|avoid|hardly|isn't|don't|doesn't|less)(?![\w-])(?!\s+(?:only|just))"
    r"(?:\s+(?!but\b|yet\b|and\b)[\w'-]+){0,3}\s*"
    r"|(?:(?<!非常|[特分个性级区])(?:不(?![仅但失乏禁由光只错])|没有|毫无|(?<!非)非(?!常)|别(?!致)|避免|切忌))[^，。,.;；、！!而但\s]{0,3})$"
)
