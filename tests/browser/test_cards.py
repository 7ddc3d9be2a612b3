"""The description: chips, a checklist that reads as the server does, surprises, examples, warnings; speakers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from qwen3tts_webui.text.traits import language_of, missing
from qwen3tts_webui.voices.presets import Presets
from qwen3tts_webui.voices.traits import examples, suggest
from tests.fakes import RealTimeSynthesizer

from .conftest import Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]

SPEAKERS = ("vivian", "serena", "uncle_fu", "dylan", "eric", "ryan", "aiden", "ono_anna", "sohee")
ODD = [
    "",
    "nice voice",
    "not a deep voice, but a bright one",
    "a boy of nine, without haste",
    "a woman in her thirties; don't make it fast or shrill",
    "不要太尖的女声，非常低沉",
    "没有沙哑，五十多岁的大叔",
    "十几岁的少女，语速不快不慢",
    "a story for a child, read by an old man",
    "ＦＥＭＡＬＥ ｖｏｉｃｅ, 25 years old",
    "una mujer joven con voz grave y cálida para las noticias",
    "低めの落ち着いた女性の声です",
    "Hardly louder than a murmur, never angry, an elderly gentleman, high-energy advert",
    "about 40 percent louder, aged 7",
]


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    synthesizer = RealTimeSynthesizer(rate=4.0, num_frames=5)
    features = synthesizer.info.features | {"speaker"}
    synthesizer.info = replace(synthesizer.info, speakers=SPEAKERS, features=features, model_type="custom_voice")
    studio = serve(synthesizer, tmp_path_factory.mktemp("speakers"))
    yield studio
    studio.close()


def test_the_browser_reads_descriptions_as_the_server_does(studio: Studio, fresh: Fresh) -> None:
    described = [preset.description for preset in Presets.load().of("auto")] + ODD
    described += [text for example in examples() for text in example.description.values()]
    described += [suggest(seed, language) for seed in range(60) for language in ("en", "zh")]
    got = fresh(studio.url).page.evaluate(
        """async (described) => {
          const { TraitReader } = await import("/studio/traits.js");
          const { Writing } = await import("/studio/writing.js");
          const boot = await (await fetch("/studio/boot.json")).json();
          const [reader, writing] = [new TraitReader(boot.writing), new Writing(boot.writing)];
          return described.map((text) => [reader.missing(text), writing.guess(text)]);
        }""",
        described,
    )
    for text, (absent, language) in zip(described, got, strict=True):
        assert absent == list(missing(text)), text
        assert (language if language in ("zh", "en") else "other") == language_of(text), text


def test_a_chip_inserts_its_words_at_the_cursor_in_the_descriptions_language(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.fill("#description textarea", "中年女声")
    visit.page.click("#checklist [data-dimension=pace]")
    visit.page.click("#trait-words .chip >> nth=0")
    assert visit.page.input_value("#description textarea") == "中年女声，语速缓慢"
    visit.page.locator("#checklist [data-dimension=pace][data-has=true]").wait_for()
    visit.page.fill("#description textarea", "a calm woman, low-pitched")
    visit.page.evaluate("document.querySelector('#description textarea').setSelectionRange(12, 12)")
    visit.page.click("#checklist [data-dimension=age]")
    visit.page.get_by_role("button", name="Middle-aged").click()
    assert visit.page.input_value("#description textarea") == "a calm woman, middle-aged, low-pitched"


def test_the_checklist_names_what_is_missing(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.fill("#description textarea", "A calm old man with a deep voice, speaking slowly.")
    assert visit.page.inner_text("#description-hint") == "Not said yet: Texture, Use"


def test_surprise_me_fills_every_dimension(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.click("#surprise")
    visit.page.wait_for_function("() => document.querySelectorAll('#checklist [data-has=true]').length === 7")
    assert visit.page.inner_text("#description-hint") == "All seven dimensions are named."


def test_an_example_is_used_by_a_click(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.click("#examples-open")
    assert "Each sentence fades gently at its end" in visit.page.inner_text("#examples")
    visit.page.click(".example >> nth=1")
    visit.page.wait_for_function("() => document.querySelector('#description textarea').value.includes('sibilants')")
    assert visit.page.input_value("#description textarea") == examples()[1].description["en"]


def test_another_language_and_too_many_characters_are_warned_of(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.page.fill("#description textarea", "una mujer joven con una voz muy cálida para las noticias")
    assert "Spanish" in visit.page.inner_text("#description-hint")
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


def test_the_speakers_of_a_custom_voice_model_are_cards_and_go_into_the_request(speakers: Studio, fresh: Fresh) -> None:
    visit = fresh(speakers.url)
    visit.page.wait_for_selector("[data-speaker=uncle_fu]")
    shown: list[Any] = visit.page.locator("[data-speaker]:visible b").all_inner_texts()
    assert shown == ["Vivian", "Serena", "Uncle Fu", "Dylan", "Eric", "Ryan", "Aiden", "Ono Anna", "Sohee"]
    visit.page.click("[data-speaker=uncle_fu]")
    assert visit.page.get_attribute("[data-speaker=uncle_fu]", "aria-pressed") == "true"
    visit.type("one line")
    visit.generate()
    visit.until("stats.state === 'done'")
    assert speakers.synthesizer.utterances[-1].voice.speaker == "uncle_fu"
