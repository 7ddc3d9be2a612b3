"""Markup in a text that is still being written.

In: pieces of raw text of any size. Out: the same text without markup (see markup), as soon as no later piece can change
it. An open tag, link, emphasis, block or table row is held back until it is closed or turns out to be plain text.
"""

from __future__ import annotations

from itertools import takewhile

import regex

from qwen3tts_webui.text.markup import DEFAULT_OPTIONS, MarkupOptions, has_only_tags, strip_markup

_BLOCK = r"<(?P<tag>think|thinking|thought|reasoning|analysis|script|style|svg|math|ruby|sub|sup|say-as)\b[^<>]*>(?:(?!</(?P=tag)\s*>).)*"
_OPEN_BLOCK = regex.compile(
    rf"{_BLOCK}\Z|<!--(?:(?!-->).)*\Z",
    regex.S | regex.IGNORECASE,
)
_CLOSED_BLOCK = regex.compile(rf"{_BLOCK}</(?P=tag)\s*>", regex.S | regex.IGNORECASE)
_OPEN_TABLE = regex.compile(  # a line with a pipe may be the head of a table, until the next line is not its rule
    r"^[^\n]*\|[^\n]*(?:\n[ \t|:-]*(?:(?<=-[ \t|:]*)\n(?:[^\n]*\|[^\n]*\n)*[^\n]*)?)?\Z", regex.M
)
_FENCE_LINE = regex.compile(r"^[ \t]{0,3}(`{3,}|~{3,})[^\n]*\n?", regex.M)
_OPEN = regex.compile(
    r"<[^<>\n]{0,400}\Z|&(?:amp;)*[#\w]{0,32}\Z|!?\[[^\[\]\n]{0,300}(?:\](?:\([^\n]{0,600}|\[[^\[\]\n]{0,80}|:[ \t]*(?:h|ht|htt|https?|https?:[^\n]{0,600})?)?)?\Z|!\Z|\\\Z"
    r"|[｜|][^｜|《》\n]{0,40}(?:《[^《》\n]{0,40})?\Z|[\p{Han}々〆ヶ]+(?:《[^《》\n]{0,40})?\Z|［[^］\n]{0,200}\Z|[ \t]*#{1,6}[ \t]*\r?\Z|\{(?:\\[^{}\n]{0,100})?\Z"
    r"|(?<![A-Za-z0-9$\\])\$\$?(?:[^\s\d$][^$\n]{0,200}|\d[\d.,]*(?:[\\^_][^$\n]{0,200})?)?\Z|\$\Z"
    r"|\\(?:[A-Za-z]{1,20}(?:\{[^{}\n]{0,60}\}){0,2}(?:\{[^{}\n]{0,60})?|[(\[][^\n]{0,200})\Z"
)
_MARKER = regex.compile(
    rf"(?s:{_BLOCK}</(?P=tag)\s*>)|<[^<>\n]{{0,400}}>|(?<=\])\([^()\s]{{0,500}}\)|(?<!\\)(?P<sign>\*{{1,3}}|~~?|_{{1,2}}|`{{1,2}})",
    regex.IGNORECASE,
)
_NOT_PLAIN = regex.compile(r"[^\p{L}\p{N}\s)]")
_WORD = regex.compile(r"[\p{L}\p{N}_]")
_LINE_START = regex.compile(
    r"^[ \t]*(?:[>#*+•_=~`-][>#*+•_=~` \t\[\]xX-]*|\|[^\n]*|\d{1,6}[ \t]*|\d{1,6}[ \t]*\r?\n[ \t]*[\d:.,]*[ \t]*(?:-{1,2}>?[^\n]*)?"
    r"|\d{1,2}:[\d:.,]*[ \t]*(?:-{1,2}>?[^\n]*)?|W(?:E(?:B(?:V(?:T(?:T[^\n]*)?)?)?)?)?)?\r?\Z",
    regex.M,
)
_LONGEST = 800


