"""Help with writing a voice description: random suggestions and worked examples, from assets/voices/ideas.toml.

The vocabulary and the parser are in `text.description_parser`, because the preview voice needs them too.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Literal

import tomli

from qwen3tts_webui.config import asset
from qwen3tts_webui.text import trait_vocabulary

DescriptionLanguage = Literal["en", "zh"]

_COMPOSED = {
    "en": "{person} with a {pitch}, {texture} voice, {pace}; {emotion}. {delivery}. Suited {use}.",
    "zh": "{person}，{pitch}，音色{texture}，{pace}，语气{emotion}。{delivery}。{use}。",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionExample:
    """A description and why it works, each keyed by page language."""

    title: dict[str, str]
    why: dict[str, str]
    description: dict[str, str]


def description_examples() -> tuple[DescriptionExample, ...]:
    """Return the worked examples of the help panel."""
    return tuple(DescriptionExample(**entry) for entry in _ideas()["example"])


def suggest_description(seed: int, language: DescriptionLanguage = "en") -> str:
    """Return a consistent description that covers every dimension; the same seed gives the same description."""
    chance, ideas = random.Random(seed), _ideas()
    role = chance.choice(ideas["role"])
    person = ideas["person"][chance.choice(("female", "male"))][chance.choice(role["age"])]
    inserts = {(trait.dimension, trait.id): trait.insert[language] for trait in trait_vocabulary()}
    return _COMPOSED[language].format(
        person=person[language],
        pitch=inserts["pitch", chance.choice(person["pitch"])],
        texture=inserts["texture", chance.choice(role["texture"])],
        pace=inserts["pace", chance.choice(role["pace"])],
        emotion=inserts["emotion", chance.choice(role["emotion"])],
        delivery=chance.choice(role["delivery"])[language],
        use=inserts["use", role["use"]],
    )


def _ideas() -> dict[str, Any]:
    return tomli.loads(asset("voices/ideas.toml").read_text(encoding="utf-8"))
