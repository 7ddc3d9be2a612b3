"""The main task: open the page, click once, hear speech while the waveform is drawn."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .conftest import SHORT_FRAMES, Studio, Visit

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]

GREEN_PIXELS = """() => {
  const canvas = document.getElementById("wave");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let green = 0, pale = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 200) continue;
    if (data[i] === 22 && data[i + 1] === 163 && data[i + 2] === 74) green++;
    if (data[i] === 191 && data[i + 1] === 230 && data[i + 2] === 204) pale++;
  }
  return { green, pale };
}"""


def test_the_first_click_on_a_fresh_page_plays_audio(studio: Studio, fresh: Fresh) -> None:
    place = fresh(studio.url).page.locator("#generate").bounding_box()  # on another page: a look-up counts as a gesture
    visit = fresh(studio.url)
    visit.page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    stats = visit.until("stats.nonzero_samples > 2400")
    assert stats["state"] == "speaking"


def test_all_received_audio_is_played(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("one line")
    visit.generate()
    stats = visit.until("stats.state === 'done'")
    assert stats["samples"] == stats["samples_played"] == stats["position"] == SHORT_FRAMES * 1920


def test_a_source_faster_than_playback_has_no_underruns(studio: Studio, fresh: Fresh) -> None:
    """One of three runs is enough: other programs may slow the machine down; a bug shows in every run."""
    visit = fresh(studio.url)
    visit.type("one line")
    assert visit.generate_smoothly()["underruns"] == 0


def test_the_played_part_fills_green_as_it_is_played(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url, color_scheme="light")
    visit.type("one line")
    visit.generate()
    visit.until("stats.position > 4000")
    early = visit.page.evaluate(GREEN_PIXELS)
    visit.until("stats.state === 'done'")
    visit.painted()
    late = visit.page.evaluate(GREEN_PIXELS)
    assert 0 < early["green"] < late["green"]
    assert early["pale"] > 0
    assert late["pale"] == 0


def test_the_header_has_dashes_before_and_figures_after(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    figures = [visit.page.locator(f"#metric-{name} dd") for name in ("latency", "total")]
    assert [figure.inner_text() for figure in figures] == ["–", "–"]
    visit.type("one line")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert re.fullmatch(r"[\d.]+ ?m?s", figures[0].inner_text().replace("\n", ""))
    assert re.fullmatch(r"[\d.]+ ?s", figures[1].inner_text().replace("\n", ""))


def test_a_machine_without_nvml_shows_n_a_and_not_zero(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    known = visit.page.evaluate("async () => (await (await fetch('api/gpu')).json()).util_percent")
    shown = visit.page.locator("#metric-gpu dd")
    visit.page.wait_for_function("() => document.querySelector('#metric-gpu dd').textContent !== '–'")
    assert (shown.inner_text() == "n/a") == (known is None)


def test_the_finished_audio_can_be_downloaded(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("one line")
    visit.generate()
    visit.until("stats.state === 'done'")
    with visit.page.expect_download() as download:
        visit.page.click("#download")
    content = download.value.path().read_bytes()
    assert content[:4] == b"RIFF"
    assert len(content) == 44 + 2 * SHORT_FRAMES * 1920


def test_the_page_names_the_engine_and_how_to_get_the_real_model(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    label = visit.page.locator("#engine-label")
    visit.page.wait_for_function("() => document.querySelector('#engine').dataset.kind === 'preview'")
    assert label.inner_text() == "Try-out voice (not Qwen3-TTS)"
    visit.page.click("#engine-open")
    assert "Qwen3-TTS-12Hz-1.7B-VoiceDesign" in visit.page.locator("#engine-help").inner_text()


def test_no_other_host_is_requested_and_the_console_has_no_errors(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.generate()
    visit.until("stats.state === 'done'")
    assert [url for url in visit.requests if not url.startswith((studio.url, "data:", "blob:"))] == []
    assert visit.complaints == []


def test_it_can_be_replayed_paused_and_resumed(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("one line\nanother\na third\na fourth")
    visit.generate()
    visit.until("stats.state === 'done'")
    visit.page.click("#play")
    visit.until("stats.state === 'speaking'")
    visit.page.click("#play")
    paused = visit.until("stats.state === 'paused'")
    visit.page.wait_for_timeout(200)
    assert visit.stats()["position"] - paused["position"] < 2400  # no more than the fade and what was on its way
    visit.page.click("#play")
    assert visit.until("stats.state === 'done'")["position"] == 4 * SHORT_FRAMES * 1920
