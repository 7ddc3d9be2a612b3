"""A voice from a recording on the page: a file or a (fake) microphone, hints, consent, and what is needed otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.testing import Studio
from qwen3tts_webui.testing import serve_page as serve
from tests.browser.axe import serious
from tests.support.cloning import CloningFake, FakeRecognizer, HearingFake
from tests.support.sounds import syllables

from .conftest import Visit, running_chromium

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]

NO_MICROPHONE = """(name) => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", name); };
}"""


@pytest.fixture(scope="module")
def chromium(profile: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser with a microphone that hears speech."""
    speech = tmp_path_factory.mktemp("microphone") / "speech.wav"
    speech.write_bytes(encode_all(syllables(6.0), "wav"))
    microphone = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    with running_chromium(profile, *microphone, f"--use-file-for-fake-audio-capture={speech}") as browser:
        yield browser


@pytest.fixture(scope="module")
def cloning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    engine = CloningFake()
    engine.info = replace(engine.info, preview=False)
    studio = serve(engine, tmp_path_factory.mktemp("cloning"))
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def hearing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = serve(HearingFake(), tmp_path_factory.mktemp("hearing"))
    yield studio
    studio.close()


def test_a_line_in_another_voice_is_marked_and_generated_again(hearing: Studio, fresh: Fresh) -> None:
    visit = fresh(hearing.url)
    visit.type("One.\nOff.\nTwo.")
    visit.generate()
    visit.page.wait_for_selector(".strip[data-drifted=true]")
    assert visit.page.locator(".strip[data-drifted=true]").count() == 1
    visit.until("stats.state === 'done'")  # until then the line may be playing
    assert visit.page.locator(".strip[data-drifted=true] .state").inner_text() == "another voice?"
    again = visit.page.get_by_role("button", name="Line 2 sounds unlike the voice (0 % similar)")
    with visit.page.expect_response(lambda answer: "/lines/1" in answer.url):
        again.click()
    visit.page.wait_for_function("() => !document.querySelector('.strip[data-drifted=true]')")
    assert [said.text for said in hearing.synthesizer.utterances] == ["One.", "Off.", "Two.", "Off."]


def status(visit: Visit, text: str) -> None:
    visit.page.wait_for_function(
        "(text) => document.querySelector('#recording-status').textContent.includes(text)", arg=text
    )


def open_tab(visit: Visit) -> None:
    visit.page.click("#tab-recording")
    visit.page.wait_for_selector("#recording-record")


def test_ten_seconds_of_the_microphone_become_a_voice_by_keyboard(cloning: Studio, fresh: Fresh) -> None:
    visit = fresh(cloning.url)
    page, press = visit.page, visit.page.keyboard.press
    open_tab(visit)
    page.focus("#recording-record")
    press("Enter")
    page.wait_for_function("() => /^■ Stop · [1-8] s$/.test(document.querySelector('#recording-record').textContent)")
    assert page.is_visible("#recording .meter") and page.is_disabled("#recording-save")
    press("Enter")
    status(visit, " s.")
    assert page.inner_text("#recording-record") == "● Record again"
    assert page.is_visible("#recording-play")
    page.focus("#recording-text")
    page.keyboard.type("What I said.")
    press("Tab")
    page.keyboard.type("Me")
    press("Enter")  # without consent the browser asks for it
    assert page.evaluate("document.activeElement.id") == "recording-consent"
    press("Space")
    press("Enter")
    page.wait_for_selector(".saved[data-chosen=true]")
    assert page.inner_text(".saved[data-chosen=true] b") == "Me"
    assert page.inner_text(".saved[data-chosen=true] em") == "The same voice in every line"
    visit.type("Hello.")
    visit.generate()
    visit.until("stats.state === 'done'")
    reference = cloning.synthesizer.utterances[-1].voice.reference
    assert reference is not None
    assert (reference.mode, reference.text) == ("icl", "What I said.")
    assert visit.complaints == []


