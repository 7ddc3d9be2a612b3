import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3tts_webui.text.description_parser import (
    DIMENSIONS,
    Traits,
    missing_dimensions,
    parse_description,
    trait_vocabulary,
)


@pytest.mark.parametrize(
    ("description", "traits"),
    [
        (
            "A calm middle-aged woman, low-pitched and slow, with a husky voice, for bedtime stories.",
            Traits(
                gender="female",
                age="middle",
                pitch="low",
                pace="slow",
                emotion=("calm",),
                texture=("husky",),
                use=("audiobook",),
            ),
        ),
        (
            "四十多岁的大叔，嗓音低沉沙哑，语速缓慢，语气平静，适合讲故事",
            Traits(
                gender="male",
                age="middle",
                pitch="low",
                pace="slow",
                emotion=("calm",),
                texture=("husky",),
                use=("audiobook",),
            ),
        ),
        ("萝莉", Traits(gender="female", age="child", pitch="high")),
        ("老奶奶，慈祥，说四川话", Traits(gender="female", age="senior", emotion=("warm",), accent="sichuan")),
        ("An elderly British gentleman", Traits(gender="male", age="senior", accent="british")),
        ("粤语女声", Traits(gender="female", accent="cantonese")),
        ("A woman, not a man", Traits(gender="female")),
        ("", Traits()),
    ],
)
def test_read(description: str, traits: Traits) -> None:
    assert parse_description(description) == traits


@pytest.mark.parametrize(
    ("description", "pitch"),
    [
        ("a deep voice", "low"),
        ("not a deep voice", None),
        ("not too deep, rather high", "high"),
        ("neither high nor low", None),
        ("without a very deep voice", None),
        ("not slow but deep", "low"),
        ("not only deep", "low"),
        ("a no-nonsense deep voice", "low"),
        ("high energy, high school", None),
        ("低沉", "low"),
        ("不低沉", None),
        ("不要太低沉", None),
        ("声音没有那么低沉", None),
        ("非常低沉", "low"),
        ("特别低沉", "low"),
        ("不仅低沉，而且有力", "low"),
        ("不尖细，音调偏低", "low"),
    ],
)
def test_negation_and_what_only_looks_like_it(description: str, pitch: str | None) -> None:
    assert parse_description(description).pitch == pitch


@pytest.mark.parametrize(
    ("description", "age"),
    [
        ("a 7-year-old boy", "child"),
        ("an eight-year-old girl", "child"),
        ("aged 16", "teen"),
        ("in her 30s", "young"),
        ("in his late forties", "middle"),
        ("70 years old", "senior"),
        ("八岁的小女孩", "child"),
        ("十几岁", "teen"),
        ("二十多岁", "young"),
        ("三十五岁", "young"),
        ("5-12岁", "child"),
        ("45 岁左右", "middle"),
        ("六十来岁", "senior"),
        ("给孩子讲故事的妈妈", None),
        ("a man who reads to a child", None),
        ("an old-fashioned tone", None),
    ],
)
def test_ages(description: str, age: str | None) -> None:
    assert parse_description(description).age == age


def test_missing_names_the_dimensions_not_yet_said() -> None:
    assert missing_dimensions("") == DIMENSIONS
    assert missing_dimensions("A young woman, high-pitched, fast, cheerful, sweet, for adverts.") == ()
    assert missing_dimensions("年轻女性，语速适中") == ("pitch", "emotion", "texture", "use")


@pytest.mark.parametrize("trait", trait_vocabulary(), ids=lambda trait: f"{trait.dimension}-{trait.id}")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_a_chip_inserts_is_read_back(trait, language: str) -> None:
    value = getattr(parse_description(trait.insert[language]), trait.dimension)
    assert value == trait.id or trait.id in (value or ())


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_description_can_be_read(description: str) -> None:
    assert set(missing_dimensions(description)) <= set(DIMENSIONS)
