"""Accessibility: axe-core finds nothing serious, from 390 to 2560 pixels, light and dark, zh and en; installable."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.support.fakes import RealTimeSynthesizer

from .axe import serious
from .conftest import Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]


NOTHING_MOVES = "() => document.getAnimations().every((one) => one.playState !== 'running')"


def spoken(visit: Visit, text: str = "First line.\nSecond line.") -> None:
    visit.type(text)
    run = visit.stats()["run"]
    visit.generate()
    visit.until(f"stats.run > {run} && stats.state === 'done' && stats.audio")


def failed(visit: Visit) -> None:
    visit.type("……")
    visit.generate()
    visit.until("stats.state === 'failed'")


def kept(visit: Visit) -> None:
    """Save the voice and open the popover of its card."""
    visit.page.click("#keep")
    visit.page.keyboard.press("Enter")
    visit.page.click(".saved .tool >> nth=0")


def three(visit: Visit) -> None:
    """Three takes, in addition to the one that was spoken before."""
    visit.page.click("#compare-takes")
    visit.page.wait_for_function("() => document.querySelectorAll('.take[data-state=done]').length === 4")


def confirm_clear(visit: Visit) -> None:
    visit.page.click("#history-open")
    visit.page.click("#history footer button")


# All states of the page in the order of the test: how to reach each, and what is visible then.
STATES: dict[str, tuple[Callable[[Visit], object], str]] = {
    "page": (lambda visit: None, "#generate"),
    "who speaks": (lambda visit: visit.page.click("#engine-open"), "#engine-what"),
    "words for a trait": (lambda visit: visit.page.click("#checklist [data-dimension=pace]"), "#trait-words"),
    "examples": (lambda visit: visit.page.click("#examples-open"), "#examples"),
    "no voice kept": (lambda visit: visit.page.click("#tab-mine"), "#presets .none"),
    "empty history": (lambda visit: visit.page.click("#history-open"), "#history[open]"),
    "done": (spoken, "#download[href]"),
    "latency": (lambda visit: visit.page.focus("#metric-latency"), "#metric-latency .split"),
    "menu": (lambda visit: visit.page.click("#export-menu summary"), "#export-menu .sheet"),
    "line": (lambda visit: visit.page.click(".strip >> nth=0 >> .speed"), "#line-sheet"),
    "keep": (lambda visit: visit.page.click("#keep"), "#keep-sheet"),
    "kept voice": (kept, "#voice-sheet"),
    "three takes": (three, "#takes-row"),
    "blind": (lambda visit: visit.page.check("#blind"), "#takes-row"),
    "history": (lambda visit: visit.page.click("#history-open"), ".entry >> nth=0"),
    "history, to be cleared": (confirm_clear, "#history footer .confirming"),
    "settings": (lambda visit: visit.page.click("#settings-open"), "#settings[open][data-asked]"),
    "sampling": (lambda visit: visit.page.locator("#settings summary").click(), "#setting-top_k"),
    "presenter": (lambda visit: visit.page.click("#open-presenter"), "#presenter[open]"),
    "error": (failed, "#error"),
    "error in detail": (lambda visit: visit.page.click("#error summary"), "#error-details"),
}
STAYS = ("settings", "error")  # what the next state is a part of


@pytest.fixture(scope="module", params=[("light", "en-US"), ("dark", "zh-CN")], ids=["light-en", "dark-zh"])
def person(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, fresh_once: Fresh
) -> Iterator[Visit]:
    scheme, locale = request.param
    studio = serve(RealTimeSynthesizer(rate=20.0, num_frames=5), tmp_path_factory.mktemp("access"))
    yield fresh_once(studio.url, color_scheme=scheme, locale=locale, reduced_motion="reduce")
    studio.close()


@pytest.mark.parametrize("state", list(STATES))
def test_axe_finds_nothing_serious(person: Visit, state: str) -> None:
    reach, seen = STATES[state]
    reach(person)
    person.page.wait_for_selector(seen)
    person.page.wait_for_function(NOTHING_MOVES)
    found = serious(person)
    if state not in STAYS:
        person.page.keyboard.press("Escape")
        person.page.evaluate("document.querySelectorAll('details[open]').forEach((one) => (one.open = false))")
    assert found == []


@pytest.fixture(scope="module")
def wide(studio: Studio, fresh_once: Fresh) -> Visit:
    visit = fresh_once(studio.url)
    visit.page.click("#export-menu summary")
    return visit


@pytest.mark.parametrize("width", [390, 768, 1024, 1440, 2560])
def test_no_width_scrolls_sideways(wide: Visit, width: int) -> None:
    wide.page.set_viewport_size({"width": width, "height": 900})
    wide.painted()
    assert wide.page.evaluate("document.documentElement.scrollWidth") == width
    box = wide.page.locator("#export-menu .sheet").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_it_can_be_installed(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    manifest = visit.page.evaluate("""async () => {
      const link = document.querySelector('link[rel=manifest]');
      const answer = await fetch(link.href);
      return { ...(await answer.json()), at: answer.url };
    }""")
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "./")
    sizes = visit.page.evaluate(
        """async ({ at, icons }) => Promise.all(icons.filter((icon) => icon.type === 'image/png').map(async (icon) => {
          const image = await createImageBitmap(await (await fetch(new URL(icon.src, at))).blob());
          return `${image.width}x${image.height}` === icon.sizes;
        }))""",
        manifest,
    )
    assert sizes == [True, True, True]
    session = visit.page.context.new_cdp_session(visit.page)
    installability = session.send("Page.getAppManifest")
    assert installability["errors"] == []
    assert json.loads(installability["data"])["name"].startswith("Voice Design Studio")
