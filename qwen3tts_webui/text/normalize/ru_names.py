"""The names of rulers in Russian in every case, and the nouns that a Roman numeral counts."""

from __future__ import annotations

from qwen3tts_webui.text.normalize.numbers import word_set

_MEN = word_set(
    """Пётр Петр Николай Александр Иван Павел Фёдор Федор Василий Карл Генрих Людовик Георг Эдуард Вильгельм Фридрих
    Филипп Наполеон Пий Бенедикт Лев Григорий Иоанн Рамзес Юлий Михаил Яков Альберт Климент Иннокентий Урбан Франциск
    Рихард Ричард Леопольд Максимилиан Рудольф Густав Христиан Сигизмунд Казимир Болеслав Ярослав Константин Лжедмитрий"""
)
_WOMEN = word_set("""Екатерина Елизавета Мария Анна Изабелла Маргарита Клеопатра Виктория Маргрете Беатриса""")
_STEMS = {"Пётр": "Петр", "Павел": "Павл", "Лев": "Льв"}
_ENDINGS = {
    "ий": ("ия", "ию", "ием", "ии"),
    "й": ("я", "ю", "ем", "е"),
    "ия": ("ии", "ии", "ией", "ии"),
    "а": ("ы", "е", "ой", "е"),
    "": ("а", "у", "ом", "е"),
}


def _declined(name: str) -> tuple[str, ...]:
    """The genitive, dative, instrumental and prepositional of a name."""
    ending = next(ending for ending in _ENDINGS if name.endswith(ending))
    stem = _STEMS.get(name) or name.removesuffix(ending)
    return tuple(stem + tail for tail in _ENDINGS[ending])


RULERS: dict[str, tuple[str, str]] = {}
"""Each form of a name -> the case and the gender of the ordinal after it."""
for _names, _gender in ((_MEN, "m"), (_WOMEN, "f")):
    for _name in sorted(_names):
        for _case, _form in zip("gdip", _declined(_name), strict=True):
            RULERS.setdefault(_form, (_case, _gender))
RULERS |= dict.fromkeys(_MEN, ("n", "m")) | dict.fromkeys(_WOMEN, ("n", "f"))

NUMBERED = word_set(
    """Глава глава Том том Часть часть Тип тип Раздел раздел Акт акт Книга книга Уровень Группа группа Статья статья
    Класс Фаза приложение приложении приложению приложения Приложение главе главы части таблица таблице томе"""
)
COUNTED = {
    stem + ending: (case, gender)
    for stems, gender, endings in (
        (("век", "съезд", "квартал", "тур", "этап", "том", "созыв", "чемпионат", "фестиваль", "класс"), "m", {"": "n", "а": "g", "у": "d", "ом": "i", "е": "p"}),
        (("столети", "тысячелети", "полугоди"), "n", {"е": "n", "я": "g", "ю": "d", "ем": "i", "и": "p"}),
        (("степен", "категори", "групп", "стади"), "f", {"ь": "n", "я": "n", "а": "n", "и": "g", "ы": "g", "е": "p", "ю": "a", "у": "a"}),
    )
    for stem in stems
    for ending, case in endings.items()
}  # fmt: skip
"""Each form of a noun after a Roman numeral -> its case and gender."""
