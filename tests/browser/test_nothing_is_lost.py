"""Nothing typed, chosen or spoken is lost: undo and redo, two tabs, and resuming after Stop."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import SHORT_FRAMES, Studio, Visit

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]
SAMPLES = SHORT_FRAMES * 1920
LINES = [f"Line number {number}." for number in range(1, 7)]


def has(visit: Visit, field: str, value: str) -> None:
    visit.page.wait_for_function(
        "([field, value]) => document.querySelector(`#${field} textarea`).value === value", arg=[field, value]
    )


def test_undo_and_redo_cover_text_and_description(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("My own words.")
    visit.page.fill("#description textarea", "a calm man")
    visit.page.click("#examples-open")
    visit.page.click(".example >> nth=0")
    visit.page.wait_for_function("() => document.querySelector('#description textarea').value.length > 20")
    example = visit.page.input_value("#description textarea")
    visit.page.click("#undo")
    has(visit, "description", "a calm man")
    visit.page.click("#redo")
    has(visit, "description", example)
    visit.page.focus("#text textarea")
    for _ in range(2):
        visit.page.keyboard.press("Control+z")
    has(visit, "description", "")
    assert visit.page.input_value("#text textarea") == "My own words."
    visit.page.keyboard.press("Control+Shift+z")
    has(visit, "description", "a calm man")

    other = visit.page.context.new_page()  # a second tab has a draft of its own
    with other.expect_console_message(lambda message: message.text == "studio ready"):
        other.goto(studio.url)
    other.fill("#text textarea", "Words of the other tab.")
    visit.reload()
    assert visit.page.input_value("#text textarea") == "My own words."
    assert other.input_value("#text textarea") == "Words of the other tab."
    assert visit.complaints == []


def test_after_stop_the_audio_is_kept_and_the_rest_follows(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("\n".join(LINES))
    visit.generate()
    visit.until("stats.samples > 40000 && (document.querySelector('#generate').click(), true)")
    visit.until("stats.state === 'stopped'")
    assert visit.page.get_attribute("#download", "href")
    visit.reload()
    visit.page.click("#takes-row .take button >> nth=0")  # heard from the history now
    visit.until("stats.recalled && stats.state === 'speaking'")
    assert "/api/history/" in visit.page.get_attribute("#download", "href")
    visit.page.click("#go-on")  # while it plays
    visit.until("!stats.recalled && stats.samples > 40000 && (document.querySelector('#generate').click(), true)")
    visit.page.wait_for_selector("#status:text('The take has more lines now, but not all')")
    visit.page.click("#go-on")
    visit.page.wait_for_selector("#status:text('The take is whole')")
    stats = visit.until("stats.recalled && !stats.receiving")
    assert stats["samples"] == len(LINES) * SAMPLES
    assert visit.page.locator(".line").all_inner_texts() == LINES
    assert visit.page.is_hidden("#go-on")
    assert visit.complaints == []
