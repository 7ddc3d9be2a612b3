"""The ten languages that the model speaks: their names in every form people write, and a detect_language from the text itself.

Knows scripts and a few hundred of the commonest words; dialects belong to voices, so Cantonese and Shanghainese count
as Chinese here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import regex

from qwen3tts_webui.errors import UnknownLanguage
from qwen3tts_webui.text.clean import clean_description
from qwen3tts_webui.text.common_words import COMMON_WORDS, TELLING_LETTERS

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Language:
    """`code` as in ISO 639-1, `model` as Qwen3-TTS calls it, `aliases` all other names in lower case."""

    code: str
    name: str
    native: str
    chinese: str
    model: str
    aliases: tuple[str, ...]


LANGUAGES: tuple[Language, ...] = (
    Language(
        "zh",
        "Chinese",
        "中文",
        "中文",
        "chinese",
        (
            "汉语",
            "漢語",
            "华语",
            "國語",
            "国语",
            "普通话",
            "普通話",
            "mandarin",
            "zho",
            "chi",
            "cmn",
            "cn",
            "yue",
            "cantonese",
            "粤语",
            "粵語",
        ),
    ),
    Language("en", "English", "English", "英语", "english", ("英文", "英語", "eng")),
    Language("ja", "Japanese", "日本語", "日语", "japanese", ("日文", "日語", "jpn", "jp")),
    Language("ko", "Korean", "한국어", "韩语", "korean", ("韩文", "韓語", "韓文", "조선말", "kor", "kr")),
    Language("de", "German", "Deutsch", "德语", "german", ("德文", "德語", "deu", "ger")),
    Language("fr", "French", "Français", "法语", "french", ("法文", "法語", "francais", "fra", "fre")),
    Language("ru", "Russian", "Русский", "俄语", "russian", ("俄文", "俄語", "rus")),
    Language("pt", "Portuguese", "Português", "葡萄牙语", "portuguese", ("葡语", "葡萄牙語", "portugues", "por")),
    Language("es", "Spanish", "Español", "西班牙语", "spanish", ("西语", "西班牙語", "espanol", "castellano", "spa")),
    Language("it", "Italian", "Italiano", "意大利语", "italian", ("意语", "意大利語", "意大利文", "ita")),
)

_AUTO_NAMES = ("", AUTO, "automatic", "自动", "自動")
_SCRIPTS = regex.compile(
    r"(?P<han>\p{Han})|(?P<kana>[\p{Hiragana}\p{Katakana}])|(?P<ko>\p{Hangul})|(?P<ru>\p{Cyrillic})|(?P<latin>\p{Latin})"
)
_WORD = regex.compile(r"\p{Latin}+")


def parse_language(language: str) -> str:
    """The code of `language`: a code, a tag ("zh-CN"), a name in English, its own tongue or Chinese; or "auto".

    Raises `UnknownLanguage`.
    """
    wanted = language.strip().casefold()
    if wanted in _AUTO_NAMES:
        return AUTO
    for candidate in (wanted, regex.split(r"[-_]", wanted)[0]):
        for known in LANGUAGES:
            names = (known.code, known.name, known.native, known.chinese, known.model, *known.aliases)
            if candidate in map(str.casefold, names):
                return known.code
    raise UnknownLanguage(got=clean_description(language)[:20], known=", ".join([AUTO, *(x.code for x in LANGUAGES)]))


def detect_language(text: str) -> str:
    """The code of the language that `text` is most likely written in: by script, and for Latin letters by common words.

    English when nothing speaks for another.
    """
    scripts = Counter(match.lastgroup for match in _SCRIPTS.finditer(text))
    han, kana = scripts["han"], scripts["kana"]
    # one Chinese character or kana says about as much as three letters, a Hangul syllable as much as two
    weights = {
        "cjk": 3 * han + 2 * kana,
        "ko": 2 * scripts["ko"],
        "ru": scripts["ru"],
        "latin": scripts["latin"],
    }
    winner = max(weights, key=lambda script: weights[script])
    if not weights[winner] or winner == "latin":
        return _guess_latin(text)
    if winner == "cjk":
        return "ja" if kana > 0.1 * (han + kana) else "zh"
    return winner


def _guess_latin(text: str) -> str:
    """By counted evidence: a common word is worth one, a letter that few languages have one and a half."""
    words = [word.casefold() for word in _WORD.findall(text)]
    letters = Counter(text.casefold())
    evidence = {
        code: sum(word in common for word in words)
        + 1.5 * sum(letters[letter] for letter in TELLING_LETTERS.get(code, ""))
        for code, common in COMMON_WORDS.items()
    }
    best = max(evidence, key=lambda code: evidence[code])
    return best if evidence[best] > evidence["en"] else "en"
