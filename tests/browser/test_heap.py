"""Thirty generations do not leak memory in the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Studio, Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
Fresh = Callable[..., Visit]


def test_thirty_generations_do_not_grow_the_heap(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("Hi.")
    session = visit.page.context.new_cdp_session(visit.page)
    session.send("Performance.enable")

    def measured() -> dict[str, float]:
        visit.page.wait_for_timeout(200)
        for _ in range(2):
            session.send("HeapProfiler.collectGarbage")
        return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}

    def speak(times: int) -> None:
        for _ in range(times):
            run = visit.stats()["run"]
            visit.generate()
            visit.until(f"stats.run > {run} && stats.samples > 24000 && !stats.receiving")
            visit.page.evaluate("qwen3tts.stats.state === 'done' || document.getElementById('play').click()")

    speak(12)  # caches and lazy parts are in place, and the strip holds as many takes as it keeps
    before = measured()
    speak(30)
    after = measured()
    assert after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 1.5e6
    assert after["Nodes"] - before["Nodes"] < 300
    assert after["JSEventListeners"] - before["JSEventListeners"] < 60
