"""Speakable text while it is still being written.

In: pieces of raw text of any size, as a language model or a person types them. Out: the same text, cleaned, as soon as
no later piece can change it: word by word. Knows nothing of segments; a line end is a blank.

Each piece is cleaned like a whole text (see clean). What must not come apart is kept together: the last word, a
character of two surrogates, a control token. What leaves never ends inside a "<...", so no control token can form
where two pieces meet, however it was cut.
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.clean import clean_line, lines

_LONGEST_WORD = 256  # beyond this nobody waits for its end
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}々〆ー"
# C1 and U+00A0 end no word here: they may be bytes of a broken character
_WORD_END = regex.compile(
    rf"[ \t\n\r\x0b\x0c\u2028\u2029\u3000]|[{_UNSPACED}]\p{{M}}*(?=[^\p{{M}}\p{{Cs}}])|[，。！？；：、…」』）》】]"
)
_OPEN_TOKEN = regex.compile(r"<[^> \t\n]{0,80}$")
_UNCLOSED = regex.compile(r"<(?=[^> ]*$)")
_HALF_CHARACTER = regex.compile(r"[\ud800-\udbff]$")


class LiveText:
    """`push` piece after piece; `flush` when what is there is to be spoken now, and at the end."""

    def __init__(self) -> None:
        self._raw = ""
        self._gap = False
        self._parted = True  # a blank, or nothing yet, stands before what comes next

    def push(self, piece: str) -> str:
        """The cleaned text that became certain, "" if none did."""
        self._raw += piece
        return self._give(self._certain())

    def flush(self) -> str:
        """The rest, up to the last character that came."""
        return self._give(len(self._raw))

    def _certain(self) -> int:
        """How much of the raw text no later piece can change."""
        end = len(self._raw)
        for pattern in (_HALF_CHARACTER, _OPEN_TOKEN):
            match = pattern.search(self._raw, endpos=end)
            if match is not None:
                end = match.start()
        word_ends = [match.end() for match in _WORD_END.finditer(self._raw) if match.end() <= end]
        if word_ends:
            return word_ends[-1]
        return end if end > _LONGEST_WORD else 0

    def _give(self, length: int) -> str:
        raw, self._raw = self._raw[:length], self._raw[length:]
        if not raw:
            return ""
        text = clean_line(" ".join(lines(raw)))
        gap = self._gap or raw[0].isspace()
        if not text:
            self._gap = gap or any(character.isspace() for character in raw)
            return ""
        before = " " if gap and not self._parted else ""
        self._gap, self._parted = False, raw[-1].isspace()
        return str(_UNCLOSED.sub(" ", before + text + " " * self._parted))
