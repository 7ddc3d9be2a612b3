"""The real page on a real server with a fake engine of a steady rate, in a real Chromium.

Autoplay is as strict as in a user's browser. Playwright's own look-ups count as a gesture, so before the first click
`fresh` waits for a console message and asks the page nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qwen3tts_webui.testing import CHROMIUM_FLAGS, RealTimeSynthesizer, Studio, installed_chromium
from qwen3tts_webui.testing import serve_page as serve

playwright = pytest.importorskip("playwright.sync_api")

SHORT_FRAMES = 15  # 1.2 seconds of audio
PATIENCE_MS = 60_000  # only reached on an overloaded machine
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "locale": "en-US"}
USER_DATA = "local_storage,indexeddb,cache_storage,service_workers"


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Twice real time, 1.2 seconds per line."""
    studio = serve(RealTimeSynthesizer(rate=2.0, num_frames=SHORT_FRAMES), tmp_path_factory.mktemp("outputs"))
    yield studio
    studio.close()


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Chromium keeps compiled scripts: compiling them takes half of the time of opening the page."""
    return tmp_path_factory.mktemp("profile")


@contextmanager
def running_chromium(profile: Path, *flags: str) -> Iterator[Any]:
    """A browser: its first context uses `profile`, the others start empty."""
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            profile, executable_path=installed_chromium(), args=[*CHROMIUM_FLAGS, *flags], **DESKTOP
        )
        yield context.browser
        context.close()


@pytest.fixture(scope="module")
def chromium(profile: Path) -> Iterator[Any]:
    """A browser per test file: while Playwright runs, no other event loop can run in this thread."""
    with running_chromium(profile) as browser:
        yield browser


@dataclass(eq=False)
class Visit:
    """One page of one user, with its requests and its console errors."""

    page: Any
    requests: list[str]
    complaints: list[str]

    def stats(self) -> dict[str, Any]:
        return self.page.evaluate("({...window.qwen3tts.stats})")

    def until(self, condition: str, timeout_s: float = PATIENCE_MS / 1000) -> dict[str, Any]:
        """Wait until `condition`, JavaScript about `stats`, holds."""
        self.page.wait_for_function(
            f"() => {{ const stats = window.qwen3tts.stats; return {condition}; }}", timeout=1000 * timeout_s
        )
        return self.stats()

    def painted(self) -> None:
        """Wait until pending drawing is done: the frame after the next one."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def reload(self) -> None:
        """Reload the page; returns once it is ready."""
        with self.page.expect_console_message(lambda message: message.text == "studio ready", timeout=PATIENCE_MS):
            self.page.reload()

    def type(self, text: str) -> None:
        self.page.fill("#text textarea", text)

    def generate(self) -> None:
        self.page.click("#generate")

    def generate_smoothly(self) -> dict[str, Any]:
        """Generate to the end, up to three times: a machine busy with other tests may starve the playback of one."""
        for _ in range(3):
            run = self.page.evaluate("qwen3tts.stats.run")
            self.generate()
            stats = self.until(f"stats.run > {run} && stats.state === 'done'")
            if stats["underruns"] == 0:
                break
        return stats


def open_page(context: Any, url: str) -> Visit:
    """Open the page and return once it is ready; what another user of the same context stored is deleted before."""
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": url.partition("?")[0], "storageTypes": USER_DATA})
    session.detach()
    visit = Visit(page, [], [])
    page.on("request", lambda request: visit.requests.append(request.url))
    page.on("console", lambda message: message.type == "error" and visit.complaints.append(message.text))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    with page.expect_console_message(lambda message: message.text == "studio ready", timeout=PATIENCE_MS):
        page.goto(url)
    return visit


@pytest.fixture
def fresh(chromium: Any) -> Iterator[Callable[..., Visit]]:
    """`fresh(url, **context)`: a new user (nothing stored) opens the page.

    The first user of a test at an ordinary desktop has the browser's profile, with compiled scripts.
    """
    profile, *_ = chromium.contexts
    first_tab, contexts = profile.pages[0], []

    def visit(url: str, **options: Any) -> Visit:
        is_ordinary = not options and profile.pages == [first_tab]
        if not is_ordinary:
            contexts.append(chromium.new_context(**DESKTOP | options))
        return open_page(profile if is_ordinary else contexts[-1], url)

    yield visit
    for context in contexts:
        context.close()
    for page in profile.pages[1:]:
        page.close()
    profile.set_offline(False)
    profile.unroute_all()
    profile.clear_permissions()
    profile.clear_cookies()


@pytest.fixture(scope="module")
def fresh_once(chromium: Any) -> Iterator[Callable[..., Visit]]:
    """One user for tests of a file that do not change the page; a page takes two seconds to open."""
    contexts = []

    def visit(url: str, **options: Any) -> Visit:
        contexts.append(chromium.new_context(**DESKTOP | options))
        return open_page(contexts[-1], url)

    yield visit
    for context in contexts:
        context.close()
