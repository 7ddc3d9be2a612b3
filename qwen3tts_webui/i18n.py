"""Every sentence that people read, in Chinese and English, from assets/i18n/*.json.

English errors come from the errors' own templates; everything else is a key in both files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, get_args

from qwen3tts_webui.config import asset
from qwen3tts_webui.errors import Cause, Reason, SpeechError

PageLanguage = Literal["en", "zh"]
PAGE_LANGUAGES: tuple[PageLanguage, ...] = get_args(PageLanguage)


class Catalog:
    """The sentences of one language. A missing key is a programming error and raises `KeyError`."""

    def __init__(self, language: PageLanguage) -> None:
        self.language = language
        self._sentences: dict[str, str] = json.loads(asset(f"i18n/{language}.json").read_text(encoding="utf-8"))

    def __call__(self, key: str, **params: object) -> str:
        return self._filled(self._sentences[key], params) if params else self._sentences[key]

    def error(self, error: SpeechError) -> str:
        """What went wrong, as a sentence."""
        template = self._sentences.get(f"error.{error.code}", error.template)
        return self._filled(template, error.params)

    def _filled(self, template: str, params: Mapping[str, object]) -> str:
        return template.format(**{name: self._clause(value) for name, value in params.items()})

    def _clause(self, value: object) -> object:
        """A reason or a cause in this language, where it has one; anything else as it is."""
        if isinstance(value, Cause):
            return self.error(value.error).rstrip(".。")
        if not isinstance(value, Reason) or (clause := self._sentences.get(f"error.reason.{value.code}")) is None:
            return value
        return self._filled(clause, value.params)

    @property
    def sentences(self) -> Mapping[str, str]:
        """All of them, for the browser."""
        return self._sentences


def preferred(accept_language: str) -> PageLanguage:
    """The page language that an `Accept-Language` header wants; English when it wants neither."""
    wishes: list[tuple[float, PageLanguage]] = []
    for part in accept_language.split(","):
        tag, _, quality = part.strip().partition(";q=")
        for language in PAGE_LANGUAGES:
            if tag.lower().split("-")[0] == language:
                try:
                    wishes.append((float(quality or 1), language))
                except ValueError:
                    continue
    return max(wishes, key=lambda wish: wish[0])[1] if wishes else "en"
