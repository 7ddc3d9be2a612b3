import pytest

from qwen3tts_webui.text import detect_language, missing_dimensions
from qwen3tts_webui.voices.description_ideas import DescriptionLanguage, description_examples, suggest_description


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_suggestion_covers_every_dimension(language: DescriptionLanguage) -> None:
    for seed in range(60):
        description = suggest_description(seed, language)
        assert missing_dimensions(description) == ()
        assert detect_language(description) == language


def test_a_surprise_depends_on_its_seed_alone() -> None:
    assert suggest_description(7) == suggest_description(7)
    assert len({suggest_description(seed) for seed in range(100)}) > 80


@pytest.mark.parametrize("example", description_examples(), ids=lambda example: example.title["en"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_example_leaves_nothing_open(example, language: str) -> None:
    assert missing_dimensions(example.description[language]) == ()
    assert detect_language(example.description[language]) == language
    assert example.why[language]
