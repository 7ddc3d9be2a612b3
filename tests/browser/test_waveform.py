"""The live waveform: drawing, seeking, and constant cost for long audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import RealTimeSynthesizer

from .conftest import SHORT_FRAMES, Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]
LINE = SHORT_FRAMES * 1920

COUNT = """([r, g, b]) => {
  const canvas = document.getElementById("wave");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] > 200) count++;
  return count;
}"""
HEARD, MADE, REST, TICK, DRY, FIRST = (
    (22, 163, 74),
    (191, 230, 204),
    (226, 226, 220),
    (201, 202, 196),
    (217, 119, 6),
    (21, 128, 61),
)


def pixels(visit: Visit, color: tuple[int, int, int]) -> int:
    visit.painted()
    count: int = visit.page.evaluate(COUNT, list(color))
    return count


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Studio]:
    """An engine slower than real time."""
    studio = serve(RealTimeSynthesizer(rate=0.5, num_frames=12), tmp_path)
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Half a minute, at one and a half times real time."""
    studio = serve(RealTimeSynthesizer(rate=1.5, num_frames=375), tmp_path_factory.mktemp("long"))
    yield studio
    studio.close()


def test_played_buffered_and_pending_have_three_colors(long: Studio, fresh: Fresh) -> None:
    visit = fresh(long.url, color_scheme="light")
    visit.type("word " * 120)
    visit.generate()
    visit.until("stats.position > 24000")
    assert all(pixels(visit, tone) > 0 for tone in (HEARD, MADE, REST))
    visit.generate()


def test_segments_and_the_first_audio_are_marked(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url, color_scheme="light")
    visit.type("one line")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert pixels(visit, FIRST) > 0
    assert pixels(visit, TICK) == 0
    visit.type("one line\nanother")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert pixels(visit, TICK) > 0


def test_an_underrun_is_marked_and_reported(slow: Studio, fresh: Fresh) -> None:
    visit = fresh(slow.url, color_scheme="light")
    visit.type("one line")
    visit.generate()
    stats = visit.until("stats.state === 'done'")
    assert stats["underruns"] > 0
    assert pixels(visit, DRY) > 0
    assert "Short breaks" in visit.page.locator("#status").inner_text()


@pytest.mark.parametrize("predicted", [0.8, 1.1, None])
def test_a_slow_engine_collects_first_from_the_first_run(tmp_path: Path, fresh: Fresh, predicted: float | None) -> None:
    """Three seconds at 0.8 times real time, whether that is known, unknown or predicted wrongly."""
    engine = RealTimeSynthesizer(rate=0.8, num_frames=40)
    engine.info = replace(engine.info, speed=predicted)
    slow = serve(engine, tmp_path)
    visit = fresh(slow.url)
    visit.type("one two three four five six seven eight nine ten")
    visit.page.evaluate("""() => {
      window.shown = [];
      const status = document.querySelector('#status');
      const note = () => window.shown.push(status.textContent);
      new MutationObserver(note).observe(status, { childList: true, characterData: true, subtree: true });
    }""")
    visit.generate()
    stats = visit.until("stats.state === 'done' && !stats.receiving")
    assert stats["underruns"] == 0
    assert stats["collecting_s"] is None
    shown = visit.page.evaluate("window.shown")
    assert any(text.startswith("Collecting first") for text in shown), shown
    assert stats["first_sample_ms"] < 0.7 * stats["total_ms"], "a part is enough"
    measured = visit.page.evaluate("fetch('api/info').then((info) => info.json()).then(({ speed }) => speed)")
    assert 0.5 < measured < 0.9
    visit.generate()
    visit.until("stats.collecting_s !== null && (document.querySelector('#play').click(), true)")
    stats = visit.until("stats.state === 'done' && !stats.receiving")
    assert stats["first_sample_ms"] < stats["total_ms"], "Play now starts at once"
    slow.close()


