"""The three figures, their parts, and the sparkline of recent latencies."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Studio, Visit

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]


def speak(visit: Visit, times: int = 1) -> None:
    for _ in range(times):
        run = visit.stats()["run"]
        visit.generate()
        visit.until(f"stats.run > {run} && stats.state === 'done' && stats.server")


@pytest.fixture(scope="module")
def spoken(studio: Studio, fresh_once: Fresh) -> Visit:
    visit = fresh_once(studio.url)
    visit.type("Hi.")
    speak(visit)
    return visit


@pytest.mark.parametrize("way", ["hover", "focus"])
def test_the_latency_is_split_on_hover_and_on_focus(spoken: Visit, way: str) -> None:
    visit = spoken
    visit.page.mouse.move(1, 1)
    metric = visit.page.locator("#metric-latency")
    assert not metric.locator(".split").is_visible()
    getattr(metric, way)()
    rows = metric.locator(".split div").all_inner_texts()
    names = [row.split("\n")[0] for row in rows]
    assert names[0] == "Waiting in the queue"
    for part in ("Voice, to its first audio", "Network", "Click to first audio heard"):
        assert part in names
    heard = next(row for row in rows if row.startswith("Click to first audio heard"))
    assert heard.split("\n")[1] == f"{visit.stats()['first_sample_ms']} ms"


def test_the_parts_of_the_latency_add_up_to_the_first_sample(spoken: Visit) -> None:
    visit = spoken
    stats = visit.stats()
    server = stats["server"]
    assert (
        server["queued_ms"] <= server["first_pcm_ms"] <= server["server_first_pcm_ms"] <= stats["first_sample_ms"] + 2
    )
    shown = visit.page.locator("#metric-latency dd").inner_text()
    assert float(shown.split("\n")[0].split("m")[0]) == pytest.approx(server["server_first_pcm_ms"], abs=0.5)


def test_the_sparkline_shows_the_latencies_of_this_page(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("Hi.")
    line = visit.page.locator("#metric-latency .sparkline")
    speak(visit)
    assert not line.is_visible()
    speak(visit, 2)
    assert line.is_visible()
    assert len((line.locator("polyline").get_attribute("points") or "").split()) == 3
    assert (line.get_attribute("aria-label") or "").startswith("The last 3 latencies, median ")


def test_the_sparkline_keeps_at_most_twenty_values(studio: Studio, fresh: Fresh) -> None:
    got = fresh(studio.url).page.evaluate("""async () => {
      const { Sparkline } = await import("./studio/components/sparkline.js");
      const line = new Sparkline();
      for (let i = 1; i <= 25; i++) line.add(i);
      return [line.values[0], line.values.length, line.median];
    }""")
    assert got == [6, 20, 15.5]


def test_the_codec_time_is_separate_from_the_voice_time(studio: Studio, fresh: Fresh) -> None:
    """Timings as the Qwen3 engine reports them: all but the codec's count from the start."""
    visit = fresh(studio.url)
    visit.page.route(
        "**/api/requests/*",
        lambda route: route.fulfill(
            json={
                "timings": {
                    "queued_ms": 5,
                    "prefill_ms": 25,
                    "first_frame_ms": 60,
                    "codec_ms": 12,
                    "first_pcm_ms": 80,
                    "total_ms": 900,
                    "includes_warmup": True,
                },
                "server_first_pcm_ms": 84,
            }
        ),
    )
    visit.page.route("**/api/requests/*/events", lambda route: route.abort())
    visit.type("Hi.")
    speak(visit)
    visit.page.focus("#metric-latency")
    rows = dict(row.split("\n") for row in visit.page.locator("#metric-latency .split div").all_inner_texts())
    assert rows["Waiting in the queue"] == "5.0 ms"
    assert rows["Reading the text"] == "20 ms"
    assert rows["Voice, to its first audio"] == "43 ms"
    assert rows["Decoding to audio"] == "12 ms"
    assert rows["Server overhead"] == "4.0 ms"
    assert "cold start" in visit.page.locator("#metric-latency dd").inner_text()
