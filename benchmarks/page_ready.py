"""Time until the page can be used: from the request for / to `window.qwen3tts.ready`, on a fresh browser profile.

In: nothing. A fake engine behind the real server; Chromium opens the page `--runs` times with an empty cache and
as often with a full one. Out: one JSON line. Limit: a median under 2 s with an empty cache.
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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import gradio
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from qwen3tts_webui.testing import CHROMIUM_FLAGS, RealTimeSynthesizer, installed_chromium, serve_page

READY_MS = """() => new Promise((resolve) => {
  const look = () => (window.qwen3tts?.ready ? resolve(performance.now()) : setTimeout(look, 5));
  look();
})"""


def ready_ms(context: BrowserContext, url: str) -> tuple[float, int]:
    """Milliseconds from navigation to ready, and the number of requests."""
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(url, wait_until="commit")
    elapsed: float = page.evaluate(READY_MS)
    page.close()
    return elapsed, len(requests)


def visits(browser: Browser, url: str, runs: int) -> tuple[list[float], list[float], int]:
    """Sorted times with an empty cache and with a full one; requests of the first."""
    cold, warm, num_requests = [], [], 0
    for _ in range(runs):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        first, num_requests = ready_ms(context, url)
        cold.append(first)
        warm.append(ready_ms(context, url)[0])
        context.close()
    return sorted(cold), sorted(warm), num_requests


def summary(times: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(times)), "min": round(times[0]), "max": round(times[-1])}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as outputs, sync_playwright() as driver:
        studio = serve_page(RealTimeSynthesizer(rate=2.0), Path(outputs))
        browser = driver.chromium.launch(executable_path=installed_chromium(), args=CHROMIUM_FLAGS)
        visits(browser, studio.url, 1)
        cold, warm, num_requests = visits(browser, studio.url, runs)
        version = browser.version
        browser.close()
        studio.close()
    passed = statistics.median(cold) < 2_000
    report = {
        "benchmark": "page_ready",
        "runs": runs,
        "empty_cache_ms": summary(cold),
        "full_cache_ms": summary(warm),
        "requests": num_requests,
        "limits": {"empty_cache_ms_median": 2_000},
        "passed": passed,
        "device": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), "gradio": gradio.__version__, "chromium": version},
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    print(json.dumps(report))
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
