"""What a voice description says, dimension by dimension: who speaks, how high, how fast, in what mood, for what.

In: a description, Chinese or English. Out: `Traits`. The vocabulary is assets/voices/traits.toml; reading it is why the
text layer may import config. Understands ages in numbers and words, and plain negation ("not a deep voice",
"不要太尖"); it does not understand sentences, and knows no engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import regex
import tomli

from qwen3tts_webui.config import asset
from qwen3tts_webui.text.ages import ages
from qwen3tts_webui.text.clean import clean_description
from qwen3tts_webui.text.language import detect_language

Dimension = Literal["gender", "age", "pitch", "pace", "emotion", "texture", "use"]
DIMENSIONS: tuple[Dimension, ...] = ("gender", "age", "pitch", "pace", "emotion", "texture", "use")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """A value of a dimension: `name` for the eye, `insert` for the description, by "en" and "zh"; `words` are heard."""

    dimension: str
    id: str
    name: dict[str, str]
    insert: dict[str, str]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What was read; None or () is "not said". The values are ids of traits.toml.

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
def vocabulary() -> tuple[Trait, ...]:
    """All traits, in the order of the file."""
    return tuple(Trait(**{**entry, "words": tuple(entry["words"])}) for entry in _file()["trait"])


def elsewhere() -> dict[str, tuple[str, ...]]:
    """By dimension, the phrases that hold a trait word and mean something else."""
    return {dimension: tuple(phrases) for dimension, phrases in _file()["elsewhere"].items()}


def read(description: str) -> Traits:
    """The traits that `description` names and does not deny; where a dimension has one value, the first named."""
    text = clean_description(description).casefold()
    found = {dimension: tuple(dict.fromkeys(_found(text, dimension))) for dimension in (*DIMENSIONS, "accent")}
    single = {
        dimension: next(iter(found[dimension]), None) for dimension in ("gender", "age", "pitch", "pace", "accent")
    }
    return Traits(**single, emotion=found["emotion"], texture=found["texture"], use=found["use"])


def missing(description: str) -> tuple[Dimension, ...]:
    """The dimensions about which `description` says nothing."""
    traits = read(description)
    return tuple(dimension for dimension in DIMENSIONS if not getattr(traits, dimension))


def language_of(description: str) -> Literal["zh", "en", "other"]:
    """The language of a description; the model wants Chinese or English. Nothing at all counts as English."""
    code = detect_language(description)
    return "zh" if code == "zh" else "en" if code == "en" else "other"


@cache
def _file() -> dict[str, Any]:
    return tomli.loads(asset("voices/traits.toml").read_text(encoding="utf-8"))


@cache
def _pattern(dimension: str) -> tuple[regex.Pattern[str], dict[str, str]]:
    """What finds the words of a dimension, longest first, and what each word means ("" = something else)."""
    meanings = {word: trait.id for trait in vocabulary() if trait.dimension == dimension for word in trait.words}
    meanings |= dict.fromkeys(elsewhere().get(dimension, ()), "")
    words = sorted(map(regex.escape, meanings), key=len, reverse=True)
    latin = "|".join(word for word in words if word[0].isascii())
    chinese = "|".join(word for word in words if not word[0].isascii())
    return regex.compile(rf"(?<![\w-])(?:{latin})(?!\w)|(?:{chinese})"), meanings


def _found(text: str, dimension: str) -> list[str]:
    """The ids that `text` names in this dimension, in its order."""
    pattern, meanings = _pattern(dimension)
    hits = [(match.start(), meanings[match[0]]) for match in pattern.finditer(text)]
    if dimension == "age":
        hits = [*ages(text), *hits]  # a number says more than a word: "a boy of nine"
    return [trait for start, trait in hits if trait and not _DENIED.search(text[:start])]


_DENIED = regex.compile(
    r"(?:\b(?:not|no|without|never|neither|nor|avoid|hardly|isn't|don't|doesn't|less)(?![\w-])(?!\s+(?:only|just))"
    r"(?:\s+(?!but\b|yet\b|and\b)[\w'-]+){0,3}\s*"
    r"|(?:(?<!非常|[特分个性级区])(?:不(?![仅但失乏禁由光只错])|没有|毫无|(?<!非)非(?!常)|别(?!致)|避免|切忌))[^，。,.;；、！!而但\s]{0,3})$"
)
