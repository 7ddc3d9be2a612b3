"""For everybody: axe-core finds nothing serious, from 390 to 2560 pixels, light and dark, zh and en; installable."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Studio, Visit

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]


def serious(visit: Visit) -> list[str]:
    """What axe-core calls serious or critical, with the elements."""
    axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    visit.page.evaluate(f"() => {{ {axe} }}")
    found: list[dict[str, Any]] = visit.page.evaluate("async () => (await axe.run(document)).violations")
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')[:160]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


OPEN = {
    "page": lambda visit: None,
    "done": lambda visit: (visit.generate(), visit.until("stats.state === 'done'")),
    "menu": lambda visit: visit.page.click("#more summary"),
    "settings": lambda visit: (visit.page.click("#settings-open"), visit.page.click("#settings summary")),
    "presenter": lambda visit: (visit.page.click("#present"), visit.page.wait_for_selector("#presenter[open]")),
    "error": lambda visit: (visit.type("……"), visit.generate(), visit.until("stats.state === 'failed'")),
}


@pytest.mark.parametrize("state", list(OPEN))
@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_axe_finds_nothing_serious(studio: Studio, fresh: Fresh, state: str, scheme: str, locale: str) -> None:
    visit = fresh(studio.url, color_scheme=scheme, locale=locale, reduced_motion="reduce")
    OPEN[state](visit)
    visit.page.wait_for_timeout(300)  # what slides in has arrived
    assert serious(visit) == []


@pytest.mark.parametrize("width", [390, 768, 1024, 1440, 2560])
def test_no_width_scrolls_sideways(studio: Studio, fresh: Fresh, width: int) -> None:
    visit = fresh(studio.url, viewport={"width": width, "height": 900})
    visit.page.click("#more summary")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == width
    box = visit.page.locator("#more .sheet").bounding_box()
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
    told = session.send("Page.getAppManifest")
    assert told["errors"] == []
    assert json.loads(told["data"])["name"].startswith("Voice Design Studio")
