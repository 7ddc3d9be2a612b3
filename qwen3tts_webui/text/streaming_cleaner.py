"""Clean text while it is still being written.

In: pieces of raw text of any size, as a language model or a person types them. Out: the same text, cleaned, word by
word, as soon as no later piece can change it. Knows nothing of segments; a line end counts as whitespace.

Each piece is cleaned like a whole text (see clean). What must stay together is held back until it is complete: the last
word, a surrogate pair, a control token. No output ends inside a "<...", so a control token can never form where two
outputs meet.
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.clean import clean_line, split_lines

_MAX_HELD = 256  # characters without the end of a word, after which they are passed on anyway
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}々〆ー"
# C1 controls and U+00A0 end no word here: they may be bytes of a broken character
_WORD_END = regex.compile(
    rf"[ \t\n\r\x0b\x0c\u2028\u2029\u3000]|[{_UNSPACED}]\p{{M}}*(?=[^\p{{M}}\p{{Cs}}])|[，。！？；：、…」』）》】]"
)
_TOKEN_START = r"<(?:\|[\w.\-▁]{0,64}\|?|/?(?:t|t[hot]\w{0,64})?)$"  # of a control token (see clean)
_OPEN_TOKEN = regex.compile(_TOKEN_START, regex.IGNORECASE)
_UNCLOSED = regex.compile(rf"<(?={_TOKEN_START[1:]})", regex.IGNORECASE)
_EDGE = "7"  # composes with no combining mark
_HALF_CHARACTER = regex.compile(r"[\ud800-\udbff]$")


class StreamingCleaner:
    """Call `push` for each piece, and `flush` when the text so far is to be spoken now, and at the end."""

    def __init__(self) -> None:
        self._raw = ""
        self._pending_space = False
        self._after_space = True  # the output so far ends with whitespace, or is empty

    def push(self, piece: str) -> str:
        """Return the cleaned text that no later piece can change, possibly ""."""
        self._raw += piece
        return self._emit(self._stable_prefix())

    def flush(self) -> str:
        """Return the rest, cleaned."""
        return self._emit(len(self._raw))

    def _stable_prefix(self) -> int:
        """Return how much of the raw text no later piece can change."""
        end = len(self._raw)
        for pattern in (_HALF_CHARACTER, _OPEN_TOKEN):
            match = pattern.search(self._raw, endpos=end)
            if match is not None:
                end = match.start()
        word_ends = [match.end() for match in _WORD_END.finditer(self._raw) if match.end() <= end]
        if word_ends:
            return word_ends[-1]
        return end if end > _MAX_HELD else 0

    def _emit(self, length: int) -> str:
        raw, self._raw = self._raw[:length], self._raw[length:]
        if not raw:
            return ""
        text = clean_line(" ".join(split_lines(raw)))
        within = clean_line(" ".join(split_lines(f"{_EDGE}{raw}{_EDGE}")))  # a picture at an edge leaves a space
        space = self._pending_space or within[1:2].isspace()
        if not text:
            self._pending_space = space
            return ""
        before = " " if space and not self._after_space else ""
        self._pending_space, self._after_space = False, within[-2:-1].isspace()
        return str(_UNCLOSED.sub(" ", before + text + " " * self._after_space))
