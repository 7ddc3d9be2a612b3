"""The text: each line has its own speed, pause, state, length, replay and retake; the marks in the text do the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from qwen3tts_webui.audio.pcm import from_s16le
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.types import Pcm
from tests.fakes import FailingSynthesizer

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


def sound(visit: Visit) -> Pcm:
    """What the download holds."""
    with visit.page.expect_download() as download:
        visit.page.click("#download")
    return from_s16le(download.value.path().read_bytes()[44:])


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


def test_the_controls_of_a_line_write_marks_that_the_engine_obeys(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("First line.\nSecond line.")
    visit.page.click(tool(visit, 1, "speed"))
    slide(visit, 0, 2)
    slide(visit, 1, 0.5)
    assert visit.page.input_value("#text textarea") == "[2x] First line. [pause 0.5s]\nSecond line."
    visit.page.keyboard.press("Escape")
    visit.generate()
    stats = visit.until("stats.state === 'done'", 30)
    assert stats["samples"] == pytest.approx(FRAMES / 2 + 12_000 + FRAMES, abs=2_400)
    assert [utterance.text for utterance in studio.synthesizer.utterances[-2:]] == ["First line.", "Second line."]


def test_marks_that_are_typed_move_the_controls_and_can_be_taken_back(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("[1.2x] 一行。[停顿 0.5秒]")
    visit.page.wait_for_selector(tool(visit, 1, "speed[data-set=true]"))
    assert visit.page.inner_text(tool(visit, 1, "speed")) == "1.2×"
    assert visit.page.inner_text(tool(visit, 1, "pause")) == "0.5 s"
    visit.page.click(tool(visit, 1, "pause"))
    slide(visit, 0, 1)
    slide(visit, 1, 0)
    assert visit.page.input_value("#text textarea") == "一行。"


def test_each_line_tells_its_state_and_then_its_length(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("One here.\n\nTwo here.\nThree here.")
    visit.generate()
    visit.until("stats.samples > 0")
    visit.page.wait_for_function("() => document.querySelector('.strip .state').textContent === 'playing'")
    assert states(visit)[2] in ("queued", "speaking")
    visit.until("stats.state === 'done'", 30)
    visit.page.wait_for_function("() => document.querySelector('.strip .state').textContent === '1.2 s'")
    assert states(visit) == ["1.2 s", "1.2 s", "1.2 s"]


def test_a_line_that_failed_says_so_and_the_others_go_on(failing: Studio, fresh: Fresh) -> None:
    visit = fresh(failing.url)
    visit.type("A good line.\nA bad line.\nAnother good line.")
    visit.generate()
    visit.until("!stats.receiving && stats.samples > 0")
    visit.page.wait_for_selector(".strip[data-state=failed]")
    assert [re.sub(r"[\d.]+ s|playing", "fine", state) for state in states(visit)] == ["fine", "failed", "fine"]


def test_replay_plays_that_line_and_no_more(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("One here.\nTwo here.\nThree here.")
    visit.generate()
    visit.until("stats.state === 'done'", 30)
    visit.page.click(tool(visit, 2, "replay"))
    visit.until(f"stats.state === 'speaking' && stats.position > {FRAMES}")
    stats = visit.until("stats.state === 'paused'")
    assert abs(stats["position"] - 2 * FRAMES) < 1_200


def test_a_retake_speaks_one_line_anew_and_the_download_holds_it(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("One here.\nTwo here.\nThree here.")
    visit.generate()
    visit.until("stats.state === 'done'", 30)
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


def test_a_long_article_is_pasted_counted_and_numbered(studio: Studio, fresh: Fresh) -> None:
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


@pytest.mark.parametrize(
    "text",
    [
        "Hello there, my friend.",
        "[2x] 你好，世界。[pause 1s]\n第二行 with English。",
        "こんにちは、元気ですか",
        "안녕하세요",
    ],
)
def test_the_estimate_is_the_servers_own(any_page: Visit, text: str) -> None:
    from qwen3tts_webui.text.language import detect_language
    from qwen3tts_webui.text.length import estimate_seconds
    from qwen3tts_webui.text.segment import segments

    language = detect_language(text)
    expected = sum(estimate_seconds(one.text, language) / one.speed + one.pause_s for one in segments(text))
    got = any_page.page.evaluate(
        """async (text) => {
          const { Writing } = await import("/studio/writing.js");
          const boot = await (await fetch("/studio/boot.json")).json();
          return new Writing(boot.writing).seconds(text, "auto");
        }""",
        text,
    )
    assert got == pytest.approx(expected, rel=0.05)


def test_the_line_with_the_caret_is_the_one_that_tab_reaches(studio: Studio, fresh: Fresh) -> None:
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
    assert visit.page.input_value("#text textarea") == "One.\n[1.05x] Two.\nThree."
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
