"""Errors on the page: every error of the server has a message, a likely cause and one action."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.server.http import errors as http_errors

from .conftest import Studio, Visit

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]
MODULES = ("qwen3tts_webui.errors", http_errors.__name__)


def classes(root: type[SpeechError] = SpeechError) -> Iterator[type[SpeechError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ in MODULES:
            yield from classes(child)


CODES = [*sorted({error.code for error in classes()}), "network", "insecure", "sound", "refused"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_error_has_a_likely_cause(language: str) -> None:
    sentences = Catalog("zh" if language == "zh" else "en").messages
    assert [code for code in CODES if not sentences.get(f"error.cause.{code}")] == []


def test_every_error_has_one_labeled_action(studio: Studio, fresh: Fresh) -> None:
    actions = fresh(studio.url).page.evaluate(
        """async (codes) => {
          const { actionOf } = await import("./studio/regions/playback/error_card.js");
          return codes.map((code) => actionOf({ code }));
        }""",
        CODES,
    )
    for language in (Catalog("en"), Catalog("zh")):
        assert [action for action in actions if f"error.action.{action}" not in language.messages] == []


def fail_with(visit: Visit, code: str, status: int = 422) -> None:
    body = {"error": {"code": code, "message": "A sentence."}}
    visit.page.context.route("**/api/tts", lambda route: route.fulfill(status=status, json=body))
    visit.type("Keep these words.")
    visit.generate()
    visit.until("stats.state === 'failed'")


@pytest.mark.parametrize(
    ("code", "button", "lands"),
    [
        ("text_too_long", "Edit the text", "#text textarea:focus"),
        ("description_too_long", "Edit the description", "#description textarea:focus"),
        ("unknown_language", "Choose a language", "#language input:focus"),
        ("numerical", "Open the settings", "#settings[open]"),
    ],
)
def test_the_action_leads_to_the_field_to_fix(studio: Studio, fresh: Fresh, code: str, button: str, lands: str) -> None:
    visit = fresh(studio.url)
    fail_with(visit, code)
    assert visit.page.locator("#retry").inner_text() == button
    assert visit.page.locator("#error-cause").inner_text() == Catalog("en")(f"error.cause.{code}")
    assert not visit.page.locator("#error-details").is_visible()
    visit.page.click("#retry")
    visit.page.wait_for_selector(lands)
    assert visit.page.input_value("#text textarea") == "Keep these words."


def test_an_unknown_error_code_is_shown_like_any_other(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    fail_with(visit, "quantum_flux", 500)
    assert visit.page.locator("#error-cause").inner_text() == Catalog("en")("error.cause.internal")
    assert visit.page.locator("#retry").inner_text() == "Try again"
    visit.page.click("#error summary")
    assert "quantum_flux · HTTP 500" in visit.page.locator("#error-details").inner_text()


def test_a_reload_after_an_error_restores_the_text(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    fail_with(visit, "busy", 429)
    visit.reload()
    visit.page.wait_for_function("() => document.querySelector('#text textarea').value === 'Keep these words.'")
