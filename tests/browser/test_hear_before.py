"""Voices are heard before they are chosen, and the page is robust: double clicks, a lost connection."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Studio, Visit

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]


def test_samples_double_clicks_and_a_lost_connection(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.wait_for_selector("#engine[data-kind=preview]")
    before = len(studio.synthesizer.utterances)
    hear = visit.page.get_by_role("button", name="Hear American narrator")
    hear.click()
    visit.page.wait_for_function("() => document.querySelector('.sample').textContent !== '…'")
    assert len(studio.synthesizer.utterances) == before + 1
    assert visit.page.locator("#presets [aria-pressed=true]").count() == 0  # heard, not chosen
    assert visit.stats()["run"] == 0

    visit.type("One line.")
    visit.page.dblclick("#generate")  # the second click does not stop at once
    assert visit.until("stats.state === 'done'")["run"] == 1

    visit.page.context.set_offline(True)
    visit.page.wait_for_selector("#engine-label:text-is('Not connected, trying again')")
    visit.page.click("#history-open")
    visit.page.wait_for_selector("#history[open] p:has-text('The connection to the server was lost')")
    visit.page.keyboard.press("Escape")
    visit.page.context.set_offline(False)
    visit.page.wait_for_selector("#engine[data-kind=preview]")
    visit.page.click("#history-open")
    visit.page.wait_for_selector("#history .entry")
