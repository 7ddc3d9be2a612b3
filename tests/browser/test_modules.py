"""The audio modules alone, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Studio

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(studio: Studio, chromium: Any) -> Iterator[Any]:
    """One page for all tests."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(studio.url)
    yield page
    context.close()


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 768, 4096])
def test_samples_do_not_depend_on_chunk_boundaries(page: Any, cut: int) -> None:
    got = page.evaluate(
        """async (cut) => {
          const { PcmDecoder } = await import("/studio/audio/pcm.js");
          const pcm = Int16Array.from({ length: 1001 }, (_, i) => (i * 977) % 65536 - 32768);
          const bytes = new Uint8Array(pcm.buffer), samples = new PcmDecoder(), out = [];
          for (let i = 0; i < bytes.length; i += cut) out.push(...samples.push(bytes.slice(i, i + cut)));
          return out.length === 1001 && out.every((sample, i) => sample * 32768 === pcm[i]);
        }""",
        cut,
    )
    assert got is True


@pytest.mark.parametrize("cut", [100, 480, 777, 100_000])
def test_peaks_are_the_maximum_of_each_20_ms(page: Any, cut: int) -> None:
    peaks = page.evaluate(
        """async (cut) => {
          const { PeakMeter } = await import("/studio/audio/pcm.js");
          const pcm = new Float32Array(1000), peaks = new PeakMeter(480), out = [];
          pcm[3] = -0.5; pcm[479] = 0.25; pcm[480] = 0.75; pcm[970] = -1;
          for (let i = 0; i < pcm.length; i += cut) out.push(...peaks.push(pcm.slice(i, i + cut)));
          return [...out, ...peaks.flush()];
        }""",
        cut,
    )
    assert peaks == [0.5, 0.75, 1.0]


@pytest.mark.parametrize("rate", [44_100, 48_000, 16_000])
def test_resampling_keeps_the_wave_and_does_not_depend_on_chunk_boundaries(page: Any, rate: int) -> None:
    error, cuts, ratio = page.evaluate(
        """async (rate) => {
          const { Resampler } = await import("/studio/audio/resampler.js");
          const tone = (at) => 0.5 * Math.sin(2 * Math.PI * 1000 * at);
          const pcm = Float32Array.from({ length: 24000 }, (_, i) => tone(i / 24000));
          const run = (cut) => {
            const resampler = new Resampler(24000, rate), out = [];
            for (let i = 0; i < pcm.length; i += cut) out.push(...resampler.push(pcm.slice(i, i + cut)));
            return out.concat(...resampler.flush());
          };
          const whole = run(24000), parts = run(321);
          let error = 0, cuts = 0;
          for (let i = 100; i < whole.length - 100; i++) error = Math.max(error, Math.abs(whole[i] - tone(i / rate)));
          for (let i = 0; i < whole.length; i++) cuts = Math.max(cuts, Math.abs(whole[i] - parts[i]));
          return [error, cuts, whole.length / pcm.length];
        }""",
        rate,
    )
    assert error < 2e-3
    assert cuts < 1e-6
    assert ratio == pytest.approx(rate / 24_000, rel=1e-3)


def test_how_much_is_collected_follows_from_the_speed_and_the_length(page: Any) -> None:
    got = page.evaluate("""async () => {
      const { SmoothStart } = await import("/studio/audio/smooth_start.js");
      localStorage.clear();
      const engine = (speed, device = "cpu") => [{ name: "e", model: "m", device, dtype: "int8", speed }];
      const smooth = new SmoothStart();
      const run = (speed, { known = null, device, rate = 1, expected = 2 } = {}) => {
        smooth.setEngines(engine(known, device));
        smooth.begin(rate);
        const before = smooth.secondsToCollect(0, 0, expected);
        smooth.measure(0.08, 1000);
        smooth.measure(0.08 + 1.6 * speed, 2600);
        return [before, smooth.secondsToCollect(0, 0.08, expected)];
      };
      const results = {
        line: run(0.8, { known: 0.8 }),
        fast: run(3, { known: 3 }),
        barely: run(1.1, { known: 1.1 }),
        unknown: run(3),
        gpu: run(3, { device: "cuda:0" }),
        slowGpu: run(0.5, { device: "cuda:0" }),
        stretched: run(1.2, { known: 2.2, rate: 2 }),
        burst: run(20, { known: 0.5 }),
        withoutLength: run(0.8, { expected: 0 }),
      };
      smooth.setEngines(engine(3));
      smooth.end(2, 2, { server: { queued_ms: 100, total_ms: 4100, includes_warmup: false }, underruns: 0 });
      const next = new SmoothStart();
      next.setEngines(engine(3));
      return { ...results, remembered: next.startsAtOnce };
    }""")
    nothing, until_known = 0, float("inf")
    assert got["line"][0] == until_known and 0.4 <= got["line"][1] < 0.7
    assert got["fast"] == got["gpu"] == [nothing, nothing]
    assert got["slowGpu"][0] == nothing and got["slowGpu"][1] > 0.8
    assert got["barely"] == got["unknown"] == got["stretched"] == [until_known, nothing]
    assert got["burst"][1] > 0.8
    assert got["withoutLength"] == [until_known, until_known]
    assert got["remembered"] is False
