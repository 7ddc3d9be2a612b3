"""The page under its own content security policy, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.browser.conftest import Studio, Visit

pytestmark = pytest.mark.browser


def test_the_page_speaks_without_breaking_its_policy(studio: Studio, fresh: Callable[..., Visit]) -> None:
    visit = fresh(studio.url)
    visit.type("Hello there.")
    visit.generate()
    visit.until("stats.samples_played > 0")
    forbidden = [words for words in visit.complaints if "Content Security Policy" in words or "violates" in words]
    assert forbidden == []


def test_the_page_asks_only_for_what_its_html_names(studio: Studio, fresh: Callable[..., Visit]) -> None:
    """If this fails after an update of Gradio, write the names of its new files to assets/gradio_files.txt."""
    visit = fresh(studio.url)
    by_html = set(re.findall(r'(?:href|src)="\.?/?(assets/[^"]+)"', visit.page.request.get(studio.url).text()))
    asked = [url.removeprefix(studio.url) for url in visit.requests]
    assert {url for url in asked if url.startswith("assets/")} == {
        url for url in by_html if url.endswith(".js") or "assets/index-" in url
    }
    ours = [url.partition("/")[2] for url in asked if url.startswith("studio-")]
    assert [name for name in ours if not name.startswith("audio/")] == ["styles.css", "page.js"]


def test_the_policy_blocks_other_hosts(studio: Studio, fresh: Callable[..., Visit]) -> None:
    visit = fresh(studio.url)
    refused = visit.page.evaluate("fetch('https://example.org/').then(() => '', error => error.name)")
    assert refused == "TypeError"
    assert any("Content Security Policy" in words for words in visit.complaints)


def test_an_injected_script_does_not_run(studio: Studio, fresh: Callable[..., Visit]) -> None:
    visit = fresh(studio.url)
    visit.page.evaluate(
        """() => {
            document.body.insertAdjacentHTML("beforeend", "<img src='data:,x' onerror='window.hacked = 1'>");
            const script = document.createElement("script");
            script.textContent = "window.hacked = 2";
            document.body.append(script);
        }"""
    )
    visit.page.wait_for_timeout(300)
    assert visit.page.evaluate("window.hacked") is None
    assert any("Content Security Policy" in words for words in visit.complaints)


def test_the_docs_page_follows_the_policy(studio: Studio, fresh: Callable[..., Visit]) -> None:
    visit = fresh(studio.url)
    visit.page.goto(studio.url + "docs")
    assert "/api/tts" in visit.page.content()
    assert [words for words in visit.complaints if "Content Security Policy" in words] == []
