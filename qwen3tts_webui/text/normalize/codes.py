"""Addresses, versions, hashtags, telephone numbers and codes."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.normalize.grammar import Grammar

_HOST_END = (
    r"com|org|net|edu|gov|io|ai|dev|app|info|me|tv|co|cn|jp|kr|de|fr|ru|pt|br|es|mx|it|uk|us|eu|ch|at|рф|hk|tw|xyz|top"
)
_NOT_CJK = r"(?![\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}])"
_EMAIL = regex.compile(
    r"(?<![A-Za-z0-9._+-])(?:mailto:)?[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
)
_URL = regex.compile(
    rf"(?:https?|ftp)://[^\s<>\"'「」（）()，。！？；、]+|(?<![A-Za-z0-9@._-])(?:www\.)?(?:[A-Za-z0-9-]+\.)+(?:{_HOST_END})(?!{_NOT_CJK}[\w-]|\.\w)(?:/(?:{_NOT_CJK}[\w./?=&%#~+-])*)?",
    regex.IGNORECASE,
)
_URL_TAIL = regex.compile(r"[.,;:!?…'\"*_]+$")
_URL_PART = regex.compile(r"[A-Za-z]+|\d+|\p{L}+|.")
_VERSION = regex.compile(
    r"(?<![\p{Latin}\d.])(?:(?P<v>v)\.?\s?(?P<number>\d+(?:\.\d+)*)|(?P<v>V)\.?\s?(?P<number>\d+(?:\.\d+)+)|(?P<number>\d{1,3}(?:\.\d{1,3}){2,}))(?:[-.]?(?P<stage>alpha|beta|rc|pre|dev)\.?(?P<build>\d+)?|(?P<tail>[a-z]\d?))?(?![\p{Latin}\p{Cyrillic}\d]|\.\d)"
)
_HASHTAG = regex.compile(r"(?<![\w&#/])#(?P<tag>[\p{L}_][\p{L}\p{N}_]*)#?")
_MENTION = regex.compile(r"(?<![\w@.])@(?P<name>[\p{L}\p{N}_]+)")
_INTERNATIONAL = regex.compile(r"(?<![\w+])\(?\+\d{1,3}\)?[\d ().\u00a0-]{5,}\d(?!\d)")
_SPACED_DIGITS = regex.compile(r"(?<![\d.,])\d(?:[ -]\d){2,}(?![\d.,]?\d)")
_CARD = regex.compile(
    r"(?<![\p{Latin}\d_.,-])\d{4}(?P<gap>[ -])\d{4}(?:(?P=gap)\d{4}){1,3}(?:(?P=gap)\d{1,3})?(?![\d-])"
)
_GROUPS = regex.compile(r"(?<![\p{Latin}\d.,+-]|\d )\d{3,4}(?: \d{3,4}){2,4}(?![\d-]|[.,]\d| \d)")
_MODEL = regex.compile(r"(?<=(?<![\p{L}.])\p{Lu})\.(?=\d{3}(?!\d))")
_IBAN = regex.compile(
    r"(?<![\w-])(?P<country>[A-Z]{2})(?P<digits>\d{2}(?:\s?[A-Z0-9]{4}){2,7}(?:\s?\d{1,4})?)(?![\w-])"
)
_HEXADECIMAL = regex.compile(r"(?<![\w.])0x[0-9A-Fa-f]{1,16}(?!\w)")
_IDENTIFIER = regex.compile(r"(?<=\p{Latin}_)\d{2,}(?![\p{L}\d]|[.,]\d)")
_ZONE = regex.compile(r"(?<=\b(?:GMT|UTC))\s?(?P<sign>[-−+±])\s?(?=\d)")
_TICKET = regex.compile(r"(?<!\w)#\s?(?P<number>\d{3,}-\d{2,})(?![\w-])")
_NUMBER_CODE = regex.compile(
    r"(?:(?<![\p{L}-])(?:Nr\.|[Nn](?:[°º.]|\.[°º])|№|[Nn][or]\.|[Nn]úm\.))\s?(?P<a>\d{1,6})(?P<sign>[-/])(?P<b>\d{1,6})(?![\w/-]|[.,]\d)"
)
_DASHED = regex.compile(r"(?<![\w.,/:-])\d+(?:-\d+){2,}(?:-[Xx])?(?![\w-]|[./]\d)")
_NUMBERED_PART = regex.compile(
    r"(?<=\b(?i:kapitel|abschnitt|abbildung|tabelle|ziffer|raum|chapitre|figure|figura|section|capítulo|capitolo|sección"
    r"|seção|secção|sezione|пункт|глава|раздел|рисунок|таблица|article|artículo|articolo|artigo|version|versión|versione|versão|версия"
    r"|ios|ipados|macos|android|ubuntu|debian|python|java|php|node|firefox|chrome|usb|hdmi|bluetooth|http|tls|cuda|pytorch|gpt|claude|gemini|llama|qwen)[ ])(?P<chapter>\d{1,3})\.(?P<part>[1-9]\d?)(?!\d|[.,]\d)"
)
_LETTERED = regex.compile(r"(?<=(?<![\p{L}\d-])\p{Lu}{1,5}-)(?:\d{3,}(?:-\d{2,})+|\d{5,})(?![\w-]|[.,]\d)")
_DATE = regex.compile(r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-\d{4})")


class Codes:
    """Built once per grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._phones = regex.compile(grammar.phones, regex.X) if grammar.phones else None
        self._announced = (
            regex.compile(
                rf"(?:{grammar.phone_words})\D{{0,12}}?\K(?<![\d.,])\+?\d[\d -]{{1,18}}\d(?![\d%]|[.,:：]\d|\s?(?:[GMT]B|mAh|W)(?!\p{{Latin}}))",
                regex.IGNORECASE,
            )
            if grammar.phone_words
            else None
        )

    def phones(self, text: AlignedText) -> None:
        grammar = self._grammar
        text.sub(_INTERNATIONAL, lambda match: grammar.phone(match[0]), spaced=True)
        if self._phones is not None:
            text.sub(self._phones, lambda match: grammar.phone(match[0]), spaced=True)
        if self._announced is not None:
            text.sub(self._announced, self._say_announced, spaced=True)
        if grammar.decimal_mark == ".":
            text.sub(_GROUPS, lambda match: grammar.phone(match[0]), spaced=True)
        text.sub(_SPACED_DIGITS, self._say_single_digits, spaced=True)

    def _say_single_digits(self, match: regex.Match[str]) -> str:
        grammar = self._grammar
        if grammar.code == "ja" and "-" in match[0]:  # an address
            return grammar.phone(match[0])
        return grammar.digits(regex.sub(r"\D", "", match[0]))

    def accounts(self, text: AlignedText) -> None:
        """Card and account numbers, "user_42", "#2024-0042", "GMT-5"; "H.264" is no decimal."""
        grammar = self._grammar
        text.sub(_IDENTIFIER, lambda match: grammar.digits(match[0]), spaced=True)
        text.sub(_TICKET, lambda match: grammar.join(grammar.signs["#"], grammar.phone(match["number"])), spaced=True)
        if grammar.decimal_mark == ",":
            text.sub(_NUMBER_CODE, self._say_number_code, spaced=True)
        text.sub(_ZONE, lambda match: grammar.between(grammar.with_sign(match["sign"], "").strip()))
        text.sub(_MODEL, lambda _: " ")
        text.sub(_HEXADECIMAL, lambda match: self._spelled(match[0]), spaced=True)
        text.sub(_IBAN, self._say_iban, spaced=True)
        text.sub(_CARD, lambda match: grammar.phone(match[0]), spaced=True)

    def dashed(self, text: AlignedText) -> None:
        """ISBNs, "INV-2024-001" and other numbers with several hyphens."""
        text.sub(_LETTERED, lambda match: self._grammar.phone(match[0]), spaced=True)
        text.sub(
            _DASHED, lambda match: None if _DATE.fullmatch(match[0]) else self._grammar.phone(match[0]), spaced=True
        )

    def addresses(self, text: AlignedText) -> None:
        text.sub(_EMAIL, lambda match: self._say_address(match[0].removeprefix("mailto:")), spaced=True)
        text.sub(_URL, self._say_url, spaced=True)

    def versions(self, text: AlignedText) -> None:
        text.sub(_VERSION, self._say_version, spaced=True)

    def tags(self, text: AlignedText) -> None:
        grammar = self._grammar
        text.sub(_HASHTAG, lambda match: f"{grammar.join(grammar.hashtag, match['tag'].replace('_', ' '))} ".rstrip())
        text.sub(_MENTION, lambda match: f"{grammar.web['@']} {match['name'].replace('_', ' ').strip()}")

    def parts(self, text: AlignedText) -> None:
        """After the abbreviations."""
        if self._grammar.spaced:
            text.sub(_NUMBERED_PART, self._say_part, spaced=True)

    def _say_number_code(self, match: regex.Match[str]) -> str | None:
        """ "Nr. 2024-118", but not "Nr. 3-5"."""
        if match["sign"] == "-" and len(match["a"]) < 3 and match["b"][0] != "0":
            return None
        grammar = self._grammar
        parts = (
            grammar.digits(part) if part[0] == "0" else grammar.cardinal(int(part)) for part in (match["a"], match["b"])
        )
        dash = "-" if match["sign"] == "-" and grammar.code == "de" else f" {grammar.web[match['sign']]} "
        return f"{grammar.signs['#']} {dash.join(parts)}"

    def _say_part(self, match: regex.Match[str]) -> str:
        """ "Kap. 3.2" is no decimal."""
        grammar = self._grammar
        chapter, part = (grammar.cardinal(int(match[key])) for key in ("chapter", "part"))
        return grammar.join(chapter, grammar.version_point or grammar.point, part)

    def _spelled(self, code: str) -> str:
        """Digits by their names, letters apart."""
        return " ".join(self._grammar.digits(sign) if sign.isdecimal() else sign for sign in code)

    def _say_iban(self, match: regex.Match[str]) -> str:
        """Group by group; letters apart."""
        grammar = self._grammar
        said = (
            grammar.phone(group) if group.isdecimal() else self._spelled(group)
            for group in regex.findall(r"\d+|[A-Z]+", match["digits"])
        )
        return f"{match['country']} {grammar.pause().join(said)}"

    def _say_announced(self, match: regex.Match[str]) -> str | None:
        if regex.fullmatch(r"(?:19|20)\d\d", match[0]) or (" " in match[0] and len(match[0]) < 5):
            return None
        return self._grammar.phone(match[0])

    def _say_url(self, match: regex.Match[str]) -> str:
        tail = _URL_TAIL.search(match[0])
        url = match[0][: tail.start()] if tail else match[0]
        plain = regex.sub(r"^[a-z]+://", "", url, flags=regex.IGNORECASE).rstrip("/")
        return self._say_address(plain) + (tail[0] if tail else "")

    def _say_address(self, address: str) -> str:
        grammar = self._grammar
        return " ".join(filter(None, (self._part(part) for part in _URL_PART.findall(address)))) or grammar.web["/"]

    def _part(self, part: str) -> str:
        grammar = self._grammar
        if part.isdecimal():
            return grammar.digits(part) if len(part) > 2 or part[0] == "0" else grammar.cardinal(int(part))
        return part if part.isalpha() else grammar.web.get(part, "")

    def _say_version(self, match: regex.Match[str]) -> str | None:
        grammar, numbers = self._grammar, match["number"].split(".")
        if not match["v"] and all(len(number) == 3 for number in numbers[1:]):
            return None  # 1.234.567
        if any(len(number) > 4 for number in numbers):
            return None
        said = [
            grammar.digits(number) if number[0] == "0" and number != "0" else grammar.cardinal(int(number))
            for number in numbers
        ]
        words = said[0]
        for part in said[1:]:
            words = grammar.join(words, grammar.version_point or grammar.point, part)
        is_named = match.string[: match.start()].rstrip().casefold().endswith(grammar.version.casefold())
        words = grammar.join(grammar.version if match["v"] and not is_named else "", words)
        if match["stage"]:
            build = grammar.cardinal(int(match["build"])) if match["build"] else ""
            return " ".join(filter(None, (words, match["stage"], build)))
        return f"{words} {match['tail']}" if match["tail"] else words
