"""The text: each line has its own speed, pause, status, length, replay and retake, stored as inline tags."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from qwen3tts_webui.audio import from_s16le
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.text import analyze_text
from qwen3tts_webui.types import Pcm
from tests.support.fakes import FailingSynthesizer

from .conftest import SHORT_FRAMES, Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]

EN = Catalog("en")
FRAMES = SHORT_FRAMES * 1920
HOSTILE = "<script>hacked=1</script> ${window.hacked=2} {{window.hacked=3}} <img src=x onerror=hacked=4> \u202eevil"


def tool(visit: Visit, line: int, name: str) -> str:
    """The selector of a control of `line`, from 1."""
    return f".strip[aria-label='{EN('line.label', line=line)}'] .{name}"


def states(visit: Visit) -> list[str]:
    return visit.page.locator(".strip .state").all_inner_texts()


def slide(visit: Visit, which: int, value: float) -> None:
    visit.page.locator("#line-sheet input").nth(which).evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def holds(visit: Visit, text: str) -> None:
    """Wait until the text is `text`: the tags of a new line are read by the server first."""
    visit.page.wait_for_function("(text) => document.querySelector('#text textarea').value === text", arg=text)


def sound(visit: Visit) -> Pcm:
    """The audio of the download."""
    with visit.page.expect_download() as download:
        visit.page.click("#download")
    return from_s16le(download.value.path().read_bytes()[44:])


def three_lines(visit: Visit) -> Visit:
    """Generate three lines, to their end."""
    visit.type("One here.\nTwo here.\nThree here.")
    visit.generate()
    visit.until("stats.state === 'done'", 30)
    return visit


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = serve(
        FailingSynthesizer(fails=lambda utterance: "bad" in utterance.text), tmp_path_factory.mktemp("failing")
    )
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def any_page(studio: Studio, fresh_once: Fresh) -> Visit:
    """A page on which nothing is spoken."""
    return fresh_once(studio.url)


def test_the_controls_of_a_line_write_tags_that_the_engine_follows(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("First line.\nSecond line.")
    visit.page.click(tool(visit, 1, "speed"))
    slide(visit, 0, 2)
    slide(visit, 1, 0.5)
    holds(visit, "[2x] First line. [pause 0.5s]\nSecond line.")
    visit.page.keyboard.press("Escape")
    visit.generate()
    stats = visit.until("stats.state === 'done'", 30)
    assert stats["samples"] == pytest.approx(FRAMES / 2 + 12_000 + FRAMES, abs=2_400)
    assert [utterance.text for utterance in studio.synthesizer.utterances[-2:]] == ["First line.", "Second line."]


def test_typed_tags_move_the_controls_and_can_be_removed(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("[1.2x] 一行。[停顿 0.5秒]")
    visit.page.wait_for_selector(tool(visit, 1, "speed[data-set=true]"))
    assert visit.page.inner_text(tool(visit, 1, "speed")) == "1.2×"
    assert visit.page.inner_text(tool(visit, 1, "pause")) == "0.5 s"
    visit.page.click(tool(visit, 1, "pause"))
    slide(visit, 0, 1)
    slide(visit, 1, 0)
    holds(visit, "一行。")


def test_each_line_shows_its_status_and_then_its_length(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("One here.\n\nTwo here.\nThree here.")
    visit.page.evaluate("""() => {
      window.seen = new Set(); // a state lasts for a second only: all are recorded
      new MutationObserver(() => {
        document.querySelectorAll(".strip .state").forEach((state, line) => seen.add(`${line} ${state.textContent}`));
      }).observe(document.querySelector(".tools-layer"), { subtree: true, childList: true });
    }""")
    visit.generate()
    visit.until("stats.state === 'done'", 30)
    seen = set(visit.page.evaluate("[...seen]"))
    assert {"0 playing", "1 playing", "2 playing"} <= seen
    assert {"2 waiting", "2 being made"} & seen
    visit.page.wait_for_function("() => document.querySelector('.strip .state').textContent === '1.2 s'")
    assert states(visit) == ["1.2 s", "1.2 s", "1.2 s"]


def test_a_failed_line_is_marked_and_the_others_continue(failing: Studio, fresh: Fresh) -> None:
    visit = fresh(failing.url)
    visit.type("A good line.\nA bad line.\nAnother good line.")
    visit.generate()
    visit.until("!stats.receiving && stats.samples > 0")
    visit.page.wait_for_selector(".strip[data-state=failed]")
    assert [re.sub(r"[\d.]+ s|playing", "fine", state) for state in states(visit)] == ["fine", "failed", "fine"]


def test_replay_plays_only_that_line(studio: Studio, fresh: Fresh) -> None:
    visit = three_lines(fresh(studio.url))
    visit.page.click(tool(visit, 2, "replay"))
    visit.until(f"stats.state === 'speaking' && stats.position > {FRAMES}")
    stats = visit.until("stats.state === 'paused'")
    assert abs(stats["position"] - 2 * FRAMES) < 1_200
    assert visit.page.locator(".strip[data-state=now]").get_attribute("aria-label") == EN("line.label", line=2)


def test_a_retake_replaces_one_line_and_the_download_includes_it(studio: Studio, fresh: Fresh) -> None:
    visit = three_lines(fresh(studio.url))
    before = sound(visit)
    first_seed = visit.stats()["seed"]
    visit.type("One here.\nTwo changed.\nThree here.")
    visit.page.wait_for_function("() => document.querySelectorAll('.strip .state')[1].textContent === 'changed'")
    visit.page.click(tool(visit, 2, "retake"))
    visit.until("stats.recalled && !stats.receiving", 30)
    assert studio.synthesizer.utterances[-1].text == "Two changed."
    assert str(studio.synthesizer.utterances[-1].seed) != first_seed
    after = sound(visit)
    np.testing.assert_array_equal(after[:FRAMES], before[:FRAMES])
    np.testing.assert_array_equal(after[2 * FRAMES :], before[2 * FRAMES :])
    assert not np.array_equal(after[FRAMES : 2 * FRAMES], before[FRAMES : 2 * FRAMES])
    assert "Line 2 has a new take" in visit.page.inner_text("#status")


def test_both_takes_of_a_line_are_heard_and_one_is_kept(studio: Studio, fresh: Fresh) -> None:
    """Two lines are generated again; the first of them is flipped back and forth, and only that one changes."""
    visit = three_lines(fresh(studio.url))
    first = sound(visit)
    for line in (2, 3):
        visit.page.click(tool(visit, line, "retake"))
        visit.page.wait_for_function(
            "(line) => document.querySelector('#status').textContent.startsWith(`Line ${line} has`)", arg=line
        )
        visit.until("stats.recalled && !stats.receiving", 30)
    both = sound(visit)
    letters = "() => [...document.querySelectorAll('.take .hear b')].map((one) => one.textContent).join('')"
    assert visit.page.evaluate(letters) == "CBA"
    assert visit.page.inner_text(".take >> nth=0 >> .difference").endswith("line 2, 3 again")
    assert visit.page.locator(".tool.flip:visible").count() == 2

    def flip(line: int, letter: str) -> np.ndarray:
        visit.page.click(tool(visit, line, "flip"))
        visit.page.wait_for_function(
            "(text) => document.querySelector('#status').textContent.startsWith(text)",
            arg=f"Line {line} is from take {letter} now",
        )
        stats = visit.until("['paused', 'done'].includes(stats.state) && !stats.receiving")
        assert stats["position"] == pytest.approx(line * FRAMES, abs=1_200)  # only that line was played
        assert visit.page.evaluate("document.activeElement.classList.contains('flip')")  # pressed again by the keyboard
        return sound(visit)

    expected = np.concatenate([first[: 2 * FRAMES], both[2 * FRAMES :]])
    np.testing.assert_array_equal(flip(2, "A"), expected)
    assert visit.page.evaluate(letters) == "DCBA"  # a mixture that was not there yet
    np.testing.assert_array_equal(flip(2, "B"), both)
    assert visit.page.evaluate(letters) == "DCBA"
    visit.reload()
    visit.page.click(".take >> nth=1 >> .hear")
    visit.until("stats.state === 'done' && stats.recalled")
    np.testing.assert_array_equal(flip(3, "A"), np.concatenate([both[: 2 * FRAMES], first[2 * FRAMES :]]))
    assert visit.page.evaluate(letters) == "DCBA"  # that one is take B
    np.testing.assert_array_equal(sound(visit), np.concatenate([both[: 2 * FRAMES], first[2 * FRAMES :]]))


def test_a_long_pasted_article_is_counted_and_numbered(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    article = "\n".join(f"这是第{i}行，一篇很长的文章。" for i in range(1_250))[:20_000]
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.page.evaluate("(article) => navigator.clipboard.writeText(article)", article)
    visit.page.focus("#text textarea")
    visit.page.keyboard.press("Control+A")
    visit.page.keyboard.press("Control+V")
    count = len(article.split("\n"))
    visit.page.wait_for_function(f"() => document.querySelectorAll('.line[data-number]').length === {count}")
    visit.page.wait_for_function("() => /20,?000|19,?9/.test(document.querySelector('#text-count').textContent)")
    assert visit.page.locator(".strip").count() < 40  # only what is in sight
    visit.page.evaluate("() => { const area = document.querySelector('#text textarea'); area.scrollTop = 1e6; }")
    visit.page.wait_for_selector(f".strip[aria-label='{EN('line.label', line=count)}']")


def test_the_estimate_comes_from_the_server(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    text = "[2x] 你好，世界。[pause 1s]\n第二行 with English。"
    visit.type(text)
    seconds = f"{analyze_text(text).seconds:.1f}"
    visit.page.wait_for_selector(f"#text-count:has-text('about {seconds} s')")


def test_tab_reaches_the_toolbar_of_the_line_with_the_caret(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("One.\nTwo.\nThree.")
    visit.page.focus("#text textarea")
    visit.page.keyboard.press("Control+Home")
    visit.page.keyboard.press("ArrowDown")
    visit.page.wait_for_function("() => document.querySelectorAll('.strip')[1]?.dataset.current === 'true'")
    visit.page.keyboard.press("Tab")
    assert "Line 2" in visit.page.evaluate("document.activeElement.ariaLabel")
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("ArrowRight")
    holds(visit, "One.\n[1.05x] Two.\nThree.")
    visit.page.keyboard.press("Escape")
    assert "Line 2" in visit.page.evaluate("document.activeElement.ariaLabel")


@pytest.mark.parametrize("text", [HOSTILE, "😀" * 20_000, "\u202e\u2066abc\u2069 مرحبا"], ids=["code", "emoji", "rtl"])
def test_hostile_text_is_only_text(any_page: Visit, text: str) -> None:
    visit = any_page
    visit.page.locator("#text textarea").evaluate(
        "(area, text) => { area.value = text; area.dispatchEvent(new Event('input', {bubbles: true})); }", text
    )
    visit.page.wait_for_function("(text) => document.querySelector('.line').textContent === text", arg=text)
    assert visit.page.evaluate("window.hacked") is None
    assert visit.page.locator("script:text('hacked')").count() == 0
    assert visit.complaints == []


def test_the_word_being_heard_is_marked_where_it_was_typed(fresh: Fresh, studio: Studio) -> None:
    visit = fresh(studio.url)
    visit.type("The lighthouse keeper\n[1.5x] costs $5, 你好。")
    visit.page.evaluate(
        """() => {
            window.heard = [];
            const look = () => {
                const [range] = CSS.highlights.get("heard-word") ?? [];
                const word = range?.toString();
                if (word && window.heard.at(-1) !== word) window.heard.push(word);
                requestAnimationFrame(look);
            };
            look();
        }"""
    )
    words = ["The", "lighthouse", "keeper", "costs", "$5", "你", "好"]
    for _ in range(3):  # a machine busy with other tests may draw no frame while a word is heard
        run = visit.page.evaluate("() => { window.heard = []; return qwen3tts.stats.run; }")
        visit.generate()
        visit.until(f"stats.run > {run} && stats.state === 'done'")
        heard = visit.page.evaluate("window.heard")
        assert heard == sorted(heard, key=words.index), "in the order of the text"
        if {"lighthouse", "keeper", "costs"} <= set(heard):
            break
    assert {"lighthouse", "keeper", "costs"} <= set(heard)
    visit.page.wait_for_function("() => !CSS.highlights.has('heard-word')")


def docx(document: str) -> bytes:
    """A Word file with the XML inside `w:body`."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{word}"><w:body>{document}</w:body></w:document>')
    return file.getvalue()


