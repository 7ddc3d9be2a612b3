"""Saved voices: a take becomes a card that can speak any new text, and the page shows whether the voice is the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fakes import RealTimeSynthesizer

from .conftest import Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]

HOSTILE = "<img src=x onerror=hacked=1> ${window.hacked=2} \u202eevil"


@pytest.fixture(scope="module")
def continuing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """An engine that can continue in a voice, as Qwen3-TTS does."""
    synthesizer = RealTimeSynthesizer(rate=4.0, num_frames=5)
    synthesizer.info = replace(synthesizer.info, features=synthesizer.info.features | {"continuation"}, preview=False)
    studio = serve(synthesizer, tmp_path_factory.mktemp("continuing"))
    yield studio
    studio.close()


def speak(visit: Visit, text: str) -> None:
    visit.type(text)
    visit.generate()
    visit.until("stats.state === 'done' && !stats.receiving")


def keep(visit: Visit, name: str) -> None:
    visit.page.click("#keep")
    visit.page.fill("#keep-sheet input", name)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function("() => !document.querySelector('#keep-sheet').matches(':popover-open')")
    visit.page.wait_for_selector(".saved")


def card(name: str) -> str:
    return f".saved:has(b:text('{name}'))"


def test_a_saved_voice_speaks_new_text_in_the_same_voice(continuing: Studio, fresh: Fresh) -> None:
    visit = fresh(continuing.url)
    visit.page.fill("#description textarea", "a calm old man")
    speak(visit, "First words.")
    visit.page.click("#keep")
    assert visit.page.locator("#keep-sheet input:disabled").count() == 2  # cloning needs another model
    assert "Cloning needs a Base model" in visit.page.inner_text("#keep-sheet")
    visit.page.keyboard.press("Escape")
    keep(visit, "Grandpa")
    assert visit.page.inner_text(f"{card('Grandpa')} em") == "The same voice in every line"
    visit.page.wait_for_selector(f"{card('Grandpa')}[data-chosen=true]")  # it is selected at once
    speak(visit, "Quite other words.")
    passage = continuing.synthesizer.utterances[-1].voice.acoustic_prompt
    assert passage is not None
    assert passage.text == "First words."
    assert visit.page.inner_text("#voice-continuity") == "The same voice in every line"


def test_editing_the_description_deselects_the_saved_voice(continuing: Studio, fresh: Fresh) -> None:
    visit = fresh(continuing.url)
    visit.page.fill("#description textarea", "a calm old man")
    speak(visit, "First words.")
    keep(visit, "Left")
    visit.page.wait_for_selector(f"{card('Left')}[data-chosen=true]")  # it is selected at once
    visit.page.fill("#description textarea", "a young woman")
    visit.page.wait_for_selector(f"{card('Left')}[data-chosen=false]")
    speak(visit, "Other words.")
    asked = continuing.synthesizer.utterances[-1].voice
    assert (asked.acoustic_prompt, asked.description) == (None, "a young woman")


def test_the_page_shows_whether_lines_share_one_voice(studio: Studio, continuing: Studio, fresh: Fresh) -> None:
    visit = fresh(continuing.url)
    speak(visit, "One.\nTwo.")
    assert visit.page.inner_text("#voice-continuity") == "The same voice in every line"
    other = fresh(studio.url)
    speak(other, "One.\nTwo.")
    assert other.page.inner_text("#voice-continuity") == "The voice may vary a little"


@pytest.mark.parametrize(("line", "neighbor"), [(1, "Two."), (2, "One."), (3, "Two.")])
def test_a_retake_continues_from_the_previous_line_and_saves_no_voice(
    continuing: Studio, fresh: Fresh, line: int, neighbor: str
) -> None:
    visit = fresh(continuing.url)
    made: list[str] = []
    visit.page.on("request", lambda request: made.append(f"{request.method} {request.url}"))
    speak(visit, "One.\nTwo.\nThree.")
    visit.page.click(f".strip[aria-label='Line {line}'] .retake")
    visit.until("stats.recalled && !stats.receiving")
    first, asked = continuing.synthesizer.utterances[-4], continuing.synthesizer.utterances[-1]
    assert asked.voice.acoustic_prompt is not None
    assert asked.voice.acoustic_prompt.text == neighbor
    assert asked.seed != first.seed  # with the same one it would be the same reading
    assert visit.page.inner_text("#voice-continuity") == "The same voice in every line"
    assert [call for call in made if "api/voices" in call and not call.startswith("GET")] == []


def test_a_retake_continues_from_a_neighbor_that_was_retaken(continuing: Studio, fresh: Fresh) -> None:
    visit = fresh(continuing.url)
    speak(visit, "One.\nTwo.")
    visit.page.fill("#text textarea", "Other words.\nTwo.")
    for line in (1, 2):
        visit.page.click(f".strip[aria-label='Line {line}'] .retake")
        visit.page.wait_for_function(
            "(line) => document.querySelector('#status').textContent.startsWith(`Line ${line} has`)", arg=line
        )
    passage = continuing.synthesizer.utterances[-1].voice.acoustic_prompt
    assert passage is not None
    assert passage.text == "Other words."


def test_a_retake_is_another_reading_even_with_a_locked_seed(continuing: Studio, fresh: Fresh) -> None:
    visit = fresh(continuing.url)
    visit.type("One.\nTwo.")
    visit.page.click("#compare-takes")
    visit.page.click(".take[data-state=done] .keep >> nth=0")
    kept = int(visit.until("stats.samples > 0 && !stats.receiving")["seed"])
    visit.page.click(".strip[aria-label='Line 2'] .retake")
    visit.page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('Line 2 has')")
    asked = continuing.synthesizer.utterances[-1]
    assert (asked.text, asked.voice.acoustic_prompt.text if asked.voice.acoustic_prompt else None) == ("Two.", "One.")
    assert asked.seed != kept


def test_a_retake_of_an_expired_request_is_shown_as_same_seed(continuing: Studio, fresh: Fresh) -> None:
    visit = fresh(continuing.url)
    speak(visit, "One.\nTwo.")
    unknown = {"error": {"code": "not_found", "message": "There is no such request."}}
    visit.page.route("**/api/requests/*", lambda route: route.fulfill(status=404, json=unknown))
    visit.page.click(".strip[aria-label='Line 2'] .retake")
    visit.until("stats.recalled && !stats.receiving")
    assert continuing.synthesizer.utterances[-1].voice.acoustic_prompt is None
    assert visit.page.inner_text("#voice-continuity") == "The voice may vary a little"


def test_rename_star_export_delete_and_import(continuing: Studio, fresh: Fresh, tmp_path: Path) -> None:
    visit = fresh(continuing.url)
    speak(visit, "First words.")
    keep(visit, "Before")
    visit.page.click(f"{card('Before')} .tool")
    visit.page.fill("#voice-sheet input", "After")
    visit.page.keyboard.press("Enter")
    visit.page.click(f"{card('After')} .tool")
    visit.page.get_by_role("button", name="Star", exact=True).click()
    visit.page.wait_for_selector(card("★ After"))
    visit.page.click(f"{card('After')} .tool")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("link", name="Export").click()
    file = tmp_path / "After.voice"
    download.value.save_as(file)
    assert json.loads(file.read_text())["acoustic_prompt"]["text"] == "First words."
    visit.page.click("#keep")
    for name, problem in ((" ", "Type a name."), ("After", "Another voice has this name.")):
        visit.page.fill("#keep-sheet input[type=text]", name)
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_selector(f"#keep-sheet .problem:text('{problem}')")
    visit.page.keyboard.press("Escape")
    keep(visit, "Second")
    count = visit.page.inner_text("#tab-mine")
    for name in ("After", "Second"):
        visit.page.click(f"{card(name)} .tool:not(.sample)")
        visit.page.locator("#voice-sheet button:text('Delete')").click()
        visit.page.wait_for_selector(card(name), state="detached")
    for undo in visit.page.locator(".undo-toast button").all()[::-1]:
        undo.click()
    assert visit.page.inner_text("#tab-mine") == count
    assert "Second" in visit.page.inner_text("#status")
    visit.page.click("#page-language")  # a message in the other language is gone
    visit.page.wait_for_function("() => !document.querySelector('#status').textContent.includes('Second')")
    visit.page.click("#page-language")
    visit.page.click(f"{card('After')} .tool:not(.sample)")
    delete = visit.page.locator("#voice-sheet button:text('Delete')")
    delete.click()
    visit.page.wait_for_selector(card("After"), state="detached")
    visit.page.set_input_files("#presets input[type=file]", file)
    visit.page.wait_for_selector(card("After"))


def test_an_invalid_voice_file_is_rejected_with_a_message(continuing: Studio, fresh: Fresh, tmp_path: Path) -> None:
    visit = fresh(continuing.url)
    visit.page.click("#tab-mine")
    bad = tmp_path / "bad.voice"
    bad.write_text('{"format": "something else"}')
    visit.page.set_input_files("#presets input[type=file]", bad)
    visit.page.wait_for_function("() => document.querySelector('#status').textContent.includes('not a voice file')")


def test_a_hostile_name_is_only_text(continuing: Studio, fresh: Fresh) -> None:
    visit = fresh(continuing.url)
    speak(visit, "First words.")
    keep(visit, HOSTILE)
    names = visit.page.locator(".saved b").all_inner_texts()
    assert any("<img src=x onerror=hacked=1> ${window.hacked=2}" in name for name in names)
    assert visit.page.evaluate("window.hacked") is None