def test_a_click_seeks_within_the_received_audio(long: Studio, fresh: Fresh) -> None:
    visit = fresh(long.url)
    visit.type("word " * 120)
    visit.generate()
    visit.until("stats.samples > 3 * 24000")
    box = visit.page.locator("#wave").bounding_box()
    visit.page.mouse.click(box["x"] + box["width"] - 3, box["y"] + 40)  # where nothing exists yet
    stats = visit.until("stats.position > 2.5 * 24000")
    assert stats["receiving"] is True
    assert stats["position"] <= stats["samples"]
    visit.page.mouse.click(box["x"] + 1, box["y"] + 40)
    visit.until("stats.position < 24000")
    assert visit.stats()["receiving"] is True
    visit.generate()


def test_seeking_to_the_end_of_what_was_received_is_no_underrun(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("\n".join(["one line"] * 4))
    visit.generate()
    visit.until("stats.position > 12000 && stats.receiving")
    before = visit.stats()["underruns"]
    visit.page.focus("#wave")
    visit.page.keyboard.press("End")
    stats = visit.until("stats.state === 'done'")
    assert stats["samples"] == 4 * LINE
    assert stats["underruns"] == before


def test_the_keyboard_seeks_and_plays(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("one\ntwo\nthree")
    visit.generate()
    visit.until("stats.state === 'done' && stats.samples === stats.position")
    visit.page.focus("#wave")
    visit.page.keyboard.press("Home")
    visit.until("stats.position === 0")
    visit.page.keyboard.press("ArrowRight")
    visit.until("stats.position === 24000")
    visit.page.keyboard.press("PageUp")
    visit.until(f"stats.position === {3 * LINE}")
    visit.page.keyboard.press("ArrowLeft")
    visit.until(f"stats.position === {3 * LINE - 24_000}")
    assert visit.page.locator("#wave").get_attribute("aria-valuetext") == "2.6 s / 3.6 s"
    visit.page.keyboard.press("Space")
    visit.until("stats.state === 'speaking'")


DRAWINGS = """() => {
  window.drawn = { paints: 0 };
  const { clearRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.clearRect = function (...all) {
    drawn.paints++;
    return clearRect.apply(this, all);
  };
}"""


@pytest.mark.parametrize(("motion", "most"), [("reduce", 8), ("no-preference", None)])
def test_reduced_motion_draws_twice_a_second(studio: Studio, fresh: Fresh, motion: str, most: int | None) -> None:
    visit = fresh(studio.url, reduced_motion=motion)
    visit.page.evaluate(DRAWINGS)
    visit.type("one line\ntwo lines")
    visit.generate()
    visit.until("stats.state === 'done'")
    paints = visit.page.evaluate("drawn.paints")
    assert paints > 12 if most is None else paints <= most


def test_long_audio_is_scanned_once_and_drawn_in_as_many_bars_as_fit(studio: Studio, fresh: Fresh) -> None:
    got: dict[str, Any] = fresh(studio.url).page.evaluate("""async () => {
      const { BarPeaks, paintWave } = await import("./studio/regions/playback/waveform.js");
      let looks = 0;
      const ten = Array.from({ length: 30000 }, (_, i) => (i % 50) / 50);
      const look = (all, key) => {
        if (typeof key === "string" && /^\\d/.test(key)) looks++;
        return all[key];
      };
      const peaks = new Proxy(ten, { get: look });
      const stats = { samples: 600 * 24000, position: 300 * 24000, receiving: false }, barPeaks = new BarPeaks();
      const pen = document.createElement("canvas").getContext("2d");
      let bars = 0;
      pen.roundRect = () => bars++;
      const wave = { peaks, timeline: { segments: [], underruns: [] }, stats, span_s: 600, barPeaks };
      paintWave(pen, wave, 700, 100, () => "#000");
      const first = looks;
      for (let i = 0; i < 30; i++) paintWave(pen, wave, 700, 100, () => "#000");
      return { first, more: (looks - first) / 30, bars: bars / 31 };
    }""")
    assert got["first"] >= 30_000
    assert got["more"] < 600  # the last bar and the first audio, not everything
    assert got["bars"] <= 700 / 6