FILES = {
    "story.txt": ("\ufeffFirst.\r\nSecond.\n".encode(), "First.\nSecond."),
    "故事.md": ("从前有座山。\n山里有座庙。".encode("gb18030"), "从前有座山。\n山里有座庙。"),
    "report.DOCX": (
        docx(
            "<w:p><w:r><w:t>One &amp; </w:t></w:r><w:r><w:t>two.</w:t></w:r></w:p>"
            "<w:p><w:r><w:t>Three.</w:t></w:r></w:p>"
        ),
        "One & two.\nThree.",
    ),
    "table.docx": (
        docx(
            "<w:tbl>"
            + "".join(
                f"<w:tr>{''.join(f'<w:tc><w:p><w:r><w:t>{cell}</w:t></w:r></w:p></w:tc>' for cell in row)}</w:tr>"
                for row in (("Name", "Age"), ("Ann.", "", "42"))
            )
            + "</w:tbl><w:p><w:r><w:t>Done.</w:t></w:r></w:p>"
        ),
        "Name, Age\nAnn. 42\nDone.",
    ),
    "utf-16.txt": ("Héllo, 你好。".encode("utf-16"), "Héllo, 你好。"),
    "windows.txt": ("Café déjà vu.\r\nNaïve.".encode("cp1252"), "Café déjà vu.\nNaïve."),
    "japanese.txt": ("こんにちは、世界。".encode("shift_jis"), "こんにちは、世界。"),
}
REFUSED = {
    "picture.png": (b"\x89PNG", "not a .txt"),
    "bomb.docx": (docx(f"<w:p><w:r><w:t>{'a' * 17_000_000}</w:t></w:r></w:p>"), "too large"),
    "cut.docx": (docx("<w:p/>")[:150], "cannot be read"),
    "entity.docx": (b"PK not a zip", "cannot be read"),
    "binary.txt": (bytes(range(256)), "cannot be read"),
    "empty.txt": (b" \n", "contains no text"),
}


