"""Every message that people read, in English and Chinese, from assets/i18n/*.json.

English error messages come from the errors' own templates; everything else is a key in both files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, get_args

from qwen3tts_webui.config import asset
from qwen3tts_webui.errors import ErrorDetail, NestedError, SpeechError

PageLanguage = Literal["en", "zh"]
PAGE_LANGUAGES: tuple[PageLanguage, ...] = get_args(PageLanguage)


class Catalog:
    """The messages of one language. A missing key is a programming error and raises `KeyError`."""

    def __init__(self, language: PageLanguage) -> None:
        self.language = language
        self._messages: dict[str, str] = json.loads(asset(f"i18n/{language}.json").read_text(encoding="utf-8"))

    def __call__(self, key: str, **params: object) -> str:
        return self._format(self._messages[key], params) if params else self._messages[key]

    def error(self, error: SpeechError) -> str:
        """Return the message of `error` in this language."""
        template = self._messages.get(f"error.{error.code}", error.template)
        return self._format(template, error.params).rstrip(" ")

    @property
    def messages(self) -> Mapping[str, str]:
        """All messages by key, for the browser."""
        return self._messages

    def _format(self, template: str, params: Mapping[str, object]) -> str:
        return template.format(**{name: self._translate(value) for name, value in params.items()})

    def _translate(self, value: object) -> object:
        """Translate a detail or a nested error, if this language has it; return anything else unchanged."""
        if isinstance(value, NestedError):
            return self.error(value.error).rstrip(".。")
        if not isinstance(value, ErrorDetail):
            return value
        clause = self._messages.get(f"error.detail.{value.code}")
        return value if clause is None else self._format(clause, value.params)


def negotiate_language(accept_language: str) -> PageLanguage:
    """Return the page language that an `Accept-Language` header prefers; English if it prefers neither."""
    found: list[tuple[float, PageLanguage]] = []
    for part in accept_language.split(","):
        tag, _, quality = part.strip().partition(";q=")
        for language in PAGE_LANGUAGES:
            if tag.lower().split("-")[0] == language:
                try:
                    found.append((float(quality or 1), language))
                except ValueError:
                    continue
    return max(found, key=lambda one: one[0])[1] if found else "en"
