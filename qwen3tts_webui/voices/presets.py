"""The voices that ship with the program, by language, from assets/voices/<code>.toml.

Out: frozen, validated `Preset`s in the order of their files. The model is given the description, in Chinese or English;
name and summary are for display. Knows no engine: how well the model follows a dialect varies, so dialect presets are
marked experimental.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import regex
import tomli

from qwen3tts_webui.config import MAX_DESCRIPTION, asset
from qwen3tts_webui.errors import InvalidFile, UnknownVoice
from qwen3tts_webui.text import LANGUAGES

_PAGE_LANGUAGES = {"en", "zh"}
_ID = regex.compile(r"[a-z]{2}(?:-[a-z0-9]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One preset voice. `name` and `summary` are keyed by page language; `sample` is a text in `language`."""

    id: str
    language: str
    name: dict[str, str]
    summary: dict[str, str]
    description: str
    sample: str
    dialect: str | None = None
    experimental: bool = False


class Presets:
    """All presets, read and validated once by `load`."""

    def __init__(self, presets: tuple[Preset, ...]) -> None:
        self._by_id = {preset.id: preset for preset in presets}

    @classmethod
    def load(cls, folder: Path | None = None) -> Presets:
        """Read one file per language. Raises `InvalidFile`, naming the file and the invalid preset."""
        found: list[Preset] = []
        for language in LANGUAGES:
            found += _read(language.code, (folder or asset("voices")) / f"{language.code}.toml")
        return cls(tuple(found))

    def of(self, language: str) -> tuple[Preset, ...]:
        """Return the presets of one language, by code; all of them for "auto"."""
        return tuple(preset for preset in self._by_id.values() if language in (preset.language, "auto"))

    def get(self, id: str) -> Preset:
        """Return one preset. Raises `UnknownVoice`."""
        if id not in self._by_id:
            raise UnknownVoice(got=id[:40])
        return self._by_id[id]


def _read(language: str, path: Path) -> list[Preset]:
    try:
        entries: list[dict[str, Any]] = tomli.loads(path.read_text(encoding="utf-8"))["preset"]
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError, KeyError) as error:
        raise InvalidFile(reason=f"{path.name}: {type(error).__name__}: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidFile(reason=f"{path.name}: preset must be an array of tables")
    presets: list[Preset] = []
    for entry in entries:
        problem = _validate(entry, language, {preset.id for preset in presets})
        if problem:
            raise InvalidFile(reason=f"{path.name}: preset {entry.get('id', len(presets) + 1)}: {problem}")
        presets.append(Preset(**entry, language=language))
    return presets


def _validate(entry: dict[str, Any], language: str, taken: set[str]) -> str:
    """Return what is wrong with one entry, or ""."""
    known = {field.name for field in fields(Preset)} - {"language"}
    if unknown := sorted(set(entry) - known):
        return f"unknown key {unknown[0]}"
    if missing := sorted(known - {"dialect", "experimental"} - set(entry)):
        return f"{missing[0]} is missing"
    for key in ("name", "summary"):
        value = entry[key]
        if not isinstance(value, dict) or set(value) != _PAGE_LANGUAGES or not all(map(_is_text, value.values())):
            return f"{key} must have a text in en and in zh"
    for key in ("id", "description", "sample", "dialect"):
        if key in entry and not _is_text(entry[key]):
            return f"{key} must be a non-empty string"
    if not _ID.fullmatch(entry["id"]) or not entry["id"].startswith(f"{language}-"):
        return f"the id must have the form {language}-news"
    if entry["id"] in taken:
        return "the id is already used"
    if len(entry["description"]) > MAX_DESCRIPTION:
        return f"the description is longer than {MAX_DESCRIPTION} characters"
    if not isinstance(entry.get("experimental", False), bool):
        return "experimental must be true or false"
    return ""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
