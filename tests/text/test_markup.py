"""Markup is removed: what is left of SSML, HTML, Markdown, subtitles and ruby, whole and in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3tts_webui.text.markup import LINE_KEEPER, MarkupOptions, strip_markup
from qwen3tts_webui.text.normalize import normalize_text
from qwen3tts_webui.text.streaming_markup import StreamingMarkup

PAIRS = [
    ('Hello <break time="500ms"/> world', "Hello [pause 500ms] world"),
    ('a<break time="2s"/>b', "a[pause 2000ms]b"),
    ('a <break strength="none"/>b', "a  b"),
    ('a<break time="99s"/>b', "a[pause 10000ms]b"),
    ("<speak><p><s>One.</s><s>Two.</s></p></speak>", "  One.  Two.  "),
    ('<sub alias="World Wide Web Consortium">W3C</sub>', "World Wide Web Consortium"),
    ('<say-as interpret-as="characters">ABC</say-as>', "A B C"),
    ('<say-as interpret-as="digits">1234</say-as>', "1 2 3 4"),
    ('<say-as interpret-as="date" format="ymd">2024-05-06</say-as>', "2024-05-06"),
    ('<emphasis level="strong">very</emphasis> good', "very good"),
    ('<prosody rate="slow">slow</prosody>', "slow"),
    ("<b>bold</b> and <i>italic</i>", "bold and italic"),
    ("a < b and c > d", "a < b and c > d"),
    ("if x<y then", "if x<y then"),
    ("3 <5 and 7> 2", "3 <5 and 7> 2"),
    ("<foo>bar</foo>", "<foo>bar</foo>"),
    ("Tom &amp; Jerry &lt;3 &#65; &nbsp;x", "Tom & Jerry <3 A  x"),
    ("AT&T; R&D", "AT&T; R&D"),
    ("see [the docs](https://example.com/a_(b)) now", "see the docs now"),
    ('![a cat](cat.png "title") sat', "a cat sat"),
    ("[text][ref] and text[^1]", "text and text"),
    ("**bold**, *it*, ***both***, __b__, _i_, ~~s~~", "bold, it, both, b, i, s"),
    ("这是**重点**内容", "这是重点内容"),
    ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
    ("5 * 3 * 2", "5 * 3 * 2"),
    ("`code` here", "code here"),
    ("# Title\ntext", "Title\ntext"),
    ("- one\n- two\n* three", "one\ntwo\nthree"),
    ("- [x] done", "done"),
    ("> quoted", "quoted"),
    ("-5 degrees", "-5 degrees"),
    (r"not \*bold\*", "not *bold*"),
    ("<think>secret\nplan</think>Hi", f"{LINE_KEEPER}\n{LINE_KEEPER}Hi"),
    ("Sure.<think>x</think>The answer", "Sure. The answer"),
    ("mail <a.b@c.org> or <https://d.org>", "mail a.b@c.org or https://d.org"),
    ("<think>never closed", LINE_KEEPER),
    ("a\n```python\nx = 1\n```\nb", f"a\n{LINE_KEEPER}\n{LINE_KEEPER}\n{LINE_KEEPER}\nb"),
    ("| a | b |\n|---|---|\n| 1 | 2 |\nend", f"{LINE_KEEPER}\n{LINE_KEEPER}\n{LINE_KEEPER}\nend"),
    ("1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nBye", None),
    ("WEBVTT\n\n00:01.000 --> 00:02.000\nHi", f"{LINE_KEEPER}\n\n{LINE_KEEPER}\nHi"),
    ("｜今日《きょう》は東京《とうきょう》へ", "きょうはとうきょうへ"),
    ("我读了《红楼梦》。", "我读了《红楼梦》。"),
    ("<ruby>漢字<rt>かんじ</rt></ruby>だ", "かんじだ"),
    ("［＃ここから太字］文章", "文章"),
    ("<https://example.com>", "https://example.com"),
    ('<say-as interpret-as="date" format="dmy">10-9-1960</say-as>', "1960-09-10"),
    ('<say-as interpret-as="telephone" format="1">(781) 771-7777</say-as>', "7 8 1, 7 7 1, 7 7 7 7"),
    ('<say-as interpret-as="date" format="yyyymmdd">20240506</say-as>', "2024-05-06"),
    ('<say-as interpret-as="date" format="mdy">9/10/60</say-as>', "1960-09-10"),
    ('<say-as interpret-as="ordinal">3</say-as>', "3ᵗʰ"),
    ('<say-as interpret-as="cardinal">2024</say-as>', "2’024"),
    ('<say-as interpret-as="cardinal">007</say-as>', "7"),
    ('<say-as interpret-as="fraction">1+1/2</say-as>', "1 1/2"),
    ('<say-as interpret-as="unit">10foot</say-as>', "10 foot"),
    ('<say-as interpret-as="time">1\'21"</say-as>', "1 min 21 s"),
    ('<say-as interpret-as="time" format="hms24">0930</say-as>', "09:30"),
    ('<say-as interpret-as="expletive">darn</say-as>', "[pause 500ms]"),
    ('<mstts:express-as style="cheerful">Great!</mstts:express-as>', "Great!"),
    ("E = mc<sup>2</sup>, 10<sup>-6</sup>, word<sup>2</sup>", "E = mc², 10⁻⁶, word2"),
    ("Reference [link][1]\n[1]: https://example.com/a_b", f"Reference link\n{LINE_KEEPER}"),
    ("[Bob]: hello there", "[Bob]: hello there"),
    ("WEBVTT - T\n\nNOTE x\ny\n\nid\n00:01.000 --> 00:02.000 align:start\n<v Bob>Hi <c.red>there</c>",
     "\n\n".join([LINE_KEEPER, f"{LINE_KEEPER}\n{LINE_KEEPER}", f"{LINE_KEEPER}\n{LINE_KEEPER}\nHi there"])),
    ("[00:12.50]First line\n[10:30] Meeting", "First line\n[10:30] Meeting"),
    ("{\\an8}Top {x}", "Top {x}"),
    ('<a href="https://x.y/z?a=1&b=2" target="_blank">click</a> me', "click me"),
    ("## 2. Setup ##", "2. Setup"),
    (r"$x_1^{2} \leq \frac{a}{b}$, $5 and $10, $20-$30", "x 1^2 ≤ a ÷ b, $5 and $10, $20-$30"),
    (r"So \(\alpha\) is \sqrt{2}, $MSFT rose, C:\new\times", r"So α is √2, $MSFT rose, C:\new\times"),
    (r"$10^3$ costs US$5, $f(x)$", "10^3 costs US$5, f(x)"),
    ("snake_case and __init__.py", "snake_case and init.py"),
    ("<!-- hidden -->shown", f"{LINE_KEEPER}shown"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "plain"), PAIRS)
def test_markup_is_not_text(raw: str, plain: str | None) -> None:
    if plain is not None:
        assert strip_markup(raw) == plain


def test_subtitles_keep_their_words_and_the_number_of_lines() -> None:
    raw = "1\n00:00:01,000 --> 00:00:02,500\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nBye"
    plain = strip_markup(raw)
    assert [line for line in plain.replace(LINE_KEEPER, "").split("\n") if line] == ["Hello", "Bye"]
    assert sum(bool(line) for line in plain.split("\n")) == sum(bool(line) for line in raw.split("\n"))


@pytest.mark.parametrize("markup", ["<p></p>", "{\\an8}", "<!-- c -->", "[a]: https://b.c", "[00:12.50]", "---"])
def test_a_line_of_markup_alone_keeps_its_number(markup: str) -> None:
    assert [line.strip() != "" for line in strip_markup(f"a\n{markup}\nb").split("\n")] == [True, True, True]


def test_code_and_tables_can_be_read() -> None:
    options = MarkupOptions(skip_code=False, skip_tables=False)
    assert strip_markup("```\nx = 1\n```", options) == f"{LINE_KEEPER}\nx = 1\n{LINE_KEEPER}"
    assert strip_markup("| a | b |\n|---|---|", options) == f"a, b.\n{LINE_KEEPER}"


def test_normalizing_removes_markup_and_keeps_pauses() -> None:
    assert (
        normalize_text('<b>5 km</b> <break time="500ms"/> off', "en", mode="on").spoken
        == "five kilometers [pause 500ms] off"
    )
    assert normalize_text("a &lt; b", "en", mode="on").spoken == "a less than b"
    assert normalize_text("List<String>: press <Enter>", "en", mode="on").spoken == "List String: press Enter"


def shown(text: str) -> list[str]:
    """The lines, each without the keepers and the spaces that cleaning drops; a line of keepers alone stays one."""
    return [line.replace(LINE_KEEPER, "").rstrip() or line[:1].strip() for line in text.split("\n")]


@pytest.mark.parametrize(
    ("raw", "cut"),
    [
        ("\n<speak><p><s>One.</s><s>Two.</s></p></speak>", 11),  # tags alone, so far
        ("A line.\nWEBVTT\n\n00:01.000 --> 00:02.000\nHi", 8),  # no start of the text
        ("* three **bold**, *it*", 0),  # a bullet opens no emphasis
        ("E = mc<sup>2</sup>", 5),  # one letter before the cut
        ("not \\*bold\\*", 6),
        ("## 2. Setup ## ［＃ここから太字］文章", 24),  # no line end
    ],
)
def test_a_cut_changes_nothing(raw: str, cut: int) -> None:
    stream = StreamingMarkup()
    assert shown("".join([stream.push(raw[:cut]), stream.push(raw[cut:]), stream.flush()])) == shown(strip_markup(raw))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_pieces_say_what_the_whole_says(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(["\n", " "])).join(
        data.draw(st.lists(st.sampled_from([raw for raw, _ in PAIRS]), max_size=3))
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    stream = StreamingMarkup()
    pieces = [stream.push(raw[a:b]) for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert shown("".join([*pieces, stream.flush()])) == shown(strip_markup(raw))


@pytest.mark.parametrize(
    "raw",
    [
        "*the 23** x",
        "月<think>`①/×</think>个①`& x",
        "?0`:_+5 23é`三 x",
        "a <think>b ｜½**</think> 《- 三<think>№",
        "**a *b* c** d",
    ],
)
def test_characters_one_by_one_say_what_the_whole_says(raw: str) -> None:
    stream = StreamingMarkup()
    assert shown("".join([*map(stream.push, raw), stream.flush()])) == shown(strip_markup(raw))


def test_a_cut_behind_a_closing_fence_opens_no_block() -> None:
    raw = "a\n```python\nx = 1\n```\nb"
    for cut in range(len(raw)):
        stream = StreamingMarkup()
        assert stream.push(raw[:cut]) + stream.push(raw[cut:]) + stream.flush() == strip_markup(raw), cut


OPEN_TABLE = "Before.\nname | age\n--- | :-:\nAda | 36\nAlan | 41\nAfter a | b.\n\nEnd."


def test_a_table_without_outer_pipes_is_left_out() -> None:
    plain = strip_markup(OPEN_TABLE)
    assert [line for line in plain.replace(LINE_KEEPER, "").split("\n") if line] == ["Before.", "End."]
    kept = strip_markup(OPEN_TABLE, MarkupOptions(skip_tables=False))
    assert kept.split("\n")[1:4] == ["name, age.", LINE_KEEPER, "Ada, 36."]
    assert strip_markup("a | b\nc | d") == "a | b\nc | d"
    stream = StreamingMarkup()
    pieces = [stream.push(line) for line in OPEN_TABLE.splitlines(keepends=True)]
    assert "".join([*pieces, stream.flush()]) == plain
    streamed = StreamingMarkup()
    words = "".join([*(streamed.push(character) for character in OPEN_TABLE), streamed.flush()])
    assert "Ada" not in words and "End." in words  # a part of its head may have been spoken before its first pipe


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "third"), ("de", "dritte"), ("fr", "troisième"), ("ru", "третий"), ("zh", "第三"), ("ko", "세 번째")],
)
def test_an_ordinal_is_asked_for_in_any_language(language: str, said: str) -> None:
    tag = '<say-as interpret-as="ordinal">3</say-as>'
    assert [normalize_text(tag, language, mode=mode).spoken for mode in ("on", "auto")] == [said, said]


def test_a_plain_word_does_not_wait() -> None:
    stream = StreamingMarkup()
    assert stream.push("Hello world, this is ") == "Hello world, this is "
    assert stream.push("<thi") == ""
    assert stream.push("nk>secret</thi") == ""
    assert stream.push("nk>shown ") == f"{LINE_KEEPER}shown "
