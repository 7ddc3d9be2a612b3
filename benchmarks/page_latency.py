"""Latency of the page itself: from a click to the first sample played, minus the server's share.

In: nothing. A fake engine runs at twice real time behind the real server; headless Chromium clicks `--runs` times,
each on a fresh page with autoplay enforced. "played" is the first sample inside the AudioWorklet that is not silence,
so the audio device is not included; the server's share ends when it hands the first audio to the socket.
Out: one JSON line. Limits: median under 60 ms, no underrun.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import gradio
from playwright.sync_api import Browser, sync_playwright

from qwen3tts_webui.testing import CHROMIUM_FLAGS, RealTimeSynthesizer, Studio, installed_chromium, serve_page


def one_run(browser: Browser, studio: Studio) -> dict[str, float]:
    """Load the page, click once, play to the end. All but `underruns` in ms."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    try:
        page.goto(studio.url)
        page.wait_for_function("() => window.qwen3tts?.ready")
        page.fill("#text textarea", "One line.")
        page.wait_for_timeout(500)  # as a user would take to move the mouse; the page becomes idle
        page.click("#generate")
        page.wait_for_function("() => qwen3tts.stats.state === 'done' && qwen3tts.stats.server")
        stats: dict[str, Any] = page.evaluate("qwen3tts.stats")
    finally:
        page.close()
    return {
        "heard": stats["first_sample_ms"],
        "server": stats["server"]["server_first_pcm_ms"],
        "page": stats["first_sample_ms"] - stats["server"]["server_first_pcm_ms"],
        "underruns": stats["underruns"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as outputs, sync_playwright() as driver:
        studio = serve_page(RealTimeSynthesizer(rate=2.0, num_frames=25), Path(outputs))
        browser = driver.chromium.launch(executable_path=installed_chromium(), args=CHROMIUM_FLAGS)
        one_run(browser, studio)
        results = [one_run(browser, studio) for _ in range(runs)]
        version = browser.version
        browser.close()
        studio.close()
    page = sorted(result["page"] for result in results)
    underruns = sum(result["underruns"] for result in results)
    median = statistics.median(page)
    report = {
        "benchmark": "page_latency",
        "runs": runs,
        "page_ms": {"median": median, "p95": page[int(0.95 * (len(page) - 1))], "max": page[-1]},
        "heard_ms_median": statistics.median(result["heard"] for result in results),
        "server_first_pcm_ms_median": statistics.median(result["server"] for result in results),
        "underruns": underruns,
        "limits": {"page_ms_median": 60, "underruns": 0},
        "passed": median < 60 and underruns == 0,
        "device": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), "gradio": gradio.__version__, "chromium": version},
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    print(json.dumps(report))
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
