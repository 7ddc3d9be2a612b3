"""The settings drawer: each setting works and is stored, or shows why the active engine ignores it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.fakes import PreciseSynthesizer, ZeroCostSynthesizer

from .conftest import Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]


@pytest.fixture(scope="module")
def able(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """An engine that supports every setting."""
    studio = serve(PreciseSynthesizer(), tmp_path_factory.mktemp("outputs"))
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """An engine without sampling, packet size and precision, like the preview voice."""
    studio = serve(ZeroCostSynthesizer(features=("seed",)), tmp_path_factory.mktemp("outputs"))
    yield studio
    studio.close()


def opened(visit: Visit) -> Visit:
    visit.page.wait_for_function("() => document.querySelector('#engine').dataset.kind !== 'away'")
    visit.page.click("#settings-open")
    visit.page.wait_for_selector("#settings[open][data-asked]")
    return visit


def close(visit: Visit) -> None:
    visit.page.keyboard.press("Escape")
    visit.page.wait_for_function("() => !document.getElementById('settings').open")


def set_number(visit: Visit, name: str, value: str) -> None:
    visit.page.fill(f"#setting-{name}", value)
    visit.page.keyboard.press("Tab")


def spoken(visit: Visit) -> None:
    run = visit.stats()["run"]
    visit.generate()
    visit.until(f"stats.run > {run} && stats.state === 'done'")


def test_sampling_options_reach_the_engine_and_are_stored(able: Studio, fresh: Fresh) -> None:
    options = {"temperature": 0.55, "top_k": 17, "top_p": 0.8, "repetition_penalty": 1.2}
    visit = opened(fresh(able.url))
    visit.page.click("#settings summary")
    for name, value in options.items():
        set_number(visit, name, str(value))
    close(visit)
    visit.reload()
    visit.page.wait_for_function("() => document.querySelector('#engine').dataset.kind !== 'away'")
    spoken(visit)
    asked = able.synthesizer.utterances[-1].sampling
    assert {name: getattr(asked, name) for name in options} == options


def test_a_number_out_of_range_is_rejected(able: Studio, fresh: Fresh) -> None:
    visit = opened(fresh(able.url))
    visit.page.click("#settings summary")
    set_number(visit, "temperature", "99")
    assert visit.page.input_value("#setting-temperature") == ""
    close(visit)
    spoken(visit)
    assert able.synthesizer.utterances[-1].sampling.temperature == 0.9


def test_the_packet_size_reaches_the_engine(able: Studio, fresh: Fresh) -> None:
    visit = opened(fresh(able.url))
    visit.page.select_option("#setting-frames_per_packet", "4")
    close(visit)
    spoken(visit)
    assert able.synthesizer.utterances[-1].frames_per_packet == 4


def test_a_locked_seed_is_sent_with_every_request(able: Studio, fresh: Fresh) -> None:
    visit = opened(fresh(able.url))
    visit.page.fill("#setting-seed-number", "4711")
    visit.page.keyboard.press("Tab")
    close(visit)
    spoken(visit)
    spoken(visit)
    assert [utterance.seed for utterance in able.synthesizer.utterances[-2:]] == [4711, 4711]
    opened(visit).page.click("#setting-seed")
    close(visit)
    spoken(visit)
    assert able.synthesizer.utterances[-1].seed != 4711


def test_even_loudness_is_stored(able: Studio, fresh: Fresh) -> None:
    visit = opened(fresh(able.url))
    visit.page.click("#setting-loudness")
    close(visit)
    spoken(visit)
    asked = visit.page.evaluate("localStorage.getItem('qwen3tts.settings')")
    assert asked == '{"loudness":true}'


def test_a_speed_for_the_whole_text_makes_the_audio_shorter(able: Studio, fresh: Fresh) -> None:
    visit = opened(fresh(able.url))
    visit.page.select_option("#setting-speed", "1.5")
    visit.page.keyboard.press("Escape")
    visit.type("one line")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert visit.page.evaluate("qwen3tts.stats.samples") < 0.8 * 1920 * able.synthesizer.num_frames


def test_even_loudness_changes_the_audio(able: Studio, fresh: Fresh) -> None:
    visit = fresh(able.url)
    visit.type("a line\n" * 12)  # it moves the gain slowly

    def end_of_the_sound() -> list[int]:
        run = visit.stats()["run"]
        visit.generate()
        visit.until(f"stats.run > {run} && stats.audio && !stats.receiving")
        visit.page.keyboard.press("Escape")  # it need not be heard
        samples: list[int] = visit.page.evaluate(
            "async () => { const answer = await fetch(`${qwen3tts.stats.audio}?format=pcm`);"
            " return [...new Int16Array(await answer.arrayBuffer())].slice(-2000); }"
        )
        return samples

    plainly = end_of_the_sound()
    opened(visit).page.click("#setting-loudness")
    close(visit)
    assert end_of_the_sound() != plainly


def test_precision_switches_the_engine_and_shows_the_memory(able: Studio, fresh: Fresh) -> None:
    visit = opened(fresh(able.url))
    visit.page.wait_for_selector("#setting-precision:not([disabled])")
    visit.page.select_option("#setting-precision", "bfloat16")
    visit.page.wait_for_function("() => document.querySelector('#settings .status').textContent.includes('→')")
    assert able.synthesizer.info.dtype == "bfloat16"
    assert "float32 → bfloat16" in visit.page.locator("#settings .status").inner_text()
    assert "GiB" in visit.page.locator("#settings .status").inner_text()
    visit.page.wait_for_selector("#setting-precision:not([disabled])")
    visit.page.select_option("#setting-precision", "float32")
    visit.page.wait_for_function("() => document.querySelector('#settings .status').textContent.includes('→ float32')")
    assert able.synthesizer.info.dtype == "float32"


@pytest.fixture(scope="module")
def plain_drawer(plain: Studio, fresh_once: Fresh) -> Visit:
    """The drawer with all sections open, on an idle page."""
    visit = opened(fresh_once(plain.url))
    visit.page.click("#settings summary")
    return visit


@pytest.mark.parametrize(
    "name", ["precision", "frames_per_packet", "temperature", "top_k", "top_p", "repetition_penalty"]
)
def test_unsupported_settings_are_disabled_with_a_reason(plain_drawer: Visit, name: str) -> None:
    visit = plain_drawer
    assert visit.page.locator(f"#setting-{name}").is_disabled()
    section = visit.page.locator("#settings details" if "p" not in name[-2:] and name.startswith("t") else "#settings")
    assert "Has no effect with Try-out voice (not Qwen3-TTS)." in section.inner_text()


def test_settings_of_another_engine_are_stored_but_not_sent(plain: Studio, fresh: Fresh) -> None:
    visit = fresh(plain.url)
    visit.page.evaluate(
        "localStorage.setItem('qwen3tts.settings', JSON.stringify({ temperature: 0.5, frames_per_packet: 2 }))"
    )
    visit.reload()
    visit.page.wait_for_function("() => document.querySelector('#engine').dataset.kind !== 'away'")
    spoken(visit)
    assert visit.stats()["error"] is None


@pytest.fixture(scope="module")
def any_page(able: Studio, fresh_once: Fresh) -> Visit:
    return fresh_once(able.url)


@pytest.mark.parametrize("rubbish", ["nonsense", "[1]", '{"temperature": "x", "__proto__": 1, "top_k": 1e9}'])
def test_invalid_stored_settings_are_ignored(able: Studio, any_page: Visit, rubbish: str) -> None:
    visit = any_page
    visit.page.evaluate("(text) => localStorage.setItem('qwen3tts.settings', text)", rubbish)
    visit.reload()
    spoken(visit)
    assert able.synthesizer.utterances[-1].sampling.top_k == 50


def test_page_language_and_theme_can_be_chosen_in_the_drawer(plain: Studio, fresh: Fresh) -> None:
    visit = opened(fresh(plain.url, color_scheme="light"))
    visit.page.select_option("#setting-theme", "dark")
    assert visit.page.evaluate("document.body.classList.contains('dark')") is True
    visit.page.select_option("#setting-theme", "auto")
    assert visit.page.evaluate("document.body.classList.contains('dark')") is False
    visit.page.select_option("#setting-page_language", "zh")
    assert visit.page.locator("#settings-title").inner_text() == "设置"
    visit.page.select_option("#setting-page_language", "")
    assert visit.page.locator("#settings-title").inner_text() == "Settings"


def test_the_drawer_takes_and_returns_the_focus(plain: Studio, fresh: Fresh) -> None:
    visit = fresh(plain.url)
    visit.page.focus("#settings-open")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("#settings[open]")
    for _ in range(20):
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate(
            "() => document.activeElement === document.body || document.activeElement.closest('#settings') !== null"
        )
    close(visit)
    assert visit.page.evaluate("document.activeElement.id") == "settings-open"


def test_an_open_menu_survives_a_late_response(able: Studio, fresh: Fresh) -> None:
    visit = fresh(able.url)
    visit.page.wait_for_function("() => document.querySelector('#engine').dataset.kind !== 'away'")
    held: list[Any] = []
    visit.page.route("**/api/settings/precision", lambda route: held.append(route))
    visit.page.click("#settings-open")
    visit.page.focus("#setting-theme")
    visit.page.evaluate("window.menu = document.activeElement")
    visit.page.wait_for_function("() => document.querySelector('#setting-precision').disabled")
    held[0].continue_()
    visit.page.wait_for_selector("#settings[open][data-asked] #setting-precision:enabled")
    assert visit.page.evaluate("menu.isConnected && document.activeElement === menu") is True
