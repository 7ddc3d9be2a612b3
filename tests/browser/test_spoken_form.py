"""How a line will be read, what is left out, joining wrapped lines, the lexicon, and errors that lead to their line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qwen3tts_webui.i18n import Catalog
from tests.support.fakes import PreciseSynthesizer

from .conftest import Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]
EN = Catalog("en")
SIZES = [(1280, 720), (390, 844)]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = serve(PreciseSynthesizer(), tmp_path_factory.mktemp("outputs"))
    yield studio
    studio.close()


def open_lexicon(visit: Visit) -> None:
    visit.page.click("#settings-open")
    visit.page.wait_for_selector("#settings[open][data-asked]")
    visit.page.click("#setting-lexicon")
    visit.page.wait_for_selector("#lexicon[open][data-asked]")


def add(visit: Visit, written: str, spoken: str) -> None:
    """By keyboard alone."""
    visit.page.focus("#lexicon form [name=written]")
    visit.page.keyboard.type(written)
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.type(spoken)
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_function(
        "(word) => document.querySelector('#lexicon li [name=written]')?.value === word", arg=written
    )


def entries(visit: Visit) -> list[str]:
    return visit.page.eval_on_selector_all("#lexicon li [name=written]", "(all) => all.map((one) => one.value)")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_spoken_form_marks_what_changes(studio: Studio, fresh: Fresh, width: int, height: int) -> None:
    visit = fresh(studio.url, viewport={"width": width, "height": height})
    visit.type("Hello there.\nThe trip is 5 km.")
    visit.page.locator(".strip button:is(.spoken, .more):visible").nth(1).click()
    visit.page.wait_for_selector("#line-sheet mark")
    assert visit.page.inner_text("#line-sheet .spoken-text") == "The trip is five kilometers."
    assert visit.page.locator("#line-sheet mark").all_inner_texts() == ["five kilometers"]
    assert visit.page.get_attribute("#line-sheet mark", "title") == "5 km"
    visit.page.keyboard.press("Escape")
    visit.page.locator(".strip button:is(.spoken, .more):visible").first.click()
    visit.page.wait_for_function("() => document.querySelector('#line-sheet .spoken-form').textContent")
    assert visit.page.inner_text("#line-sheet .spoken-form") == EN("line.spoken.same")
    assert visit.complaints == []


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_an_unsupported_script_is_named_without_more_height(
    studio: Studio, fresh: Fresh, width: int, height: int
) -> None:
    visit = fresh(studio.url, viewport={"width": width, "height": height})
    visit.type("Hello.\nمرحبا بالعالم")
    visit.page.wait_for_selector("#text-notice .warn")
    assert visit.page.inner_text("#text-notice .warn") == "Line 2: Arabic is not supported and is skipped."
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert width == 390 or visit.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    visit.type("Hello.")
    visit.page.wait_for_selector("#text-notice .warn", state="detached")
    assert visit.page.is_visible("#text-hint") == (width > 390)  # a phone has no Ctrl key


def test_wrapped_lines_are_joined_and_come_back_with_undo(studio: Studio, fresh: Fresh) -> None:
    wrapped = (
        "This paragraph was pasted from a mail that\nbreaks its lines at the same column and it\nreads better in one."
    )
    visit = fresh(studio.url)
    visit.type(wrapped)
    visit.page.click("#text-notice .link")
    visit.page.wait_for_function(
        "() => document.querySelector('#text textarea:focus')?.value.includes('\\n') === false"
    )
    assert visit.page.input_value("#text textarea") == wrapped.replace("\n", " ")
    visit.page.wait_for_selector("#text-notice .link", state="detached")
    visit.page.keyboard.press("Control+z")
    visit.page.wait_for_function("() => document.querySelector('#text textarea').value.includes('\\n')")
    assert visit.page.input_value("#text textarea") == wrapped


def test_code_and_tables_are_read_on_request(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.click("#settings-open")
    visit.page.wait_for_selector("#settings[open][data-asked]")
    assert visit.page.is_disabled("#setting-normalize")  # the preview voice reads out everything
    visit.page.click("#setting-read_blocks")
    visit.page.keyboard.press("Escape")
    visit.type("| one | two |")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert studio.synthesizer.utterances[-1].text == "one, two."


@pytest.mark.parametrize("width", [1440, 390])
def test_the_lexicon_is_edited_and_used_at_once(studio: Studio, fresh: Fresh, tmp_path: Path, width: int) -> None:
    visit = fresh(studio.url, viewport={"width": width, "height": 844})
    open_lexicon(visit)
    for entry in entries(visit):
        visit.page.click(f"#lexicon li [aria-label='{EN('lexicon.delete', written=entry)}']")
    add(visit, "SQL", "sequel")
    add(visit, "GIF", "jif")
    visit.page.locator("#lexicon li [name=spoken]").nth(1).fill("ess queue ell")
    visit.page.keyboard.press("Tab")
    visit.page.wait_for_function(
        f"() => document.querySelector('#lexicon .status').textContent === '{EN('lexicon.saved')}'"
    )
    visit.page.locator("#lexicon li .round").first.click()
    visit.page.wait_for_function("() => document.querySelectorAll('#lexicon li [name=written]').length === 1")
    visit.page.keyboard.press("Enter")  # the focus is on Undo
    visit.page.wait_for_function("() => document.querySelectorAll('#lexicon li [name=written]').length === 2")
    assert entries(visit) == ["GIF", "SQL"]
    assert visit.page.evaluate("document.querySelector('#lexicon').scrollWidth <= innerWidth")
    with visit.page.expect_download() as download:
        visit.page.click("#lexicon footer a")
    rows = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert rows[1:] == ["GIF,auto,jif,false", "SQL,auto,ess queue ell,false"]
    (tmp_path / "mine.csv").write_text("AI,en,ay eye\n", encoding="utf-8")
    visit.page.set_input_files("#lexicon footer input", tmp_path / "mine.csv")
    visit.page.wait_for_function("() => document.querySelector('#lexicon li [name=written]').value === 'AI'")
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Escape")
    visit.type("AI is here to stay.")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert studio.synthesizer.utterances[-1].text == "ay eye is here to stay."
    assert visit.complaints == []


def test_two_windows_do_not_overwrite_each_other(studio: Studio, fresh: Fresh) -> None:
    first, second = fresh(studio.url), fresh(studio.url)
    for visit in (first, second):
        open_lexicon(visit)
    add(first, "GIF", "jiff")
    second.page.fill("#lexicon form [name=written]", "YAML")
    second.page.fill("#lexicon form [name=spoken]", "yammel")
    second.page.press("#lexicon form [name=spoken]", "Enter")
    second.page.wait_for_selector("#lexicon .status.problem")
    assert second.page.inner_text("#lexicon .status") == EN("lexicon.changed")
    assert entries(second)[0] == "GIF"
    second.page.press("#lexicon form [name=spoken]", "Enter")  # the form keeps what was typed
    second.page.wait_for_function("() => document.querySelector('#lexicon li [name=written]').value === 'YAML'")
    assert entries(second)[:2] == ["YAML", "GIF"]


def test_an_invalid_entry_is_named_and_not_stored(studio: Studio, fresh: Fresh, tmp_path: Path) -> None:
    visit = fresh(studio.url)
    open_lexicon(visit)
    before = entries(visit)
    (tmp_path / "wrong.csv").write_text("AI,en\n", encoding="utf-8")
    visit.page.set_input_files("#lexicon footer input", tmp_path / "wrong.csv")
    visit.page.wait_for_selector("#lexicon .status.problem")
    assert "line 1" in visit.page.inner_text("#lexicon .status")
    assert entries(visit) == before


def test_an_error_in_a_tag_leads_to_its_line(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("First.\n\nSecond. [pause 30s]\nThird.")
    visit.generate()
    visit.until("stats.state === 'failed'")
    assert visit.page.inner_text("#retry") == "Go to line 2"
    assert visit.page.inner_text("#error-cause") == EN("error.cause.line")
    visit.page.click("#retry")
    selected = "(area) => area.value.slice(area.selectionStart, area.selectionEnd)"
    assert visit.page.eval_on_selector("#text textarea:focus", selected) == "Second. [pause 30s]"
