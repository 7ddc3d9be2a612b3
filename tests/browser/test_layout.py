"""Nothing covers, cuts or leaves anything: desktop and phone, both page languages, light, dark and forced colors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Studio, Visit
from .layout import layout_findings

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Fresh = Callable[..., Visit]

PHONE = (390, 844)
LONG_DESCRIPTION = (
    "A calm woman in her forties with a low, warm voice, speaking slowly, like the host of a late show. " * 4
)
IN_THE_WINDOW = (".page-header", "#wave", "#play", "#generate", "#wave-card", "#generate-card")
LONG_BADGE = """() => {
  document.getElementById('engine-label').textContent = 'Try-out voice (not Qwen3-TTS)';
  document.getElementById('engine-next').textContent = 'Get the real voice';
}"""
DESCRIPTION_LINES = """() => {
  const area = document.querySelector('#description textarea');
  return area.clientHeight / parseFloat(getComputedStyle(area).lineHeight);
}"""
FRAMES = """() => ['.card', '#tab-library', '#presets [aria-pressed=true]', '#checklist .chip'].filter((selector) => {
  const element = document.querySelector(selector);
  const { borderTopStyle, outlineStyle } = getComputedStyle(element.closest('.preset') ?? element);
  return borderTopStyle === 'none' && outlineStyle === 'none';
})"""

PLAYED = "() => getComputedStyle(document.getElementById('wave')).getPropertyValue('--wave-played')"


def lowest(visit: Visit) -> float:
    """The lower end of what has to be visible without scrolling; -1 if a part is missing."""
    boxes: list[dict[str, Any]] = [visit.page.locator(name).bounding_box() for name in IN_THE_WINDOW]
    is_whole = visit.page.evaluate("scrollY") == 0 and all(box["y"] >= 0 and box["height"] > 30 for box in boxes)
    return max(box["y"] + box["height"] for box in boxes) if is_whole else -1


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize(
    "size", [(1440, 900), (1280, 720), (1024, 600), (1920, 1080), PHONE], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_nothing_covers_or_cuts_anything(studio: Studio, fresh: Fresh, size: tuple[int, int], locale: str) -> None:
    viewport = {"width": size[0], "height": size[1]}
    visit = fresh(studio.url, viewport=viewport, locale=locale, has_touch=size == PHONE)
    page = visit.page
    found: dict[str, list[str]] = {}

    def look(state: str, *, fits: bool = True) -> None:
        visit.painted()
        found[state] = layout_findings(visit)
        if fits and size != PHONE and not 0 < lowest(visit) <= size[1]:
            found[state].append(f"the window ends above {lowest(visit)}")

    page.evaluate(LONG_BADGE)
    look("at first")
    visit.type("one\ntwo")
    page.click("#presets .choose >> nth=0")
    visit.generate()
    visit.until("stats.position > 0")
    look("playing")
    visit.until("stats.state === 'done'")
    if size == PHONE:
        status = page.locator("#status").bounding_box()
        assert status["y"] + 30 < page.locator("#generate").bounding_box()["y"] + 10 < size[1]
    page.locator("#compare-takes").evaluate("(button) => button.scrollIntoView({ block: 'center' })")
    page.click("#compare-takes")
    page.wait_for_function("() => document.querySelectorAll('.take[data-state=done]').length === 4")
    page.click("#presets .more-card")
    look("with takes and all cards")
    page.emulate_media(color_scheme="dark")
    look("dark")
    page.emulate_media(forced_colors="active")
    look("forced colors")
    assert page.evaluate(FRAMES) == []
    assert page.evaluate(PLAYED) == "Highlight"
    page.emulate_media(color_scheme="light", forced_colors="none")
    page.fill("#description textarea", LONG_DESCRIPTION)
    look("a long description")
    num_lines = page.evaluate(DESCRIPTION_LINES)
    assert num_lines >= 2 and num_lines == pytest.approx(round(num_lines), abs=0.02)  # no line is cut
    for tab in ("mine", "recording"):
        page.click(f"#tab-{tab}")
        look(tab)
    page.click("#export-menu summary")
    page.wait_for_function("() => document.querySelector('#export-menu .sheet').style.top")  # placed once it is open
    menu = page.locator("#export-menu .sheet").bounding_box()
    assert min(menu["x"], menu["y"]) >= 0
    assert menu["x"] + menu["width"] <= size[0]
    assert menu["y"] + menu["height"] <= size[1]
    page.keyboard.press("Escape")
    visit.type("……")
    visit.generate()
    visit.until("stats.state === 'failed'")
    look("an error", fits=False)
    assert {state: findings for state, findings in found.items() if findings} == {}