class StreamingMarkup:
    """Call `push` for each piece, and `flush` when nothing more is to be waited for."""

    def __init__(self, options: MarkupOptions = DEFAULT_OPTIONS) -> None:
        self._options = options
        self._held = ""
        self._started = False
        self._line = ""  # the part of the current line already returned: some markup counts only at the start of a line

    def push(self, piece: str) -> str:
        """Return the text that no later piece can change."""
        self._held += piece
        return self._give(self._certain())

    def flush(self) -> str:
        """Return the rest as it is."""
        return self._give(len(self._held), is_end=True)

    def _certain(self) -> int:
        text = self._held
        if not self._started and "WEBVTT".startswith(text[:6]):
            return 0  # subtitles come as a whole
        block = _OPEN_BLOCK.search(text)
        end = len(text) if block is None else block.start()
        fences = [*_FENCE_LINE.finditer(text, endpos=end)]
        if len(fences) % 2:
            end = min(end, fences[-1].start())
        table = _OPEN_TABLE.search(text) if "|" in text else None
        end = end if table is None else min(end, table.start())
        line_start = text.rfind("\n", 0, end) + 1
        if line_start > 0 or not self._line:
            opened = _LINE_START.search(text, endpos=end)
            if opened is not None:
                end = min(end, opened.start())
        floor = max(0, end - _LONGEST)
        for _ in range(4):
            opened = _OPEN.search(text, floor, end)
            if opened is None or opened.start() >= end:
                break
            end = opened.start()
        end = self._before_markers(text, end)
        blocks = [(opening.start(), closing.end()) for opening, closing in zip(fences[::2], fences[1::2], strict=False)]
        for start, close in sorted([*blocks, *(match.span() for match in _CLOSED_BLOCK.finditer(text))], reverse=True):
            end = start if start < end < close else end  # a block is returned as a whole
        line_start = text.rfind("\n", 0, end) + 1
        if (line_start > 0 or not self._line) and has_only_tags(text[line_start:end]):
            return line_start  # what the tags leave depends on whether the line gets any text
        return end

    def _before_markers(self, text: str, end: int) -> int:
        """Return the position of the first unpaired emphasis sign of the last line, outside all pairs and blocks."""
        line_start = text.rfind("\n", 0, end) + 1
        floor = max(line_start, end - _LONGEST)
        opened: dict[str, int] = {}
        pairs: list[tuple[int, int]] = []  # returned as a whole
        for match in _MARKER.finditer(text, floor, end):
            sign = match["sign"]
            if sign is None:  # a block, or inside a tag or an address
                pairs.append(match.span())
                continue
            within = _WORD.match(text, match.start() - 1) if match.start() else _WORD.match(self._line[-1:])
            if sign in opened and match.end() == len(text):  # it may yet grow
                continue
            if "_" in sign and sign in opened:
                if _WORD.match(text, match.end()):
                    continue
            elif "_" in sign and within:
                continue
            start = opened.pop(sign, None)
            if start is not None:
                pairs.append((start, match.end()))
            elif not text[match.end() : match.end() + 1].isspace():
                opened[sign] = match.start()
        position = min([end, *opened.values()])
        for start, close in sorted(pairs, reverse=True):
            position = start if start < position < close else position
        return position

    def _give(self, length: int, *, is_end: bool = False) -> str:
        raw, self._held = self._held[:length], self._held[length:]
        if not raw:
            return ""
        # a letter before it keeps what is no line start from being one, a line break what is no start of the text
        before, last = self._line[:-1], self._line[-1:]
        if not before or _NOT_PLAIN.match(last):
            guard = f"x{last}" if last else "\n" * self._started
        else:
            guard = f"x {_NOT_PLAIN.sub(' ', before)}{last}"
        self._started = True
        more = "" if is_end or raw.endswith("\n") else ","  # it keeps what is no line end from being one
        plain = strip_markup(guard + raw + more, self._options).removesuffix(more)
        self._line = (self._line + raw).rpartition("\n")[2][-3:]
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(guard, plain, strict=False)))
        return plain[shared:]