def test_a_file_is_played_back_judged_and_can_be_replaced(cloning: Studio, fresh: Fresh, tmp_path: Path) -> None:
    short, text = tmp_path / "short.flac", tmp_path / "notes.mp3"
    short.write_bytes(encode_all(syllables(2.0), "flac"))
    text.write_text("not audio")
    visit = fresh(cloning.url, viewport={"width": 390, "height": 800})
    open_tab(visit)
    visit.page.set_input_files("#recording input[type=file]", short)
    status(visit, "2 s. Shorter than 3 seconds")
    status(visit, "No speech recognition is installed on the server: type what is said.")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 390
    assert serious(visit) == []
    visit.page.set_input_files("#recording input[type=file]", text)
    status(visit, "This file cannot be used")
    assert visit.page.is_disabled("#recording-save")


@pytest.fixture
def recognizer() -> FakeRecognizer:
    return FakeRecognizer()


def test_what_is_said_is_filled_in_for_correction_and_never_over_what_is_typed(
    recognizer: FakeRecognizer, fresh: Fresh, tmp_path: Path
) -> None:
    clips = [tmp_path / name for name in ("one.flac", "two.flac")]
    for seconds, clip in enumerate(clips, 4):
        clip.write_bytes(encode_all(syllables(float(seconds)), "flac"))
    engine = CloningFake()
    engine.info = replace(engine.info, preview=False)
    studio = serve(engine, tmp_path / "outputs", recognizer=recognizer)
    visit = fresh(studio.url, viewport={"width": 1280, "height": 720})
    page = visit.page

    def choose(clip: Path) -> None:
        page.set_input_files("#recording input[type=file]", clip)

    open_tab(visit)
    choose(clips[0])
    status(visit, "4 s. A good recording. Fake ears recognized what is said: check and correct it.")
    assert page.input_value("#recording-text") == "What I said."
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    recognizer.text = "Something else."
    choose(clips[1])
    status(visit, "5 s.")
    page.wait_for_function("() => document.querySelector('#recording-text').value === 'Something else.'")
    page.fill("#recording-text", "Corrected.")
    choose(clips[0])
    status(visit, "4 s. A good recording.")
    page.wait_for_load_state("networkidle")
    assert page.input_value("#recording-text") == "Corrected."
    assert len(recognizer.heard) == 2
    page.fill("#recording-text", "")
    recognizer.text = ""
    choose(clips[1])
    status(visit, "Fake ears recognized no words")
    assert visit.complaints == []
    studio.close()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [("NotAllowedError", "may not use the microphone"), ("NotFoundError", "No microphone was found")],
)
def test_without_a_microphone_a_sentence_says_so(cloning: Studio, fresh: Fresh, error: str, sentence: str) -> None:
    visit = fresh(cloning.url)
    open_tab(visit)
    visit.page.evaluate(NO_MICROPHONE, error)
    visit.page.click("#recording-record")
    status(visit, sentence)
    assert visit.page.inner_text("#recording-record") == "● Record 10 s"


def test_an_engine_without_cloning_says_what_is_needed(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url, viewport={"width": 1280, "height": 720})
    visit.page.click("#tab-recording")
    visit.page.wait_for_selector("#recording .none")
    assert "Qwen3-TTS-12Hz-0.6B-Base" in visit.page.inner_text("#recording")
    assert visit.page.query_selector("#recording-record") is None


@pytest.mark.parametrize("changes_language", [False, True])
def test_the_form_fits_the_window(cloning: Studio, fresh: Fresh, changes_language: bool) -> None:
    visit = fresh(cloning.url, viewport={"width": 1280, "height": 720})
    if changes_language:
        visit.page.click("#page-language")
    open_tab(visit)
    page = visit.page
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    boxes = {id: page.locator(id).bounding_box() for id in ("#tabs", "#language")}
    assert boxes["#language"]["x"] + boxes["#language"]["width"] <= boxes["#tabs"]["x"]
    page.focus("#recording-keep")  # the last control that is not disabled scrolls within its place
    assert page.evaluate("scrollY") == 0
