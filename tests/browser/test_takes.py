"""The strip of the last takes: one seed while the description changes, differences, flips, and takes brought back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import SHORT_FRAMES, Studio, Visit

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]
SAMPLES = SHORT_FRAMES * 1920


def speak(visit: Visit, description: str) -> None:
    """Generate with `description` and wait for the take."""
    count = visit.page.locator(".take").count()
    visit.page.fill("#description textarea", description)
    visit.generate()
    visit.page.wait_for_function(
        f"() => document.querySelectorAll('.take[data-state=done]').length === {count + 1} && !qwen3tts.stats.receiving"
    )
    visit.until("stats.state === 'done'")


def three(visit: Visit) -> None:
    visit.type("The same words.")
    visit.page.click("#compare-takes")
    visit.page.wait_for_function("() => document.querySelectorAll('.take[data-state=done]').length === 3")


def letters(visit: Visit) -> list[str]:
    found: list[str] = visit.page.locator(".take .hear b").all_inner_texts()
    return found


def test_five_tweaks_of_a_description(studio: Studio, fresh: Fresh) -> None:
    """Generate five times, flip, bring one back, and reload: only the words differ and nothing is lost."""
    visit = fresh(studio.url)
    visit.type("First line.\nSecond line.")
    descriptions = [f"a {word} woman, speaking slowly" for word in ("calm", "warm", "husky", "bright", "tired")]
    for description in descriptions:
        speak(visit, description)
    asked = studio.synthesizer.utterances[-10:]
    assert len({utterance.seed for utterance in asked}) == 1
    assert letters(visit) == ["E", "D", "C", "B", "A"]
    assert visit.page.inner_text(".take >> nth=1 >> del") == "tired"
    assert visit.page.inner_text(".take >> nth=1 >> ins") == "bright"

    visit.page.click(".take >> nth=4 >> .hear")
    visit.page.wait_for_function("() => document.querySelectorAll('.take')[4].dataset.here === 'true'")
    pause = "(document.querySelectorAll('.take .hear')[4].click(), true)"  # within the page: two seconds are soon over
    visit.until(f"stats.state === 'speaking' && stats.position > 6000 && {pause}")
    position = visit.until("stats.state === 'paused'")["position"]
    visit.page.keyboard.press("x")
    visit.page.wait_for_function("() => document.querySelectorAll('.take')[0].dataset.here === 'true'")
    stats = visit.until("stats.state === 'done'")
    assert stats["samples_played"] == pytest.approx(SAMPLES * 2 - position, abs=3000)  # it began at the same place

    visit.page.fill("#description textarea", "something else")
    visit.type("Other words.")
    visit.page.get_by_role("button", name="Bring back take B").click()
    visit.page.wait_for_function("() => document.querySelector('#text textarea').value.startsWith('First line.')")
    assert visit.page.input_value("#description textarea") == descriptions[1]
    visit.page.wait_for_function("() => document.querySelectorAll('.take')[3].dataset.here === 'true'")

    seed = visit.page.inner_text("#seed")
    visit.reload()
    assert letters(visit) == ["E", "D", "C", "B", "A"]
    assert visit.page.inner_text("#seed") == seed == str(asked[0].seed)
    visit.page.click(".take >> nth=2 >> .hear")
    assert visit.until("stats.state === 'done' && stats.recalled")["samples_played"] == SAMPLES * 2
    assert not visit.complaints


def test_a_new_reading_draws_another_seed(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("One line.")
    speak(visit, "a calm woman")
    before = visit.page.inner_text("#seed")
    visit.page.click("#new-reading")
    visit.page.wait_for_function("() => document.querySelectorAll('.take[data-state=done]').length === 2")
    assert visit.page.inner_text("#seed") != before
    assert str(studio.synthesizer.utterances[-1].seed) == visit.page.inner_text("#seed")


def test_holding_a_take_flips_and_returns(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("One line.")
    speak(visit, "a calm woman")
    speak(visit, "a calm man")
    box: Any = visit.page.locator(".take >> nth=1 >> .hear").bounding_box()
    visit.page.mouse.move(box["x"] + 30, box["y"] + 10)
    visit.page.mouse.down()
    visit.page.wait_for_function("() => document.querySelectorAll('.take')[1].dataset.here === 'true'")
    visit.page.mouse.up()
    visit.page.wait_for_function("() => document.querySelectorAll('.take')[0].dataset.here === 'true'")


def test_three_takes_have_different_seeds(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    three(visit)
    asked = studio.synthesizer.utterances[-3:]
    assert {utterance.text for utterance in asked} == {"The same words."}
    assert len({utterance.seed for utterance in asked}) == 3
    assert letters(visit) == ["C", "B", "A"]


def test_bringing_back_a_reading_keeps_its_seed(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    three(visit)
    visit.page.get_by_role("button", name="Bring back take A").click()
    visit.until("stats.samples > 0 && !stats.receiving")
    seed = visit.stats()["seed"]
    assert str(seed) == visit.page.inner_text("#seed")
    visit.generate()
    visit.until("stats.state === 'done' && !stats.recalled")
    assert studio.synthesizer.utterances[-1].seed == int(seed)


def test_blind_hides_what_differs_until_one_is_chosen(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    three(visit)
    visit.page.check("#blind")
    assert letters(visit) == ["1", "2", "3"]
    assert visit.page.locator(".take .difference").all_inner_texts() == ["", "", ""]
    visit.page.get_by_role("button", name="Choose take 1").click()
    visit.page.wait_for_function("() => document.querySelector('.take .hear b').textContent === 'C'")


def test_failed_takes_show_the_reason(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    visit.type("……!!")
    visit.page.click("#compare-takes")
    visit.page.wait_for_function("() => document.querySelectorAll('.take[data-state=failed]').length === 3")
    assert visit.page.inner_text("#takes-hint").startswith("There is nothing to synthesize")


def test_the_louder_take_is_played_as_loud_as_the_other(fresh: Fresh, studio: Studio) -> None:
    visit = fresh(studio.url)
    levels = visit.page.evaluate(
        """async () => {
          const { LevelMeter } = await import(new URL("studio/audio/pcm.js", location.href));
          const measure = (amplitude, pause) => {
            const meter = new LevelMeter(480);
            meter.push(Float32Array.from({ length: 48000 }, (_, i) => i < pause ? 0 : amplitude * Math.sin(i / 10)));
            return meter.level;
          };
          return [measure(0.5, 0), measure(0.25, 0), measure(0.5, 24000)];
        }"""
    )
    assert levels[0] / levels[1] == pytest.approx(2, rel=1e-3)
    assert levels[2] == pytest.approx(levels[0], rel=1e-2)  # pauses do not count
