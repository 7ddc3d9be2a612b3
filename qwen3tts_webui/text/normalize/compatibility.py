"""Compatibility characters -> plain ones: "①" -> "1", "㎡" -> "m²", "㈱" -> "株式会社", "½" -> "1/2", "٣" -> "3".

Runs before anything is dropped or read. Superscripts stay (they are read as powers), Roman numerals too.
"""

from __future__ import annotations

import unicodedata

import regex

from qwen3tts_webui.text.aligned import AlignedText

_ENCLOSED = regex.compile(r"[①-⑳⓪㉑-㉟㊱-㊿⑴-⒇⒈-⒛❶-❿➀-➉➊-➓⓫-⓴⓵-⓾]")
_SQUARED = regex.compile(r"[\u3300-\u33ff\u32c0-\u32cb\u3358-\u3370℡™℠℃℉ℓΩK㋀-㋋]")
_PARENTHESIZED = regex.compile(r"[\u3200-\u32b0\u24b6-\u24e9\u249c-\u24b5]")
_FRACTION = regex.compile(r"(?:(?<!\d)(?P<whole>\d{1,9})\s?)?(?P<vulgar>[¼-¾⅐-⅞↉])")
_SUBSCRIPT = regex.compile(r"[₀-₉]")
_TEXT_FRACTION = regex.compile(r"(?<=\d)⁄(?=\d)")
_WIDE_SIGN = regex.compile(r"[％＃＆＠＄￥￡￦＝＜＞＋＊＾]")
_SLANTED_SIGN = regex.compile(r"[≦⩽≧⩾]")
_SLANTED = str.maketrans("≦⩽≧⩾", "≤≤≥≥")
_WIDE_BETWEEN_DIGITS = regex.compile(r"(?<=\d)[：／－．](?=\d)|(?<!\d)－(?=\d)")
_APART_DEGREE = regex.compile(r"°\s(?=[CFС](?!\p{L}))")
_DIGIT = regex.compile(r"(?V1)[\p{Nd}--[0-9]]")
_LIGATURE = regex.compile(r"[\ufb00-\ufb06\uff01-\uff5e&&[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]]", regex.V1)
_COMPANY = {
    "(株)": "株式会社",
    "(有)": "有限会社",
    "(代)": "代表",
    "(社)": "社団法人",
    "(財)": "財団法人",
    "(주)": "주식회사 ",
}
_PLAIN_COMPANY = regex.compile(r"[（(](?P<kind>株|有|주)[)）]")
_SPECIAL = {"™": "", "℠": "", "ℓ": "l", "Ω": "Ω", "K": "K", "℡": "Tel. "}


def expand_compatibility(text: AlignedText, *, spaced: bool) -> None:
    """`spaced` False: the language writes no spaces, so "①打开" becomes "1、打开" instead of "1, "."""
    text.sub(_ENCLOSED, lambda match: _enclosed(match, spaced), final=False)
    text.sub(_FRACTION, _fraction, final=False)
    text.sub(_SUBSCRIPT, _nfkc, final=False)
    text.sub(_TEXT_FRACTION, lambda _: "/", final=False)
    text.sub(_PARENTHESIZED, _parenthesized, final=False)
    text.sub(_PLAIN_COMPANY, lambda match: _COMPANY[f"({match['kind']})"], final=False)
    text.sub(_SQUARED, _squared, final=False)
    text.sub(_APART_DEGREE, lambda _: "°", final=False)
    text.sub(_WIDE_SIGN, _nfkc, final=False)
    text.sub(_SLANTED_SIGN, lambda match: match[0].translate(_SLANTED), final=False)
    text.sub(_WIDE_BETWEEN_DIGITS, _nfkc, final=False)
    text.sub(_LIGATURE, _nfkc, final=False)
    text.sub(_DIGIT, lambda match: str(unicodedata.decimal(match[0])), final=False)


def _nfkc(match: regex.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def _enclosed(match: regex.Match[str], spaced: bool) -> str:
    number = unicodedata.numeric(match[0])
    after = match.string[match.end() : match.end() + 1]
    before = match.string[match.start() - 1 : match.start()]
    gap = " " if before.isalnum() and spaced else ""
    if after == " " and match.string[match.end() + 1 : match.end() + 2].isalpha():
        return f"{gap}{int(number)}," if spaced else f"{int(number)}、"
    if not after.isalnum():
        return f"{gap}{int(number)}"
    return f"{gap}{int(number)}, " if spaced else f"{int(number)}、"


def _fraction(match: regex.Match[str]) -> str:
    plain = unicodedata.normalize("NFKC", match["vulgar"]).replace("⁄", "/")
    return f"{match['whole']} {plain}" if match["whole"] else plain


def _parenthesized(match: regex.Match[str]) -> str:
    plain = unicodedata.normalize("NFKC", match[0])
    return _COMPANY.get(plain, plain.strip("()"))


def _squared(match: regex.Match[str]) -> str:
    if match[0] in _SPECIAL:
        return _SPECIAL[match[0]]
    plain = unicodedata.normalize("NFKC", match[0])
    return regex.sub(r"(?<=[a-z])[23]$", lambda power: "²" if power[0] == "2" else "³", plain)
