"""Lines in a language that neither engine knows, in a script that both read."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen3tts_webui.text import foreign_language
from qwen3tts_webui.text.language import LANGUAGES


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("Привіт, як справи?", "Ukrainian"),
        ("Слава Україні!", "Ukrainian"),
        ("Къде е гарата?", "Bulgarian"),
        ("Аз обичам да чета книги", "Bulgarian"),
        ("Дякую", "Ukrainian"),
        ("Завтра буде дощ.", "Ukrainian"),
        ("Мене звати Олена", "Ukrainian"),
        ("Добро утро", "Bulgarian"),
        ("Днес времето е хубаво", "Bulgarian"),
        ("Данас је лепо време", "Serbian"),
        ("Я люблю чытаць кнігі", "Belarusian"),
        ("Сәлем, қалайсың?", "Kazakh"),
        ("Dzień dobry, jak się masz?", "Polish"),
        ("Het is vandaag mooi weer", "Dutch"),
        ("Det är fint väder idag", "Swedish"),
        ("Hyvää huomenta, mitä kuuluu?", "Finnish"),
        ("Bugün hava çok güzel", "Turkish"),
        ("Cảm ơn bạn", "Vietnamese"),
        ("Jó reggelt, hogy vagy?", "Hungarian"),
        ("Astăzi este vreme frumoasă", "Romanian"),
        ("Hari ini cuaca bagus", "Indonesian"),
    ],
)
def test_a_clear_line_names_its_language(line: str, language: str) -> None:
    assert foreign_language(line) == language


@pytest.mark.parametrize(
    "line",
    [
        "Erdoğan visited Kraków and Łódź last week.",
        "Er kommt aus Malmö und Århus.",
        "Президент Туркменистана приехал в Київ вчера.",
        "Ik hou van",
        "2 брата и 1 сестра",
        "25-летний объект, съезд и подъезд",
        "cinco menos tres igual a dos",
        "Guten Tag",
        "Доброе утро, Иван!",
        "Шарль де Голль",
        "Он тут, а она там",
        "assert json.loads(tmp_path.read_text()) == [1, 2]",
        "请用 Dzień dobry 打招呼，这是波兰语",
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit",
        "",
    ],
)
def test_names_phrases_and_the_ten_languages_do_not(line: str) -> None:
    assert foreign_language(line) == ""


def test_no_line_of_the_ten_languages_is_foreign() -> None:
    for code in (language.code for language in LANGUAGES):
        table = Path(__file__).with_name("normalize_cases") / f"{code}.tsv"
        for row in table.read_text("utf-8").splitlines():
            for text in row.split("\t")[1:]:
                assert foreign_language(text) == "", text
