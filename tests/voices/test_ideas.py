import pytest

from qwen3tts_webui.text.traits import language_of, missing
from qwen3tts_webui.voices.traits import Language, examples, suggest


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_surprise_names_every_dimension(language: Language) -> None:
    for seed in range(60):
        description = suggest(seed, language)
        assert missing(description) == ()
        assert language_of(description) == language


def test_a_surprise_depends_on_its_seed_alone() -> None:
    assert suggest(7) == suggest(7)
    assert len({suggest(seed) for seed in range(100)}) > 80


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title["en"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_example_leaves_nothing_open(example, language: str) -> None:
    assert missing(example.description[language]) == ()
    assert language_of(example.description[language]) == language
    assert example.why[language]
