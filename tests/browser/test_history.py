"""The history: search, star, play, restore and delete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.support.fakes import RealTimeSynthesizer

from .conftest import Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]

HOSTILE = "<script>hacked=1</script> ${window.hacked=2} {{window.hacked=3}} <img src=x onerror=hacked=4> \u202eevil"


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = serve(RealTimeSynthesizer(rate=20.0, num_frames=5), tmp_path_factory.mktemp("own"))
    yield studio
    studio.close()


@pytest.fixture
def own(quick: Studio) -> Studio:
    """A studio with an empty history."""
    httpx.delete(f"{quick.url}api/history").raise_for_status()
    return quick


def speak(visit: Visit, text: str, **more: Any) -> None:
    """Speak through the API, from the page's own origin: faster than by clicks."""
    visit.page.evaluate(
        """async (body) => {
          const headers = { "Content-Type": "application/json" };
          const answer = await fetch("api/tts", { method: "POST", headers, body: JSON.stringify(body) });
          await answer.arrayBuffer();
          await fetch("api/history?request_id=" + answer.headers.get("x-request-id"));
        }""",
        {"text": text, **more},
    )


def texts(visit: Visit) -> list[str]:
    return visit.page.locator(".entry .text").all_inner_texts()


def show(visit: Visit, count: int) -> None:
    visit.page.wait_for_function(f"() => document.querySelectorAll('.entry').length === {count}")


def test_entries_are_found_starred_and_deleted(own: Studio, fresh: Fresh) -> None:
    visit = fresh(own.url)
    for text in ("red apple", "green apple", "green pear"):
        speak(visit, text)
    visit.page.click("#history-open")
    show(visit, 3)
    assert texts(visit) == ["green pear", "green apple", "red apple"]
    visit.page.fill("#history-search", "apple")
    show(visit, 2)
    visit.page.click(".entry:has-text('red apple') .star")
    visit.page.wait_for_selector(".entry:has-text('red apple') .star[aria-pressed=true]")
    visit.page.fill("#history-search", "")
    visit.page.get_by_role("button", name="★ Starred").click()
    show(visit, 1)
    assert texts(visit) == ["red apple"]
    visit.page.get_by_role("button", name="★ Starred").click()
    show(visit, 3)
    visit.page.click(".entry:has-text('green pear') button:text('Delete')")
    show(visit, 2)
    assert "2 entries" in visit.page.inner_text("#history footer")
    visit.page.get_by_role("button", name="Clear all").click()
    visit.page.get_by_role("button", name="Delete these 1?").click()
    show(visit, 1)
    assert texts(visit) == ["red apple"]  # it has a star
    visit.page.get_by_role("button", name="Clear all").click()
    visit.page.get_by_role("button", name="Delete 1 with a star?").click()
    show(visit, 0)
    assert "Nothing here yet." in visit.page.inner_text("#history")


def test_a_late_search_keeps_rows_and_focus(own: Studio, fresh: Fresh) -> None:
    visit = fresh(own.url)
    for text in ("red apple", "green apple", "green pear"):
        speak(visit, text)
    visit.page.click("#history-open")
    show(visit, 3)
    visit.page.evaluate("window.row = [...document.querySelectorAll('.entry')].at(-1)")
    visit.page.focus(".entry:has-text('red apple') button:text('Delete')")
    for search, count in (("apple", 2), ("", 3)):
        visit.page.locator("#history-search").evaluate(
            "(field, search) => { field.value = search; field.dispatchEvent(new Event('input')); }", search
        )
        show(visit, count)
    assert visit.page.evaluate("row.isConnected && row.contains(document.activeElement)") is True


def test_an_entry_restores_text_voice_options_and_audio(own: Studio, fresh: Fresh) -> None:
    visit = fresh(own.url)
    options = {"language": "fr", "seed": 77, "temperature": 0.6, "normalize": "on", "speed": 0.9}
    speak(visit, "Words to keep.\nTwo lines.", voice_desc="a calm old man", **options)
    visit.type("Something else")
    visit.page.click("#history-open")
    visit.page.click(".entry button:text('Bring back')")
    visit.page.wait_for_function("() => document.querySelector('#text textarea').value.startsWith('Words to keep')")
    assert visit.page.input_value("#text textarea") == "Words to keep.\nTwo lines."
    assert visit.page.input_value("#description textarea") == "a calm old man"
    assert visit.page.input_value("#language input") == "Français"
    assert "77" in visit.page.inner_text("#seed")
    visit.until("stats.samples > 0 && !stats.receiving")
    assert visit.page.locator(".strip .state").all_inner_texts() == ["0.4 s", "0.4 s"]
    visit.generate()
    visit.until("stats.state === 'done' && !stats.recalled")
    asked = own.synthesizer.utterances[-1]
    assert (asked.language, asked.voice.description, asked.seed) == ("fr", "a calm old man", 77)
    assert asked.sampling.temperature == 0.6
    stored = visit.page.evaluate("() => JSON.parse(localStorage.getItem('qwen3tts.settings'))")
    assert (stored["normalize"], stored["speed"]) == ("on", 0.9)


