"""The user's own pronunciations: "SQL" as "sequel", 仇 as qiú.

In: entries (written, language, spoken), as a CSV file or one by one. Out: a `Lexicon` that rewrites text, longest entry
first. A replacement is a respelling, kana, or pinyin with tone numbers ("qiu2", "chong2 qing4"); pinyin becomes a
common character with that reading, which both engines pronounce.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import regex

from qwen3tts_webui.errors import ErrorDetail, InvalidValue, UnknownLanguage, at_most, one_of
from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.language import AUTO, LANGUAGES, parse_language

MAX_ENTRIES = 2_000
MAX_ENTRY_LENGTH = 100
FIELDS = ("written", "language", "spoken", "case_sensitive")

_PINYIN = regex.compile(r"[a-zü]{1,6}[1-5](?:[ ']?[a-zü]{1,6}[1-5])*", regex.IGNORECASE)
_SYLLABLE = regex.compile(r"[a-zü]+[1-5]", regex.IGNORECASE)
_CONTROL = regex.compile(r"[\p{Cc}\p{Cs}\u2028\u2029]")
_ALL_HAN = regex.compile(r"\p{Han}+")
_TRUTHS = {"": False, "false": False, "no": False, "n": False, "0": False} | dict.fromkeys(
    ("true", "yes", "y", "1", "x"), True
)
_HAN = regex.compile(r"\p{Han}")
_LONGEST_WORD = 4
_WORDLIKE = regex.compile(r"[\p{Latin}\p{Cyrillic}\p{N}]")


@dataclass(frozen=True, slots=True)
class LexiconEntry:
    """`language` is a code or "auto" for all; `spoken` replaces `written` wherever it occurs as a word.

    A single Chinese character (a surname) is left alone inside a known word: 单 in 单老师, not in 单位.
    """

    written: str
    spoken: str
    language: str = AUTO
    case_sensitive: bool = False


class Lexicon:
    """Entries in order; of two for the same word and language the later one counts. Immutable."""

    def __init__(self, entries: Iterable[LexiconEntry] = ()) -> None:
        """Raises `InvalidValue` for an entry without text, one that is too long, or too many."""
        kept = {_key(entry): entry for entry in map(_checked, entries)}
        if len(kept) > MAX_ENTRIES:
            expected = at_most(MAX_ENTRIES)
            raise InvalidValue(field="lexicon", expected=expected, got=len(kept))
        self.entries = tuple(kept.values())
        self.longest = max((self._length(entry) for entry in self.entries), default=0)
        self._patterns: dict[str, tuple[regex.Pattern[str], dict[str, LexiconEntry]] | None] = {}

    def __bool__(self) -> bool:
        return bool(self.entries)

    @staticmethod
    def _length(entry: LexiconEntry) -> int:
        """The number of characters by which entries are ordered."""
        return _LONGEST_WORD if _HAN.fullmatch(entry.written) else len(entry.written)

    def merged(self, other: Lexicon) -> Lexicon:
        """Return these entries and those of `other`, which take precedence."""
        return Lexicon((*self.entries, *other.entries))

    def matches(self, text: str, language: str) -> list[tuple[int, int]]:
        """Return where entries for `language` occur in `text`, also inside the words in which they are left alone."""
        found = self._pattern(language)
        if found is None:
            return []
        return [_word_around(match, language) or match.span() for match in found[0].finditer(text)]

    def apply(self, text: AlignedText, language: str) -> None:
        """Replace every entry for `language`; what is replaced is not touched again."""
        found = self._pattern(language)
        if found is None:
            return
        pattern, entries = found

        def replaced(match: regex.Match[str]) -> str | None:
            return None if _word_around(match, language) else spelled(entries[match.lastgroup or ""].spoken)

        text.sub(pattern, replaced)

    def _pattern(self, language: str) -> tuple[regex.Pattern[str], dict[str, LexiconEntry]] | None:
        if language not in self._patterns:
            fitting = [entry for entry in self.entries if entry.language in (AUTO, language)]
            # the longest first; an entry of this language before one for all, one for this case before one for any
            fitting.sort(key=lambda entry: (-len(entry.written), entry.language == AUTO, not entry.case_sensitive))
            named = {f"e{i}": entry for i, entry in enumerate(fitting)}
            source = "|".join(_alternative(name, entry) for name, entry in named.items())
            self._patterns[language] = (regex.compile(source), named) if named else None
        return self._patterns[language]


def parse_csv(text: str) -> Lexicon:
    """Lines of `written,language,spoken[,case_sensitive]`, separated by commas, semicolons or tabs; empty lines and
    comments ("# ...") are skipped. A heading with these names may put the columns in another order.

    Raises `InvalidValue` that names the line.
    """
    entries: list[LexiconEntry] = []
    columns: tuple[str, ...] = FIELDS
    for number, row in enumerate(_rows(text), 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("# ") or (cells[0].startswith("#") and len(cells) < len(columns[:3])):
            continue
        heading = tuple(cell.casefold() for cell in cells if cell)
        if not entries and {"written", "spoken"} <= set(heading) <= set(FIELDS):
            columns = heading
            continue
        entries.append(_entry(dict(zip(columns, cells, strict=False)), f"lexicon, line {number}", len(cells)))
    return Lexicon(entries)


def _entry(cells: dict[str, str], field: str, count: int) -> LexiconEntry:
    if "spoken" not in cells or "written" not in cells:
        raise InvalidValue(field=field, expected="written,language,spoken", got=count)
    try:
        language = parse_language(cells.get("language", ""))
    except UnknownLanguage:
        codes = one_of((AUTO, *(language.code for language in LANGUAGES)))
        raise InvalidValue(field=field, expected=codes, got=cells["language"][:24]) from None
    truth = cells.get("case_sensitive", "").casefold()
    if truth not in _TRUTHS:
        raise InvalidValue(field=field, expected=one_of(("true", "false")), got=truth[:24])
    return _checked(LexiconEntry(cells["written"], cells["spoken"], language, _TRUTHS[truth]), field)


def _rows(text: str) -> Iterator[list[str]]:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    first = regex.search(r"^(?!#)[^\n]*\S[^\n]*$", lines, regex.M)
    head = first[0] if first else ""
    separator = next((sign for sign in ";\t" if head.count(sign) > max(head.count(","), 1)), ",")
    if stated := regex.fullmatch(r"sep=(.)", head.strip('"')):
        separator, lines = stated[1], lines.replace(head, "", 1)
    try:
        yield from csv.reader(io.StringIO(lines), delimiter=separator, skipinitialspace=True)
    except csv.Error as error:
        raise InvalidValue(field="lexicon", expected="CSV", got=str(error)) from None


def read_lexicon(path: Path) -> Lexicon:
    """A CSV file in UTF-8. Raises `InvalidValue` when it cannot be read."""
    try:
        return parse_csv(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(field="lexicon", expected="a CSV file in UTF-8", got=type(error).__name__) from None


def write_csv(lexicon: Lexicon) -> str:
    """Return the lexicon as a CSV file with a header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    for entry in lexicon.entries:
        writer.writerow((entry.written, entry.language, entry.spoken, "true" if entry.case_sensitive else "false"))
    return out.getvalue()


