"""Text that is rewritten step by step and still knows where each of its characters was written.

In: a string and edits. Out: the new string with, per character, the range of the original it stands for. Knows no
language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import regex

Span = tuple[int, int, int, int]
"""`(start, end, spoken_start, spoken_end)`: written characters and the spoken characters that replace them."""

Replace = Callable[["regex.Match[str]"], str | None]

_DIGIT = regex.compile(r"\d")
_MODEL_LETTER = regex.compile(r"[\p{Latin}\p{Cyrillic}]")
_LETTER = regex.compile(r"[\p{L}\p{N}]")
_SPACELESS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ー々〇]")

_PARTICLE = regex.compile(  # Korean: it belongs to the word before
    r"(?:은|는|이[\s다고라며에었나]|였|가\s|을|를|으?로(?!\p{L})|에(?!너)|의\s|도[\s.,]|와\s|과\s|부터|까지|보다|입니다|예요|인\s|쯤|씩|당(?=[\s\d])|만[\s.,]|밖에|마다|처럼|이?란\s)"
)
_ENDINGS = frozenset({"부터", "까지", "에서 "})


class AlignedText:
    """`text` is the current form. Characters written by a `final` edit are left alone by later edits."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.written = text
        self._origins: list[tuple[int, int]] = [(i, i + 1) for i in range(len(text))]
        self._changed = [False] * len(text)
        self._final = [False] * len(text)

    def sub(self, pattern: regex.Pattern[str], replace: Replace, *, final: bool = True, spaced: bool = False) -> None:
        """Replace each match by what `replace` returns; None leaves it. Matches that touch final characters are kept.

        `spaced` puts a space between the replacement and a letter it would otherwise be glued to.
        """
        edits: list[tuple[int, int, str]] = []
        for match in pattern.finditer(self.text):
            start, end = match.span()
            if start == end or any(self._final[start:end]):
                continue
            new = replace(match)
            if new is None or new == match[0]:
                continue
            edits.append((start, end, self._apart(start, end, new) if spaced else new))
        self._apply(edits, final)

    def protect(self, pattern: regex.Pattern[str]) -> None:
        """Make every match final, unchanged."""
        for match in pattern.finditer(self.text):
            self._final[match.start() : match.end()] = [True] * len(match[0])

    def link(self, pattern: regex.Pattern[str], word: str, fits: Callable[[str, str], bool]) -> None:
        """Replace each match between two final edits that contained a digit by `word`, if `fits(left, right)` accepts
        the written texts of both.
        """
        edits: list[tuple[int, int, str]] = []
        for match in pattern.finditer(self.text):
            start, end = match.span()
            if not start or end >= len(self.text) or any(self._final[start:end]):
                continue
            if self._changed[start - 1] and self._changed[end] and self._final[start - 1] and self._final[end]:
                left, right = (self.written[slice(*self._origins[at])] for at in (start - 1, end))
                if (
                    _MODEL_LETTER.match(self.written, max(0, self._origins[start - 1][0] - 1))
                    and self._origins[start - 1][0]
                ):
                    continue  # "i7-13700"
                if _DIGIT.search(left) and _DIGIT.search(right) and fits(left, right):
                    edits.append((start, end, word))
        self._apply(edits, final=True)

    def splice(self, parts: Iterable[tuple[int, str, Iterable[Span]]]) -> None:
        """Apply the edits that were made to copies of parts of the text: where each starts, its new text, its spans."""
        edits = [(start + a, start + b, spoken[c:d]) for start, spoken, spans in parts for a, b, c, d in spans]
        self._apply(edits, final=False)

    def reopen(self) -> None:
        """Allow later edits to change what earlier ones wrote."""
        self._final = [False] * len(self.text)

    def spans(self) -> list[Span]:
        """The changed ranges, in order of the spoken text."""
        found: list[Span] = []
        i = 0
        while i < len(self.text):
            if not self._changed[i]:
                i += 1
                continue
            j = i
            while j < len(self.text) and self._changed[j] and self._origins[j] == self._origins[i]:
                j += 1
            start, end = self._origins[i]
            if found and start < found[-1][1]:  # both stand for the same characters
                first = found.pop()
                found.append((min(first[0], start), max(first[1], end), first[2], j))
            else:
                found.append((start, end, i, j))
            i = j
        return [*self._with_dropped(found)]

    def _with_dropped(self, spans: list[Span]) -> Iterator[Span]:
        """Return `spans` with an empty spoken range for each written range that vanished."""
        written = spoken = 0
        for start, end, spoken_start, spoken_end in [*spans, (len(self.written), len(self.written), len(self.text), 0)]:
            for at in range(spoken, spoken_start):
                origin = self._origins[at][0]
                if origin > written:
                    yield written, origin, at, at
                written = max(written, self._origins[at][1])
            if start > written:
                yield written, start, spoken_start, spoken_start
            if spoken_end:
                yield start, end, spoken_start, spoken_end
            written, spoken = max(written, end), spoken_end

    def _apart(self, start: int, end: int, new: str) -> str:
        before, after = self.text[start - 1 : start], self.text[end : end + 1]
        tail = "" if _PARTICLE.match(self.text, end) else self._gap(new[-1:], after)
        return ("" if new in _ENDINGS else self._gap(before, new[:1])) + new + tail

    @staticmethod
    def _gap(left: str, right: str) -> str:
        if not (left and right and _LETTER.match(left) and _LETTER.match(right)):
            return ""
        return "" if _SPACELESS.match(left) or _SPACELESS.match(right) else " "

    def _apply(self, edits: list[tuple[int, int, str]], final: bool) -> None:
        """Apply `edits`, ascending, in one pass: a text may have thousands."""
        if not edits:
            return
        text: list[str] = []
        origins: list[tuple[int, int]] = []
        changed: list[bool] = []
        finals: list[bool] = []
        for at, (start, end, new) in zip([0, *(edit[1] for edit in edits)], edits, strict=False):
            origin = (self._origins[start][0], max(item[1] for item in self._origins[start:end]))
            text += (self.text[at:start], new)
            origins += [*self._origins[at:start], *[origin] * len(new)]
            changed += [*self._changed[at:start], *[True] * len(new)]
            finals += [*self._final[at:start], *[final] * len(new)]
        at = edits[-1][1]
        self.text = "".join((*text, self.text[at:]))
        self._origins = origins + self._origins[at:]
        self._changed = changed + self._changed[at:]
        self._final = finals + self._final[at:]
