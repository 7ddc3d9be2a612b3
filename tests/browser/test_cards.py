"""The description: chips, a checklist filled by the server, surprises, examples, warnings; speakers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Request

from qwen3tts_webui.text import DIMENSIONS, missing_dimensions
from qwen3tts_webui.voices import Presets, description_examples
from tests.support.fakes import RealTimeSynthesizer

from .conftest import Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]

SPEAKERS = ("vivian", "serena", "uncle_fu", "dylan", "eric", "ryan", "aiden", "ono_anna", "sohee")
DESCRIPTIONS = [
    "nice voice",
    "not a deep voice, but a bright one",
    "a boy of nine, without haste",
    "不要太尖的女声，非常低沉",
    "没有沙哑，五十多岁的大叔",
    "una mujer joven con voz grave y cálida para las noticias",
    "Hardly louder than a murmur, never angry, an elderly gentleman, high-energy advert",
    "",
]


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    synthesizer = RealTimeSynthesizer(rate=4.0, num_frames=5)
    features = synthesizer.info.features | {"speaker"}
    synthesizer.info = replace(synthesizer.info, speakers=SPEAKERS, features=features, model_type="custom_voice")
    studio = serve(synthesizer, tmp_path_factory.mktemp("speakers"))
    yield studio
    studio.close()


@pytest.fixture(scope="module")
def choosy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """An engine that follows four dimensions, as the preview voice does."""
    synthesizer = RealTimeSynthesizer(rate=2.0, num_frames=5)
    synthesizer.info = replace(synthesizer.info, followed_traits=("gender", "age", "pitch", "pace"))
    studio = serve(synthesizer, tmp_path_factory.mktemp("choosy"))
    yield studio
    studio.close()


def test_the_checklist_shows_what_the_server_reads(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    chips = visit.page.locator("#checklist .chip")
    assert chips.evaluate_all("chips => chips.map((chip) => chip.dataset.dimension)") == list(DIMENSIONS)
    for description in DESCRIPTIONS:
        visit.page.fill("#description textarea", description)
        visit.page.wait_for_function(
            """(missing) => {
              const chips = [...document.querySelectorAll("#checklist [data-has=false]")];
              return chips.map((chip) => chip.dataset.dimension).join() === missing;
            }""",
            arg=",".join(missing_dimensions(description)),
        )


def test_the_page_can_be_used_while_the_server_reads(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.route("**/api/analyze-*", lambda route: None)  # never answered
    visit.page.fill("#description textarea", "a calm woman")
    visit.type("One.\n\nTwo.")
    visit.page.wait_for_selector(".line[data-number='2']")
    visit.page.wait_for_function("() => document.querySelector('#text-count').textContent.startsWith('10 characters')")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert [utterance.text for utterance in studio.synthesizer.utterances[-2:]] == ["One.", "Two."]


def test_typing_asks_the_server_once_it_pauses(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.wait_for_selector("#description-hint:has-text('Say who')")
    sent: list[str] = []

    def record(request: Request) -> None:
        if request.url.endswith("/api/analyze-description"):
            sent.append(request.post_data_json["description"])

    visit.page.on("request", record)
    visit.page.locator("#description textarea").evaluate(
        """(area) => {
          for (const letter of "a deep voice") {
            area.value += letter;
            area.dispatchEvent(new Event("input", { bubbles: true }));
          }
        }"""
    )
    visit.page.wait_for_selector("#checklist [data-dimension=pitch][data-has=true]")
    assert [description for description in sent if description] == ["a deep voice"]


def test_a_chip_inserts_its_words_at_the_cursor_in_the_descriptions_language(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.fill("#description textarea", "中年女声。")
    visit.page.locator("#checklist [data-dimension=gender][data-has=true]").wait_for()
    visit.page.click("#checklist [data-dimension=pace]")
    visit.page.click("#trait-words .chip >> nth=0")
    assert visit.page.input_value("#description textarea") == "中年女声，语速缓慢。"
    visit.page.locator("#checklist [data-dimension=pace][data-has=true]").wait_for()
    visit.page.fill("#description textarea", "a calm woman, low-pitched")
    visit.page.locator("#checklist [data-dimension=age][data-has=false]").wait_for()
    visit.page.evaluate("document.querySelector('#description textarea').setSelectionRange(12, 12)")
    visit.page.click("#checklist [data-dimension=age]")
    visit.page.get_by_role("button", name="Middle-aged").click()
    assert visit.page.input_value("#description textarea") == "a calm woman, middle-aged, low-pitched"


def test_chips_replace_words_and_say_what_is_ignored(choosy: Studio, fresh: Fresh) -> None:
    visit = fresh(choosy.url)

    def choose(dimension: str, name: str, expected: str) -> None:
        visit.page.click(f"#checklist [data-dimension={dimension}]")
        visit.page.locator("#trait-words").get_by_role("button", name=name, exact=True).click()
        visit.page.wait_for_function(
            "(value) => document.querySelector('#description textarea').value === value", arg=expected
        )
        visit.page.wait_for_selector(f"#checklist [data-dimension={dimension}]:has-text('{name.lower()}')")

    visit.page.fill("#description textarea", "A raspy old man of about 60, deep, slowly, as he whispers")
    hint = "Try-out voice follows: man, he, about 60, old man, deep, slowly. Cannot do: raspy."
    visit.page.wait_for_selector(f"#description-hint:text-is('{hint}')")
    assert visit.page.inner_text("#checklist [data-dimension=gender]") == "Gender: man"
    assert visit.page.get_attribute("#checklist [data-dimension=texture]", "data-has") == "ignored"
    choose("gender", "Woman", "A raspy old woman of about 60, deep, slowly, as she whispers")
    choose("pitch", "High pitch", "A raspy old woman of about 60, high, slowly, as she whispers")
    choose("pace", "Fast", "A raspy old woman of about 60, high, fast, as she whispers")
    choose("age", "Teenager", "A raspy old woman of about 16, high, fast, as she whispers")
    visit.page.wait_for_selector("#description-hint:text-is('“about 16” and “old woman” contradict each other.')")
    nuances = "A boy of about 9, medium pitch, a little lower in earnest. Steady, slightly brisk."
    visit.page.fill("#description textarea", nuances)
    visit.page.wait_for_selector("#checklist [data-dimension=age]:has-text('child')")
    assert "contradict" not in visit.page.inner_text("#description-hint")
    visit.page.fill("#description textarea", "A man, slow and a bit brisk")
    visit.page.wait_for_selector("#description-hint:text-is('“slow” and “brisk” contradict each other.')")
    visit.page.fill("#description textarea", "an old woman")
    visit.page.wait_for_selector("#checklist [data-dimension=gender]:has-text('woman')")
    choose("age", "Young adult", "a young woman")
    visit.page.fill("#description textarea", "低沉的男声")
    visit.page.wait_for_selector("#checklist [data-dimension=pitch]:has-text('low pitch')")
    choose("pitch", "High pitch", "高亢的男声")
    assert visit.complaints == []


def test_the_checklist_names_what_is_missing(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.fill("#description textarea", "A calm old man with a deep voice, speaking slowly.")
    visit.page.wait_for_selector("#description-hint:text-is('Not included yet: Texture, Use')")


def test_surprise_me_fills_every_dimension(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.click("#surprise")
    visit.page.wait_for_function("() => document.querySelectorAll('#checklist [data-has=true]').length === 7")
    visit.page.wait_for_selector("#description-hint:text-is('Nothing is missing.')")


def test_an_example_is_used_by_a_click(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.click("#examples-open")
    assert "Each sentence fades gently at its end" in visit.page.inner_text("#examples")
    visit.page.click(".example >> nth=1")
    visit.page.wait_for_function("() => document.querySelector('#description textarea').value.includes('sibilants')")
    assert visit.page.input_value("#description textarea") == description_examples()[1].description["en"]


def test_another_language_and_too_many_characters_show_a_warning(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.fill("#description textarea", "una mujer joven con una voz muy cálida para las noticias")
    visit.page.wait_for_selector("#description-hint:has-text('Spanish')")
    visit.page.fill("#description textarea", "a" * 2_049)
    assert visit.page.inner_text("#description-count") == "2,049 / 2,048"
    assert visit.page.inner_text("#description-hint") == "Too long: at most 2048 characters."


def test_more_shows_the_cards_that_did_not_fit(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url, locale="zh-CN")
    presets = Presets.load().of("zh")
    assert visit.page.locator("#presets .preset:visible").count() == 5
    visit.page.click("#presets .more-card")
    assert visit.page.locator("#presets .preset:visible").count() == len(presets)
    badges = visit.page.locator("#presets .badge").count()
    assert badges == sum(preset.experimental for preset in presets)


def test_speakers_of_a_custom_voice_model_are_cards_and_part_of_the_request(speakers: Studio, fresh: Fresh) -> None:
    visit = fresh(speakers.url)
    visit.page.wait_for_selector("[data-speaker=uncle_fu]")
    shown: list[Any] = visit.page.locator("[data-speaker]:visible b").all_inner_texts()
    assert shown == ["Vivian", "Serena", "Uncle Fu", "Dylan", "Eric", "Ryan", "Aiden", "Ono Anna", "Sohee"]
    visit.page.click("[data-speaker=uncle_fu] .choose")
    assert visit.page.locator("[data-speaker=uncle_fu] [aria-pressed=true]").count() == 1
    visit.type("one line")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert speakers.synthesizer.utterances[-1].voice.speaker == "uncle_fu"
    visit.page.click("#presets .more-card")
    visit.page.click("#presets [data-id] .choose >> nth=0")
    visit.page.wait_for_selector("#presets [data-id][data-chosen=true]")
    assert visit.page.locator("[data-speaker] [aria-pressed=true]").count() == 0
    assert visit.page.locator("#status").inner_text().startswith("Uncle Fu no longer speaks")
    visit.page.click("[data-speaker=vivian] .choose")
    visit.page.wait_for_selector("[data-speaker=vivian][data-chosen=true]")
    assert visit.page.locator("#presets [data-id][data-chosen=true]").count() == 0
    assert visit.page.locator("#status").inner_text().startswith("Vivian speaks.")