def test_the_engine_of_an_entry_is_named_in_the_page_language(own: Studio, fresh: Fresh) -> None:
    visit = fresh(own.url, locale="zh-CN")
    speak(visit, "red apple")
    visit.page.click("#history-open")
    show(visit, 1)
    assert visit.page.inner_text(".entry .facts").endswith("试听语音（不是 Qwen3-TTS）")


def test_an_entry_is_played(own: Studio, fresh: Fresh) -> None:
    visit = fresh(own.url)
    speak(visit, "Hear me again.")
    visit.page.click("#history-open")
    visit.page.click(".entry button:text('Play')")
    stats = visit.until("stats.state === 'done' && stats.recalled")
    assert stats["samples_played"] == 5 * 1920


def test_a_long_history_is_loaded_page_by_page(own: Studio, fresh: Fresh) -> None:
    visit = fresh(own.url)
    for number in range(85):
        speak(visit, f"number {number}")
    visit.page.click("#history-open")
    show(visit, 40)
    for count in (80, 85):  # rows out of sight take their true height late: the end moves on, and one scrolls on
        visit.page.wait_for_function(
            """(count) => {
              document.querySelector('#history-list').scrollTop = 1e6;
              return document.querySelectorAll('.entry').length >= count;
            }""",
            arg=count,
        )
    show(visit, 85)
    assert texts(visit)[-1] == "number 0"


@pytest.mark.parametrize("text", [HOSTILE, "a " + "😀" * 19_000], ids=["code", "emoji"])
def test_hostile_text_is_only_text_in_the_history(own: Studio, fresh: Fresh, text: str) -> None:
    visit = fresh(own.url)
    speak(visit, text, voice_desc=HOSTILE)
    visit.page.click("#history-open")
    show(visit, 1)
    assert text.startswith(visit.page.locator(".entry .text").text_content())
    assert visit.page.evaluate("window.hacked") is None
    visit.page.click(".entry button:text('Bring back')")
    visit.page.wait_for_function("(text) => document.querySelector('#text textarea').value === text", arg=text)
    assert visit.page.evaluate("window.hacked") is None
    assert visit.complaints == []


def test_clear_deletes_what_is_shown_and_is_undone(own: Studio, fresh: Fresh) -> None:
    visit = fresh(own.url)
    for text in ("red apple", "green apple", "green pear"):
        speak(visit, text)
    visit.page.click("#history-open")
    show(visit, 3)
    visit.page.fill("#history-search", "apple")
    show(visit, 2)
    visit.page.get_by_role("button", name="Delete these").click()
    visit.page.get_by_role("button", name="Delete these 2?").click()
    show(visit, 0)
    visit.page.fill("#history-search", "")
    show(visit, 1)
    assert texts(visit) == ["green pear"]
    visit.page.click(".undo-toast button")
    show(visit, 3)
    visit.page.click(".entry:has-text('green pear') button:text('Delete')")
    show(visit, 2)
    visit.page.click(".undo-toast button")
    show(visit, 3)
    focused = "() => document.activeElement.closest('.entry')?.querySelector('.text').textContent"
    visit.page.focus(".entry:has-text('green apple') button:text('Delete')")
    visit.page.keyboard.press("Enter")
    show(visit, 2)
    assert visit.page.evaluate(focused) == "red apple"
    visit.page.keyboard.press("Escape")  # undo remains after the drawer closes
    visit.page.click(".undo-toast button")
    visit.page.click("#history-open")
    show(visit, 3)
    visit.page.click(".entry:has-text('green pear') button:text('Delete')")
    show(visit, 2)
    visit.reload()
    visit.page.click(".undo-toast button")  # a reload loses nothing
    visit.page.wait_for_function("() => !document.querySelector('.undo-toast')")
    visit.page.click("#history-open")
    show(visit, 3)
    visit.reload()
    assert visit.page.locator(".undo-toast").count() == 0
    assert visit.complaints == []
