#!/usr/bin/env python3
"""Update the screenshots in docs/images/: 1440 and 390 pixels wide, light and dark, each under 150 KB.

In: the names of those to update ("1440-dark"; default: all). They show the preview voice, which is what a user without
a GPU gets. Out: WebP files.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image
from playwright.sync_api import sync_playwright

from qwen3tts_webui.preview import PreviewSynthesizer
from qwen3tts_webui.testing import CHROMIUM_FLAGS, installed_chromium, serve_page

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images"
MAX_BYTES = 150_000
TEXT = {
    "en": "Good evening, and welcome back.\nTonight we follow an old river to the sea.\nStay a while.",
    "zh": "晚上好，欢迎回来。\n今晚我们沿着一条老河，一直走到海边。\n多坐一会儿吧，这是个好故事。",
}
SHOTS = [("light", 1440, "en"), ("dark", 1440, "zh"), ("light", 390, "zh"), ("dark", 390, "en")]


def shot(browser: Any, url: str, scheme: str, width: int, language: str) -> bytes:
    """Return a PNG of the page while its last line plays."""
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width > 600 else 844},
        color_scheme=scheme,
        locale="zh-CN" if language == "zh" else "en-US",
        device_scale_factor=1 if width > 600 else 2,
    )
    page = context.new_page()
    page.set_default_timeout(180_000)  # the machine may be busy
    page.goto(url)
    page.wait_for_function("() => window.qwen3tts?.ready")
    page.fill("#text textarea", TEXT[language])
    page.click("#presets .preset >> nth=1")
    for _ in range(3):  # so that there is a line of latencies
        page.click("#generate")
        page.wait_for_function("() => qwen3tts.stats.nonzero_samples > 0 && !qwen3tts.stats.receiving")
        page.keyboard.press("Escape")
        page.wait_for_function("() => ['done', 'stopped'].includes(qwen3tts.stats.state)")
    page.click("#generate")
    page.wait_for_function("() => qwen3tts.stats.position > 0.55 * qwen3tts.stats.samples")
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    page.mouse.move(1, 1)
    png: bytes = page.screenshot()
    context.close()
    return png


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as outputs, sync_playwright() as driver:
        studio = serve_page(PreviewSynthesizer(), Path(outputs))
        browser = driver.chromium.launch(executable_path=installed_chromium(), args=CHROMIUM_FLAGS)
        for scheme, width, language in SHOTS:
            if sys.argv[1:] and f"{width}-{scheme}" not in sys.argv[1:]:
                continue
            picture = Image.open(io.BytesIO(shot(browser, studio.url, scheme, width, language)))
            file = FOLDER / f"studio-{width}-{scheme}.webp"
            picture.save(file, quality=82, method=6)
            print(f"{file.relative_to(ROOT)}: {file.stat().st_size} bytes")
            assert file.stat().st_size < MAX_BYTES
        browser.close()
        studio.close()


if __name__ == "__main__":
    main()