def spelled(spoken: str) -> str:
    """Convert pinyin with tone numbers to characters; return any other respelling unchanged."""
    if not _PINYIN.fullmatch(spoken.strip()):
        return spoken
    characters = [_character(syllable.lower().replace("v", "ü")) for syllable in _SYLLABLE.findall(spoken)]
    return "".join(filter(None, characters)) if all(characters) else spoken


def _character(syllable: str) -> str | None:
    """Return a character with this reading; for a neutral tone, one of another tone if no other has it alone."""
    known = characters_of()
    tones = "51423" if syllable.endswith("5") else syllable[-1]
    return next((known[syllable[:-1] + tone] for tone in tones if syllable[:-1] + tone in known), None)


@cache
def characters_of() -> dict[str, str]:
    """Return, for each syllable with its tone ("qiu2" -> 求), a common character with no other reading."""
    import pypinyin

    found: dict[str, str] = {}
    for code in _by_frequency():
        readings = pypinyin.pinyin(chr(code), style=pypinyin.Style.TONE3, heteronym=True, neutral_tone_with_five=True)[
            0
        ]
        for reading in readings if len(readings) == 1 else ():
            found.setdefault(reading.replace("v", "ü"), chr(code))
    for code in _by_frequency():  # for syllables that occur only in characters with several readings
        reading = pypinyin.lazy_pinyin(chr(code), style=pypinyin.Style.TONE3, neutral_tone_with_five=True)[0]
        found.setdefault(reading.replace("v", "ü"), chr(code))
    return found


def _by_frequency() -> list[int]:
    """Simplified characters of everyday use first: GB 2312 level 1, then level 2."""
    codes = []
    for high in range(0xB0, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                codes.append(ord(bytes((high, low)).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return codes


def _word_around(match: regex.Match[str], language: str) -> tuple[int, int] | None:
    """The known Chinese word that the single character `match` is part of."""
    if language != "zh" or not _HAN.fullmatch(match[0]):
        return None
    for length in range(_LONGEST_WORD, 1, -1):
        for start in range(max(0, match.start() - length + 1), match.start() + 1):
            word = match.string[start : start + length]
            if len(word) == length and _is_word(word):
                return start, start + length
    return None


@lru_cache(10_000)
def _is_word(text: str) -> bool:
    """In pypinyin's phrases, or in the dictionary of the preview voice where that is installed."""
    from pypinyin.constants import PHRASES_DICT

    if text in PHRASES_DICT or len(text) > 2:  # rjieba's longer words are often names
        return text in PHRASES_DICT
    try:
        import rjieba
    except ImportError:
        return False
    return bool(_ALL_HAN.fullmatch(text)) and rjieba.cut(text, False) == [text]


def _key(entry: LexiconEntry) -> tuple[str, str, bool]:
    written = entry.written if entry.case_sensitive else entry.written.casefold()
    return written, entry.language, entry.case_sensitive


def _alternative(name: str, entry: LexiconEntry) -> str:
    body = regex.sub("['’]", "['’]", regex.escape(entry.written))
    if not entry.case_sensitive:
        body = f"(?i:{body})"
    before = r"(?<![\p{Latin}\p{Cyrillic}\p{N}])" if _WORDLIKE.match(entry.written[0]) else ""
    after = r"(?![\p{Latin}\p{Cyrillic}\p{N}])" if _WORDLIKE.match(entry.written[-1]) else ""
    return f"(?P<{name}>{before}{body}{after})"


def _checked(entry: LexiconEntry, field: str = "lexicon") -> LexiconEntry:
    """The entry without whitespace around its texts."""
    written, spoken = (unicodedata.normalize("NFC", text.strip()) for text in (entry.written, entry.spoken))
    for text in (written, spoken):
        if not text or len(text) > MAX_ENTRY_LENGTH or _CONTROL.search(text):
            expected = ErrorDetail("one_line", "1 to {limit} characters in one line", limit=MAX_ENTRY_LENGTH)
            raise InvalidValue(field=field, expected=expected, got=len(text))
    return replace(entry, written=written, spoken=spoken)
