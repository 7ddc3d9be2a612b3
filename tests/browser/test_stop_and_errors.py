"""Stopping, and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fakes import FailingSynthesizer, RealTimeSynthesizer
from tests.support.wait import wait_until

from .conftest import Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]
ENDLESS = 3_000  # frames


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """An engine that speaks for two minutes."""
    studio = serve(RealTimeSynthesizer(rate=2.0, num_frames=ENDLESS), tmp_path_factory.mktemp("endless"))
    yield studio
    studio.close()


@pytest.fixture
def failing(tmp_path: Path) -> Iterator[Studio]:
    studio = serve(FailingSynthesizer(), tmp_path)
    yield studio
    studio.close()


def stopped(studio: Studio, before: int) -> bool:
    """Whether the engine, after `before` packets, made some more and stopped long before the end."""
    wait_until(lambda: studio.synthesizer.load.running == 0)
    return 0 < studio.synthesizer.packets_made - before < ENDLESS


def test_generate_becomes_stop_at_once_and_stops_the_engine(endless: Studio, fresh: Fresh) -> None:
    visit = fresh(endless.url)
    before = endless.synthesizer.packets_made
    visit.generate()
    assert visit.page.locator("#generate").inner_text() == "Stop"
    visit.until("stats.nonzero_samples > 0")
    visit.generate()
    stats = visit.until("stats.state === 'stopped'")
    assert stopped(endless, before)
    assert stats["error"] is None
    assert visit.page.locator("#generate").inner_text().startswith("Generate")


def test_a_closed_tab_stops_the_engine(endless: Studio, fresh: Fresh) -> None:
    visit = fresh(endless.url)
    before = endless.synthesizer.packets_made
    visit.generate()
    visit.until("stats.nonzero_samples > 0")
    visit.page.close()
    assert stopped(endless, before)


def test_escape_stops_the_engine(endless: Studio, fresh: Fresh) -> None:
    visit = fresh(endless.url)
    before = endless.synthesizer.packets_made
    visit.generate()
    visit.until("stats.nonzero_samples > 0")
    visit.page.keyboard.press("Escape")
    visit.until("stats.state === 'stopped'")
    assert stopped(endless, before)


def test_an_error_has_a_message_and_one_action_and_keeps_the_text(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("……!!")
    visit.generate()
    visit.until("stats.state === 'failed'")
    assert (
        visit.page.locator("#error-sentence").inner_text()
        == "There is nothing to synthesize: enter at least one letter or digit."
    )
    assert visit.page.locator("#retry").is_visible()
    assert visit.page.input_value("#text textarea") == "……!!"
    assert not visit.page.locator("#error-details").is_visible()
    visit.page.click("#error summary")
    assert visit.page.locator("#error-details").inner_text().startswith("empty_text")


def test_server_errors_are_in_the_page_language(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url, locale="zh-CN")
    visit.type("……!!")
    visit.generate()
    visit.until("stats.state === 'failed'")
    assert visit.page.locator("#error-sentence").inner_text().startswith("没有可以合成的内容")


def test_the_action_leads_to_the_mistake_and_the_error_disappears_once_fixed(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("……!!")
    visit.generate()
    visit.until("stats.state === 'failed'")
    visit.page.click("#retry")
    assert visit.page.evaluate("document.activeElement === document.querySelector('#text textarea')")
    visit.type("Better.")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert not visit.page.locator("#error").is_visible()


def test_a_failing_engine_is_reported_plainly(failing: Studio, fresh: Fresh) -> None:
    visit = fresh(failing.url)
    visit.type("Keep me.")
    visit.generate()
    visit.until("stats.state === 'failed'")
    assert visit.page.locator("#error-sentence").inner_text() == "Synthesis failed. Your text is kept; try again."
    assert visit.page.input_value("#text textarea") == "Keep me."


def test_a_lost_server_is_reported_plainly(tmp_path: Path, fresh: Fresh) -> None:
    studio = serve(RealTimeSynthesizer(rate=2.0), tmp_path)
    visit = fresh(studio.url)
    studio.close()
    visit.generate()
    visit.until("stats.state === 'failed'")
    assert "connection to the server was lost" in visit.page.locator("#error-sentence").inner_text()


def test_a_reload_restores_the_draft(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("A long afternoon of work")
    visit.page.fill("#description textarea", "an old man")
    visit.reload()
    visit.page.wait_for_function("() => document.querySelector('#text textarea').value === 'A long afternoon of work'")
    assert visit.page.input_value("#description textarea") == "an old man"
