"""Make any pasted text speakable.

In: any `str`, lone surrogates included. Out: NFC text with no control character but "\\n", without leading, trailing
or double whitespace. `clean_text` never raises and is idempotent. Knows nothing of segments, tags or the tokenizer,
except for the names of its control tokens.

What happens to what:
- emoji, pictures, box drawings: a space. No voice can read them, and a space keeps the neighboring words apart;
- invisible characters (zero width, bidi, variation selectors, tags, soft hyphens), private use, U+FFFD: removed;
- text that was decoded wrongly ("cafÃ©"): repaired by ftfy where it is certain;
- squared and parenthesized signs (㎡, ㈱) stay: the normalizer reads them;
- compatibility forms (full width, half-width katakana, "𝓯𝓪𝓷𝓬𝔂", "ﬁ"): plain letters; full-width punctuation stays;
- the same punctuation more than three times: three times; long dots: "..." or "……";
- the model's control tokens: a space, so that the text around one cannot join into a new one. HTML stays as it is.
"""

from __future__ import annotations

import unicodedata

import regex
from ftfy import TextFixerConfig, fix_encoding
from ftfy.fixes import fix_c1_controls

_MOJIBAKE = TextFixerConfig(fix_c1_controls=False, unescape_html=False)  # C1 is handled later: U+0085 may be a line end
_UTF8_AS_GBK = regex.compile("(?:锟斤拷)+")  # U+FFFD after one more wrong decoding
_LINE_END = regex.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = regex.compile(
    r"(?V1)[[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\uFFFC\uFFFD]--[\t\n]]"
)
_COMPATIBILITY_FORMS = regex.compile(
    r"[\uFF10-\uFF19\uFF21-\uFF3A\uFF41-\uFF5A\uFF66-\uFF9F\uFFA1-\uFFDC\uFB00-\uFB06\U0001D400-\U0001D7FF\u24B6-\u24E9]+"
)
_PICTURE = regex.compile(r"(?V1)[[\p{So}\p{Emoji_Modifier}\u20E3]--[°©®™№℃℉℗℠℡〒\u3200-\u33FF]]+")
_EMPTY_LINES = regex.compile(r"\n{3,}")
_WHITESPACE = regex.compile(r"[\s\p{Zs}]+")
_TOKEN = regex.compile(r"<\|[\w.\-▁]{1,64}\|>|</?(?:tts_\w{1,64}|think|tool_call|tool_response)>", regex.IGNORECASE)
_TOKEN_EDGE = regex.compile(r"<\|+|\|+>")
_COMBINING_MARKS = regex.compile(r"(\p{M}{3})\p{M}+")
_REPEATED = (
    (regex.compile(r"\.{4,}"), "..."),
    (regex.compile(r"。{3,}|…{3,}"), "……"),
    (regex.compile(r"([!?！？‼⁇⁈⁉]{3})[!?！？‼⁇⁈⁉]+"), r"\1"),
    (regex.compile(r"([\p{P}\p{S}])\1{3,}"), r"\1\1\1"),
)
_SPEECH = regex.compile(r"[\p{L}\p{N}]")


def clean_text(text: str) -> str:
    """Return speakable text, line by line; "" when nothing is left."""
    return _EMPTY_LINES.sub("\n\n", "\n".join(clean_line(line) for line in split_lines(text))).strip("\n")


def clean_description(description: str) -> str:
    """Clean a voice description into one line: its line breaks could be mistaken for the prompt's own."""
    return clean_line(" ".join(split_lines(description)))


def has_speech(text: str) -> bool:
    """Return True if cleaned `text` has a letter or a digit of any script."""
    return _SPEECH.search(text) is not None


def split_lines(text: str) -> list[str]:
    """Repair broken encodings, then split `text` at every kind of line end. The lines are not cleaned yet."""
    # repair first: U+0085 and U+2028 may be bytes of broken characters
    return _LINE_END.split("\n".join(map(_repair, _join_surrogates(text).split("\n"))))


def clean_line(line: str) -> str:
    """Clean one line until nothing changes: what one step removes may uncover work for another."""
    while (cleaned := _clean_once(line)) != line:
        line = cleaned
    return line


def _clean_once(line: str) -> str:
    line = _INVISIBLE.sub("", _repair(fix_c1_controls(line)))
    line = _COMPATIBILITY_FORMS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), line)
    line = unicodedata.normalize("NFC", _PICTURE.sub(" ", line))
    line = _TOKEN_EDGE.sub(" ", _TOKEN.sub(" ", line))
    for pattern, replacement in _REPEATED:
        line = pattern.sub(replacement, line)
    return _WHITESPACE.sub(" ", _COMBINING_MARKS.sub(r"\1", line)).strip()


def _repair(line: str) -> str:
    return line if line.isascii() else fix_encoding(_UTF8_AS_GBK.sub("", line), _MOJIBAKE)


def _join_surrogates(text: str) -> str:
    """Turn surrogate pairs into their character, lone ones into U+FFFD (removed later)."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
