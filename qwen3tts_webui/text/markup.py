"""Remove markup: SSML and HTML, Markdown, reasoning blocks, subtitle time lines, Aozora ruby.

In: raw text as it was pasted or as a model writes it. Out: the text that is meant to be read, with as many lines;
`<break>` becomes `[pause …]` (see the inline tags). "a < b" survives. Knows no language.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import lru_cache

import regex

from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.latex import FORMULA, is_formula, plain_formula
from qwen3tts_webui.text.say_as import say_as

LINE_KEEPER = "\u2063"
"""Placed in a line that held only markup, so that the lines after it keep their numbers; cleaning drops it."""

_TAGS = """a abbr acronym address article aside audio b bdi bdo big blockquote body br button caption center cite code col
    dd del details div dl dt em emphasis figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i
    iframe img input ins kbd label lang lexicon li link main mark math meta metadata mstts:[a-z-]+ nav ol option p para
    phoneme picture pre prosody q rp rt ruby s samp say-as script section seg select small source span speak strike
    strong style sub summary sup svg table tbody td tfoot th thead time title tr track tt u ul var video voice w
    amazon:[a-z-]+ token"""
_ATTRIBUTES = r"(?:\s+[\w:-]+\s*(?:=\s*(?:\"[^\"]{0,300}\"|'[^']{0,300}'|[^\s\"'<>]{1,200}))?)*"
_TAG = regex.compile(
    rf"</?(?:{'|'.join(sorted(set(_TAGS.split()), key=len, reverse=True))}){_ATTRIBUTES}\s*/?>", regex.IGNORECASE
)
_COMMENT = regex.compile(r"<!--.*?-->|<\?xml[^<>]{0,200}\?>|<!DOCTYPE[^<>]{0,200}>", regex.S | regex.IGNORECASE)
_UNREAD = regex.compile(r"<(script|style|svg|math|rp)\b[^<>]{0,200}>.*?</\1\s*>", regex.S | regex.IGNORECASE)
_BREAK = regex.compile(rf"<break(?P<attributes>{_ATTRIBUTES})\s*/?>(?:\s*</break>)?", regex.IGNORECASE)
_BREAK_TIME = regex.compile(r"time\s*=\s*[\"']?\s*\+?(?P<n>\d{0,6}(?:\.\d{1,3})?)\s*(?P<unit>ms|s)", regex.IGNORECASE)
_BREAK_STRENGTHS = {"none": 0, "x-weak": 0, "weak": 200, "medium": 400, "strong": 800, "x-strong": 1200}
_STRENGTH = regex.compile(r"strength\s*=\s*[\"']?([\w-]+)", regex.IGNORECASE)
_SUB = regex.compile(
    r"<sub\s+[^<>]{0,100}?\balias\s*=\s*(?:\"(?P<alias>[^\"<>]{0,300})\"|'(?P<alias>[^'<>]{0,300})')[^<>]{0,100}>.{0,300}?</sub\s*>",
    regex.S | regex.IGNORECASE,
)
_SAY_AS = regex.compile(
    r"<say-as\s+[^<>]{0,200}?interpret-as\s*=\s*[\"']?(?P<kind>[\w-]+)[^<>]{0,200}>(?P<text>[^<>]{0,200})</say-as\s*>",
    regex.IGNORECASE,
)
_SUPERSCRIPT = regex.compile(
    r"(?:(?<=(?<!\p{L})\p{L}{1,2})|(?<=[\d)]))<sup>(?P<n>[-−]?\d{1,4})</sup\s*>", regex.IGNORECASE
)
_SUPERSCRIPTS = str.maketrans("-−0123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_RUBY_TAG = regex.compile(r"<ruby\b[^<>]{0,100}>(?P<inner>.{0,400}?)</ruby\s*>", regex.S | regex.IGNORECASE)
_RT = regex.compile(r"<rt\b[^<>]{0,100}>(.*?)(?:</rt\s*>|$)", regex.S | regex.IGNORECASE)
_RUBY = regex.compile(
    r"[｜|](?P<base>[^｜|《》\n]{1,40})《(?P<reading>[^《》\n]{1,40})》|(?P<base>[\p{Han}々〆ヶ]+)《(?P<reading>[\p{Hiragana}\p{Katakana}ー・]{1,40})》"
)
_AOZORA_NOTE = regex.compile(r"［＃[^］\n]{0,200}］")
_THINK = regex.compile(
    r"<(?P<tag>think|thinking|thought|reasoning|analysis)>.*?(?:</(?P=tag)>|\Z)", regex.S | regex.IGNORECASE
)
_FENCE = regex.compile(
    r"^[ \t]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)(?:^[ \t]{0,3}(?P=fence)[`~]*[ \t]*$|\Z)", regex.S | regex.M
)
_TABLE_ROW = regex.compile(r"^[ \t]*\|[^\n]*\|[ \t]*$", regex.M)
_OPEN_TABLE = regex.compile(  # without pipes at its edges
    r"^[^\n|]+\|[^\n]*\n[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+$(?:\n[^\n|]*\|[^\n]*$)*", regex.M
)
_TABLE_RULE = regex.compile(r"^[ \t]*\|?[\s:|-]*-[\s:|-]*\|[\s:|-]*$")
_TIME_LINE = regex.compile(
    r"^(?:[ \t]*\d{1,6}[ \t]*\r?\n)?[ \t]*(?:\d{1,2}:)?\d{1,2}:\d{2}[.,]\d{1,3}[ \t]*-->[ \t]*(?:\d{1,2}:)?\d{1,2}:\d{2}[.,]\d{1,3}[^\n]*$",
    regex.M,
)
_VTT = regex.compile(
    r"\AWEBVTT[^\n]*(?:\n[^\n]+)*?(?=\n\n|\n[\d:.]+[ \t]*-->|\Z)|^(?:NOTE|STYLE|REGION)\b[^\n]*(?:\n[^\n]+)*|(?<=\n\n)[^\n]+\n(?=[\d:]{5,9}\.\d{3}[ \t]*-->)",
    regex.M,
)
_VTT_TAG = regex.compile(r"</?[cv](?:[. ][^<>\n]{0,100})?>|<[\d:]{5,9}\.\d{3}>")
_LYRICS_TIME = regex.compile(r"^(?:[ \t]*\[\d{1,3}:\d{2}[.:]\d{2,3}\])+[ \t]*", regex.M)
_SUBTITLE_STYLE = regex.compile(r"\{\\(?:an?\d|[ibus]\d|pos\(|fad|c&|f[ns]|move|k)[^{}\n]{0,100}\}")
_RULE = regex.compile(r"^[ \t]{0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|={3,})$", regex.M)
_LINE_START = regex.compile(r"^[ \t]*(?:(?:>[ \t]?)+|#{1,6}[ \t]+|[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?)+", regex.M)
_HEADING_END = regex.compile(r"[ \t]+#{1,6}[ \t]*$", regex.M)
_NO_INLINE_TAG = r"(?!\s*(?:pause|停顿|停頓|暂停|暫停|[+-]?[\d.,]+\s*[x×倍]))"
_LINK = regex.compile(
    rf"!?\[{_NO_INLINE_TAG}"
    r"(?P<text>[^\[\]\n]{0,300})\](?:\((?:[^()\s]|\([^()\s]*\)){0,500}(?:\s+[\"'][^\"'\n]{0,200}[\"'])?\)"
    rf"|\[{_NO_INLINE_TAG}"
    r"[^\[\]\n]{0,80}\])"
)
_LINK_TARGET = regex.compile(r"^[ \t]{0,3}\[[^\[\]\n^]{1,80}\]:[ \t]*https?://[^\n]*$", regex.M)
_FOOTNOTE = regex.compile(r"\[\^[\w-]{1,20}\]:?")
_AUTOLINK = regex.compile(
    r"<(?P<url>(?:https?|mailto|ftp):[^<>\s]{1,500}|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5})>", regex.IGNORECASE
)
_EMPHASIS = regex.compile(
    r"(?<![\\\d])(?P<m>\*\*\*|\*\*|~~)(?=\S)(?P<text>[^\n*~]{1,200}?)(?<=\S)(?P=m)(?!\d)"
    r"|(?<![\p{L}\p{N}\\*])(?P<m>\*)(?=[^\s*])(?P<text>[^\n*]{1,200}?)(?<=[^\s*])\*(?![\p{L}\p{N}*])"
    r"|(?<=\p{Han})(?P<m>\*)(?=[^\s*])(?P<text>[^\n*\d]{1,200}?)\*(?=\p{Han})"
    r"|(?<![\p{L}\p{N}_\\])(?P<m>__|_)(?=[^\s_])(?P<text>[^\n]{1,200}?)(?<=[^\s_])(?P=m)(?![\p{L}\p{N}_])"
)
_CODE = regex.compile(r"(?P<m>`{1,2})(?P<text>[^`\n]{1,200})(?P=m)")
_ESCAPE = regex.compile(r"\\(?P<sign>[*_`#\[\](){}~>|!+.\\-])")
_ENTITY = regex.compile(r"&(?:amp;)*(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")

_INLINE_TAGS = """a abbr b big code em emphasis font i lang mark phoneme prosody say-as small span speak strong sub sup
    token tt u voice w"""
_INLINE = frozenset(_INLINE_TAGS.split())
_MAY_BE_MARKUP = regex.compile(r"[<&\[\]*_`|~\\《［$]|-->|\AWEBVTT|^[ \t]*[>#+•=-]|[ \t]#+[ \t]*$", regex.M)


@dataclass(frozen=True, slots=True)
class MarkupOptions:
    """Whether code blocks and tables are left out instead of read."""

    skip_code: bool = True
    skip_tables: bool = True


DEFAULT_OPTIONS = MarkupOptions()


def strip_markup(raw: str, options: MarkupOptions = DEFAULT_OPTIONS) -> str:
    """`raw` without markup, with the same number of lines that are not empty."""
    aligned = AlignedText(raw)
    apply_markup(aligned, options)
    return aligned.text


def inline_markup(text: AlignedText, options: MarkupOptions = DEFAULT_OPTIONS) -> None:
    """The same inside an `AlignedText`, without the line keepers."""
    apply_markup(text, options)
    text.sub(_KEEPER, lambda _: "", final=False)


_KEEPER = regex.compile(LINE_KEEPER)


def apply_markup(text: AlignedText, options: MarkupOptions = DEFAULT_OPTIONS) -> None:
    """Rewrite `text` in place; lines that held only markup keep a `LINE_KEEPER`."""
    if not _MAY_BE_MARKUP.search(text.text):
        return
    _skip_blocks(text, options)
    _speech_tags(text)
    _markdown(text)
    text.sub(_ENTITY, _decoded, final=False)


def _skip_blocks(text: AlignedText, options: MarkupOptions) -> None:
    text.sub(_THINK, _thought, final=False)
    text.sub(_COMMENT, lambda match: _kept_lines(match[0]), final=False)
    text.sub(_UNREAD, lambda match: _kept_lines(match[0]), final=False)
    if options.skip_code:
        text.sub(_FENCE, lambda match: _kept_lines(match[0]), final=False)
    else:
        text.sub(regex.compile(r"^[ \t]{0,3}(?:`{3,}|~{3,})[^\n]*$", regex.M), lambda _: LINE_KEEPER, final=False)
    text.sub(_TABLE_ROW, lambda match: _table_row(match[0], options), final=False)
    text.sub(
        _OPEN_TABLE, lambda match: "\n".join(_table_row(row, options) for row in match[0].split("\n")), final=False
    )
    if text.text.startswith("WEBVTT"):
        text.sub(_VTT, lambda match: _kept_lines(match[0]), final=False)
        text.sub(_VTT_TAG, lambda _: "", final=False)
    text.sub(_TIME_LINE, lambda match: _kept_lines(match[0]), final=False)
    text.sub(_LYRICS_TIME, lambda match: LINE_KEEPER if _ends_line(match) else "", final=False)
    text.sub(_SUBTITLE_STYLE, lambda match: LINE_KEEPER if _alone(match) else "", final=False)


def _speech_tags(text: AlignedText) -> None:
    if "《" in text.text or "［＃" in text.text:
        text.sub(_AOZORA_NOTE, lambda _: "", final=False)
        text.sub(_RUBY, lambda match: match["reading"], final=False)
    if "<" not in text.text:
        return
    text.sub(_RUBY_TAG, _ruby, final=False)
    text.sub(_BREAK, _pause, final=False)
    text.sub(_SUB, lambda match: match["alias"], final=False)
    text.sub(_SAY_AS, lambda match: say_as(match["kind"], match["text"], match[0]), final=False)
    text.sub(_AUTOLINK, lambda match: match["url"].removeprefix("mailto:"), final=False)
    text.sub(_SUPERSCRIPT, lambda match: match["n"].translate(_SUPERSCRIPTS), final=False)
    text.sub(_TAG, _dropped, final=False)


def _markdown(text: AlignedText) -> None:
    text.sub(FORMULA, lambda match: plain_formula(match["tex"]) if is_formula(match["tex"]) else None, final=False)
    text.sub(_RULE, lambda _: LINE_KEEPER, final=False)
    text.sub(_LINE_START, lambda match: LINE_KEEPER if _ends_line(match) else "", final=False)
    text.sub(_HEADING_END, lambda _: "", final=False)
    text.sub(_LINK_TARGET, lambda _: LINE_KEEPER, final=False)
    text.sub(_FOOTNOTE, lambda _: "", final=False)
    text.sub(_LINK, lambda match: match["text"] or LINE_KEEPER, final=False)
    text.sub(_CODE, lambda match: match["text"], final=False)
    for _ in range(3):
        text.sub(_EMPHASIS, lambda match: match["text"], final=False)
    text.sub(_ESCAPE, lambda match: match["sign"], final=False)


def _ends_line(match: regex.Match[str]) -> bool:
    return match.string[match.end() : match.end() + 1] in ("", "\n")


def _kept_lines(block: str) -> str:
    """A block that is left out: one `LINE_KEEPER` for each of its non-empty lines."""
    return "\n".join(LINE_KEEPER if line.strip() else "" for line in block.split("\n"))


def _thought(match: regex.Match[str]) -> str:
    """Return a space inside a line, so that the sentences around it stay apart."""
    before = match.string[match.start() - 1 : match.start()]
    return " " if before.strip() and "\n" not in match[0] else _kept_lines(match[0])


def _table_row(row: str, options: MarkupOptions) -> str:
    if options.skip_tables or _TABLE_RULE.match(row):
        return LINE_KEEPER
    return ", ".join(cell.strip() for cell in row.strip().strip("|").split("|") if cell.strip()) + "."


def _pause(match: regex.Match[str]) -> str:
    time = _BREAK_TIME.search(match["attributes"])
    if time is not None and time["n"]:
        milliseconds = float(time["n"]) * (1 if time["unit"].lower() == "ms" else 1000)
    else:
        strength = _STRENGTH.search(match["attributes"])
        milliseconds = _BREAK_STRENGTHS.get(strength[1].lower(), 400) if strength else 500
    return f"[pause {min(round(milliseconds), 10_000)}ms]" if milliseconds else " "


def _ruby(match: regex.Match[str]) -> str:
    readings = _RT.findall(match["inner"])
    return "".join(readings) if readings else match["inner"]


def _dropped(match: regex.Match[str]) -> str:
    """A tag leaves nothing inside a word, a space between blocks."""
    name = regex.match(r"</?([\w:-]+)", match[0])
    if _alone(match):
        return LINE_KEEPER
    return "" if name is None or name[1].lower() in _INLINE or ":" in name[1] else " "


def has_only_tags(line: str) -> bool:
    """Whether `line` contains no text between its tags."""
    return not _TAG.sub("", line).strip()


def _alone(match: regex.Match[str]) -> bool:
    """Whether its line contains nothing but tags."""
    start = match.string.rfind("\n", 0, match.start()) + 1
    end = match.string.find("\n", match.end())
    return _has_only_markup(match.string[start : end if end >= 0 else None])


@lru_cache(maxsize=8)
def _has_only_markup(line: str) -> bool:
    """Cached, since every tag of a line asks."""
    return has_only_tags(_SUBTITLE_STYLE.sub("", line))


def _decoded(match: regex.Match[str]) -> str | None:
    decoded = match[0]
    while (plain := html.unescape(decoded)) != decoded:
        decoded = plain
    return " " if decoded in ("\n", "\r", "\t", "\u00a0") or not decoded.isprintable() else decoded