def test_files_are_opened_by_button_and_by_drop_and_bad_ones_change_nothing(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)

    def give(name: str, content: bytes) -> None:
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        visit.page.set_input_files("#open-file-input", files=[file])

    for name, (content, text) in FILES.items():
        give(name, content)
        holds(visit, text)
    visit.page.evaluate("""() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['Dropped.'], 'a.txt'));
      const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
      document.querySelector('#text textarea').dispatchEvent(drop);
    }""")
    holds(visit, "Dropped.")
    for name, (content, reason) in REFUSED.items():
        give(name, content)
        visit.page.wait_for_selector(f"#status:text('{name}'):text('{reason}')")
    holds(visit, "Dropped.")
    visit.page.click("#undo")
    holds(visit, FILES["japanese.txt"][1])


def test_the_line_being_heard_is_in_sight(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url, viewport={"width": 1280, "height": 720})
    visit.type("\n".join(f"Line {number}." for number in range(1, 21)))
    visit.page.locator("#text textarea").evaluate("(area) => { area.scrollTop = area.scrollHeight; }")
    visit.generate()
    visit.page.wait_for_function("""() => {
      const [line, area] = [document.querySelector('.line[data-state=now]'), document.querySelector('#text textarea')];
      if (!line) return false;
      const [one, all] = [line.getBoundingClientRect(), area.getBoundingClientRect()];
      return one.top >= all.top - 1 && one.bottom <= all.bottom + 1 && area.scrollTop === 0;
    }""")
    visit.page.keyboard.press("Escape")
    visit.until("stats.state === 'stopped'")
