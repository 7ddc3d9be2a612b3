"""Text, voices, keyboard and small screens."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.voices import Presets

from .conftest import Studio, Visit

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]

HOSTILE = "<script>hacked=1</script> ${window.hacked=2} {{window.hacked=3}} <img src=x onerror=hacked=4> \u202eevil"


def choose(visit: Visit, language: str) -> None:
    visit.page.click("#language input")
    visit.page.get_by_role("option", name=language, exact=True).click()


def cards(visit: Visit) -> list[str]:
    return visit.page.locator("#presets .preset").evaluate_all("cards => cards.map((card) => card.dataset.id)")


@pytest.mark.parametrize(("native", "code"), [("日本語", "ja"), ("中文", "zh")])
def test_choosing_a_language_shows_its_presets(studio: Studio, fresh: Fresh, native: str, code: str) -> None:
    visit = fresh(studio.url)
    choose(visit, native)
    visit.page.wait_for_function(
        "(code) => document.querySelector('#presets .preset').dataset.id.startsWith(code)", arg=code
    )
    assert cards(visit) == [preset.id for preset in Presets.load().of(code)]


def test_a_preset_fills_in_its_description_for_the_request(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    choose(visit, "Français")
    preset = Presets.load().of("fr")[1]
    visit.page.click(f"#presets [data-id='{preset.id}']")
    visit.page.wait_for_function("() => document.querySelector('#presets [aria-pressed=true]')")
    assert visit.page.input_value("#description textarea") == preset.description
    visit.generate()
    visit.until("stats.samples > 0")
    asked = studio.synthesizer.utterances[-1]
    assert (asked.language, asked.voice.description) == ("fr", preset.description)
    visit.until("stats.state === 'done'")


def test_switching_the_page_language_keeps_the_typed_text(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("My own words")
    visit.page.click("#page-language")
    zh = Catalog("zh")
    assert visit.page.locator("#text [data-testid=block-info]").inner_text() == zh("text.label")
    assert visit.page.locator("#status").inner_text() == zh("status.ready")
    assert visit.page.locator("html").get_attribute("lang") == "zh-CN"
    assert visit.page.input_value("#text textarea") == "My own words"
    visit.reload()
    assert visit.page.locator("#generate").inner_text().startswith(zh("generate.go"))


def test_a_browser_in_chinese_gets_a_chinese_page(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url, locale="zh-CN")
    assert visit.page.title() == Catalog("zh")("page.title")


def test_no_message_key_is_shown_on_the_page(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    shown = visit.page.evaluate(
        "() => document.body.innerText + [...document.querySelectorAll('[aria-label]')].map((e) => e.ariaLabel)"
    )
    assert [key for key in Catalog("en").messages if key in shown] == []


def test_hostile_text_is_only_text(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type(HOSTILE)
    visit.page.fill("#description textarea", HOSTILE)
    visit.generate()
    visit.until("stats.state === 'done'")
    assert visit.page.evaluate("window.hacked") is None
    assert visit.page.locator(".line").first.text_content() == HOSTILE
    assert [url for url in visit.requests if url.endswith("/x")] == []


def test_the_line_being_played_is_highlighted(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("first line\n\nsecond line")
    visit.generate()
    now = "document.querySelector('.line[data-state=now]')"  # asked within the page: the line lasts for a second only
    visit.until(f"stats.position > 32000 && {now}?.textContent === 'second line' && {now}.dataset.number === '2'")
    visit.until("stats.state === 'done'")
    assert visit.page.locator(".line[data-state=now]").count() == 0


def test_control_enter_generates_from_the_text(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.focus("#text textarea")
    visit.page.keyboard.press("Control+Enter")
    visit.until("stats.nonzero_samples > 0")
    visit.until("stats.state === 'done'")


def test_the_tab_key_reaches_everything(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    reached = []
    for _ in range(90):
        visit.page.keyboard.press("Tab")
        where = visit.page.evaluate("() => { const e = document.activeElement; return e.id || e.closest('[id]')?.id; }")
        reached.append(where)
        if where == "text":
            visit.page.keyboard.insert_text("one more line\n" * 20)  # long enough to be stopped
        if where == "generate":
            break
    for stop in (
        "engine-open",
        "page-language",
        "theme",
        "text",
        "language",
        "presets",
        "description",
        "wave",
        "generate",
    ):
        assert stop in reached, reached
    visit.page.keyboard.press("Enter")
    visit.until("stats.nonzero_samples > 0")
    visit.page.keyboard.press("Space")
    visit.until("stats.state === 'stopped'")


def test_the_status_is_announced_to_screen_readers(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    status = visit.page.locator("#status")
    assert (status.get_attribute("role"), status.get_attribute("aria-live")) == ("status", "polite")
    visit.type("one line")
    visit.generate_smoothly()
    assert status.inner_text() == "Done: 1.2 s of speech."


@pytest.mark.parametrize("state", ["before", "after"])
def test_the_page_fits_390_pixels(studio: Studio, fresh: Fresh, state: str) -> None:
    visit = fresh(studio.url, viewport={"width": 390, "height": 844}, has_touch=True)
    if state == "after":
        visit.page.tap("#generate")
        visit.until("stats.state === 'done'")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 390
    box: dict[str, Any] = visit.page.locator("#generate").bounding_box()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 844
    assert box["height"] >= 44


def phone(fresh: Fresh, studio: Studio) -> Visit:
    return fresh(studio.url, viewport={"width": 390, "height": 844}, has_touch=True)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_on_a_phone_nothing_overlaps(studio: Studio, fresh: Fresh, locale: str) -> None:
    visit = fresh(studio.url, viewport={"width": 390, "height": 844}, has_touch=True, locale=locale)
    visit.type("Hi.")
    for run in (1, 2):  # two latencies make a line
        visit.generate()
        visit.until(f"stats.run === {run} && stats.state === 'done' && stats.server")
    names = ["h1", ".icons", "#description [data-testid=block-info]", "#ideas .chips", "#metric-latency .sparkline"]
    names += ["#metric-latency dt", "#metric-total dl"]
    boxes = {name: visit.page.locator(name).first.bounding_box() for name in names}
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes.values()), boxes
    assert abs(boxes["h1"]["y"] - boxes[".icons"]["y"]) < 20  # side by side
    for one, other in itertools.combinations(boxes.values(), 2):
        apart = (
            one["x"] + one["width"] <= other["x"]
            or other["x"] + other["width"] <= one["x"]
            or one["y"] + one["height"] <= other["y"]
            or other["y"] + other["height"] <= one["y"]
        )
        assert apart, boxes


def test_on_a_phone_an_error_is_scrolled_into_view_above_generate(studio: Studio, fresh: Fresh) -> None:
    visit = phone(fresh, studio)
    visit.type("……")
    visit.generate()
    visit.until("stats.state === 'failed'")
    visit.painted()
    box, generate = (visit.page.locator(name).bounding_box() for name in ("#error", "#generate"))
    assert box["y"] > 0
    assert box["y"] + box["height"] <= generate["y"]


def test_on_a_phone_the_engine_details_cover_the_figures(studio: Studio, fresh: Fresh) -> None:
    visit = phone(fresh, studio)
    visit.page.click("#engine-open")
    covering = """() => {
      const { left, top, width, height } = document.querySelector('#metric-latency dd').getBoundingClientRect();
      return document.elementFromPoint(left + width / 2, top + height / 2).closest('#machine') !== null;
    }"""
    assert visit.page.evaluate(covering) is True


def test_dark_and_light_follow_the_system_until_one_is_chosen(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url, color_scheme="dark")
    dark = "() => document.body.classList.contains('dark')"
    assert visit.page.evaluate(dark) is True
    visit.page.click("#theme")
    assert visit.page.evaluate(dark) is False
    visit.reload()
    assert visit.page.evaluate(dark) is False
