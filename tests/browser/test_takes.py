"""Three takes of the same text: generated together, compared side by side, optionally blind; one is chosen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import SHORT_FRAMES, Studio, Visit

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]


def three(visit: Visit) -> None:
    visit.type("The same words.")
    visit.page.click("#compare-takes")
    visit.page.wait_for_function("() => document.querySelectorAll('.take[data-state=done]').length === 3")


def seeds(visit: Visit) -> list[str]:
    return visit.page.locator(".take small").all_inner_texts()


def test_three_takes_of_one_text_have_different_seeds(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    three(visit)
    asked = studio.synthesizer.utterances[-3:]
    assert {utterance.text for utterance in asked} == {"The same words."}
    assert sorted(str(utterance.seed) for utterance in asked) == sorted(seeds(visit))
    assert len(set(seeds(visit))) == 3
    assert visit.page.locator(".take .hear b").all_inner_texts() == ["A", "B", "C"]


def test_a_played_take_becomes_the_current_take(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    three(visit)
    visit.page.click(".take >> nth=1 >> .hear")
    stats = visit.until("stats.state === 'done' && stats.recalled")
    assert stats["samples_played"] == SHORT_FRAMES * 1920
    assert visit.page.get_attribute(".take >> nth=1", "data-here") == "true"
    assert visit.page.inner_text(".strip .state") == "1.2 s"


def test_choosing_a_take_keeps_its_seed(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    three(visit)
    seed = seeds(visit)[2]
    visit.page.click(".take >> nth=2 >> .keep")
    visit.until("stats.samples > 0 && !stats.receiving")
    assert str(visit.stats()["seed"]) == seed
    assert seed in visit.page.inner_text("#seed")
    visit.generate()
    visit.until("stats.state === 'done' && !stats.recalled")
    assert str(studio.synthesizer.utterances[-1].seed) == seed
    visit.page.click("#seed")
    assert not visit.page.locator("#seed").is_visible()


def test_blind_hides_the_seeds_until_one_is_chosen(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    three(visit)
    visit.page.check("#blind")
    assert seeds(visit) == ["", "", ""]
    visit.page.click(".take >> nth=0 >> .keep")
    visit.page.wait_for_function("() => [...document.querySelectorAll('.take small')].every((e) => e.textContent)")
    assert len(set(seeds(visit))) == 3


def test_failed_takes_show_the_reason(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("……!!")
    visit.page.click("#compare-takes")
    visit.page.wait_for_function("() => document.querySelectorAll('.take[data-state=failed]').length === 3")
    assert visit.page.inner_text("#takes-hint").startswith("There is nothing to synthesize")
