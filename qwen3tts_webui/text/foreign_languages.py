"""Languages that neither engine knows, in letters that both can read: they are read by the rules of one of the ten.

In: a line. Out: the English name of its language, or "". Careful rather than complete: a name or a short phrase of
another language inside a line says nothing. Knows fastText's small model, and letters and short words that none of
the ten languages writes.
"""

from __future__ import annotations

from collections.abc import Mapping

import regex

from qwen3tts_webui.text.language import classified

TELLING_CHARS = 100
"""The beginning of a line that decides."""
_LATIN = {
    "pl": "Polish", "nl": "Dutch", "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "tr": "Turkish",
    "vi": "Vietnamese", "cs": "Czech", "sk": "Slovak", "hu": "Hungarian", "ro": "Romanian", "id": "Indonesian",
    "ms": "Malay", "hr": "Croatian", "sl": "Slovenian", "lt": "Lithuanian", "lv": "Latvian", "et": "Estonian",
    "is": "Icelandic", "sq": "Albanian", "ca": "Catalan", "az": "Azerbaijani", "tl": "Filipino", "sw": "Swahili",
    "eu": "Basque", "cy": "Welsh", "ga": "Irish", "af": "Afrikaans",
}  # fmt: skip
_CYRILLIC = {
    "uk": "Ukrainian", "be": "Belarusian", "bg": "Bulgarian", "sr": "Serbian", "mk": "Macedonian", "kk": "Kazakh",
    "mn": "Mongolian", "ky": "Kyrgyz", "tt": "Tatar", "tg": "Tajik", "ba": "Bashkir",
}  # fmt: skip
_RELATIVES = ({"da", "no", "nn"}, {"cs", "sk"}, {"id", "ms"}, {"hr", "sr", "bs", "sh"}, {"tr", "az"})
"""Languages that the classifier confuses; their probabilities count together."""
_LATIN_LETTERS = {
    "pl": "łżźśćąęń", "cs": "řěůčšž", "sk": "ľĺŕôčšž", "hu": "őű", "ro": "țșţşă", "tr": "ğış", "az": "əğış", "is": "ðþ",
    "vi": "ơưđạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ", "sv": "å", "da": "åæø", "no": "åæø", "lv": "āēīūģķļņčšž",
    "lt": "ėįųąęčšž", "hr": "đćčšž", "sl": "čšž", "et": "õ", "sq": "ë",
}  # fmt: skip
_ONLY_WITH_LETTERS = frozenset({"no", "cs", "sk", "is", "az"})
"""What program code and lists of names look like without them."""
_CYRILLIC_LETTERS = (
    ("Kazakh", regex.compile("[әғқұ]")), ("Belarusian", regex.compile("ў")),
    ("Ukrainian", regex.compile("[іїєґ]")), ("Macedonian", regex.compile("[ѓќѕ]")),
    ("Serbian", regex.compile("[јљњћђџ]")), ("Mongolian", regex.compile("[өү]")),
    ("Bulgarian", regex.compile(r"(?!.*[ыэё])(?:[бвгджзклмнпрстфхцчшщ]ъ[бвгджзклмнпрстфхцчшщ]|\bъ\p{L})")),
)  # fmt: skip
_CYRILLIC_WORDS = tuple(
    (name, regex.compile(rf"(?<!\p{{L}})(?:{'|'.join(words.split())})(?!\p{{L}})"))
    for name, words in (
        (
            "Ukrainian",
            r"""дякую буде добрий добре доброго\sдня мене звати де\s(?:моя|твоя|ти|ви|це) дуже вона або треба що ще вже
            щоб якщо дощ будь\sласка гарно гарна чому хто немає до\sпобачення""",
        ),
        (
            "Bulgarian",
            r"""добро\sутро добър съм сме сте как\sси ще аз тя какво къде защо кога благодаря здравейте здравей здрасти
            днес утре времето хубаво хубав искам моля довиждане нощ лека няма трябва всичко много\sдобре нищо""",
        ),
        ("Serbian", "добар како данас шта нисам"),
        ("Belarusian", "дзякуй добрай дзень калі гэта вельмі сёння дзе чаму"),
    )
)
"""The commonest words that Russian does not have, for short lines without a telling letter."""
_CYRILLIC_WORD = regex.compile(r"(?<![\p{L}\p{N}])[\p{Cyrillic}'’ʼ]{2,}")
_RUSSIAN = regex.compile("[ыэё]")
_LATIN_WORD = regex.compile(r"(?<![\p{L}\p{N}@./])\p{Latin}[\p{Latin}\p{M}'’]+(?![@\p{N}])")
_FEW_WORDS, _SURE, _LIKELY = 4, 0.75, 0.45


def foreign_language(line: str) -> str:
    """The English name of the language of `line`, if neither engine knows it and its script is known; else ""."""
    text = line[:TELLING_CHARS]
    cyrillic, latin = _CYRILLIC_WORD.findall(text), _LATIN_WORD.findall(text)
    if sum(map(len, (*cyrillic, *latin))) < len(text) / 2:
        return ""  # a few words inside another script, or mostly numbers and signs
    if len(cyrillic) > len(latin):
        return _foreign_cyrillic(cyrillic)
    return _foreign_latin(latin)


def _foreign_cyrillic(words: list[str]) -> str:
    text = " ".join(words)
    for name, letters in _CYRILLIC_LETTERS:
        if letters.search(text.lower()) and _is_common([bool(letters.search(word.lower())) for word in words]):
            is_belarusian = name == "Ukrainian" and "ы" in text and "и" not in text
            return "Belarusian" if is_belarusian else name
    counts = {name: len(common.findall(text.lower())) for name, common in _CYRILLIC_WORDS}
    likeliest = max(counts, key=lambda name: counts[name])
    if counts[likeliest] * 4 >= len(words) and (likeliest == "Belarusian" or not _RUSSIAN.search(text.lower())):
        return likeliest
    return _classified_as(_CYRILLIC, text, _SURE) if text.count(" ") >= _FEW_WORDS - 1 else ""


def _foreign_latin(words: list[str]) -> str:
    if len(words) < 2:
        return ""
    text = " ".join(words)
    if len(words) < _FEW_WORDS and text.isascii():
        return ""
    code = _best(classified(text), _LATIN)
    letters = _LATIN_LETTERS.get(code, "")
    if _is_common([any(letter in word.lower() for letter in letters) for word in words]):
        return _classified_as(_LATIN, text, _LIKELY)
    return _classified_as(_LATIN, text, _SURE) if len(words) >= _FEW_WORDS and code not in _ONLY_WITH_LETTERS else ""


def _is_common(found: list[bool]) -> bool:
    """Whether a quarter of the words have a letter."""
    return sum(found) * 4 >= len(found)


def _classified_as(names: dict[str, str], text: str, least: float) -> str:
    found = classified(text)
    code = _best(found, names)
    if not code:
        return ""
    family = next((each for each in _RELATIVES if code in each), {code})
    return names[code] if sum(found.get(each, 0.0) for each in family) >= least else ""


def _best(found: Mapping[str, float], names: dict[str, str]) -> str:
    """The likeliest language, if it is one of `names`."""
    best = max(found, key=lambda code: found[code], default="")
    return best if best in names else ""
