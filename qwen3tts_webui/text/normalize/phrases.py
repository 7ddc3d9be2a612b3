"""Short words around numbers that every language has: weekdays, compass points, "2x", "24/7", "50/50".

One `Phrases` per language code. Knows no patterns (see contexts).
"""

from __future__ import annotations

from dataclasses import dataclass

from qwen3tts_webui.text.normalize.numbers import Noun, noun


@dataclass(frozen=True, slots=True)
class Phrases:
    """`weekdays` and `shorts` start on Monday; `first` and `last` are the weekdays as the ends of a span
    where they differ; `compass` is north, south, east, west, with the letters of `letters`; `single` is a pattern of
    words before one unit: "au m²"."""

    multiple: Noun
    always: str
    over: str
    even: str
    by: str
    out_of: str
    each: str = ""
    dated: str = ""
    weekdays: tuple[str, ...] = ()
    shorts: tuple[str, ...] = ()
    compass: tuple[str, ...] = ()
    letters: str = "NSEW"
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    single: str = ""


PHRASES: dict[str, Phrases] = {
    "en": Phrases(
        noun("time|times"), "twenty-four seven", "over", "", "by", "{a} out of {b}", "per", "on|by|since|until|from|due|dated|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?",
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        ("Mon", "Tues|Tue", "Weds|Wed", "Thurs|Thur|Thu", "Fri", "Sat", "Sun"), ("north", "south", "east", "west"),
    ),
    "de": Phrases(
        noun("mal"), "vierundzwanzig sieben", "zu", "", "mal", "{a} von {b}", "pro", "am|vom|zum|bis|ab|den|seit|der|dem|(?:mon|diens|donners|frei|sams|sonn)tag,|mittwoch,",
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"), ("Nord", "Süd", "Ost", "West"), "NSOW",
    ),
    "fr": Phrases(
        noun("fois:f"), "vingt-quatre heures sur vingt-quatre, sept jours sur sept", "sur", "", "sur", "{a} sur {b}", "par", "le|du|au",
        ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        ("lun", "mar", "mer", "jeu", "ven", "sam", "dim"), ("nord", "sud", "est", "ouest"), "NSEO", single="au|le|du|un|chaque",
    ),
    "es": Phrases(
        noun("vez|veces:f"), "veinticuatro siete", "sobre", "", "por", "{a} de {b}", "por", "el|del|al|día",
        ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        ("lun", "mar", "miér|mié|mie", "juev|jue", "vier|vie", "sáb|sab", "dom"), ("norte", "sur", "este", "oeste"), "NSEO", single="al|el|del|un|cada",
    ),
    "it": Phrases(
        noun("volta|volte:f"), "ventiquattro ore su ventiquattro, sette giorni su sette", "su", "", "per", "{a} su {b}", "al", "il|del|dal|al",
        ("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
        ("lun", "mart|mar", "merc|mer", "giov|gio", "ven", "sab", "dom"), ("nord", "sud", "est", "ovest"), "NSEO", single="il|ogni|un|del",
    ),
    "pt": Phrases(
        noun("vez|vezes:f"), "vinte e quatro horas por dia, sete dias por semana", "por", "", "por", "{a} de {b}", "por", "em|dia|até|desde",
        ("segunda", "terça", "quarta", "quinta", "sexta", "sábado", "domingo"),
        ("seg", "ter", "qua", "qui", "sex", "sáb|sab", "dom"), ("norte", "sul", "leste", "oeste"), "NSEO", single="ao|o|do|cada|um",
    ),
    "ru": Phrases(
        noun("раз|раза|раз"), "двадцать четыре на семь", "на", "на", "на", "{a} из {b}", "за", "",
        ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
        ("пн", "вт", "ср", "чт", "пт", "сб", "вс"), ("северной широты", "южной широты", "восточной долготы", "западной долготы"),
        first=("с понедельника", "со вторника", "со среды", "с четверга", "с пятницы", "с субботы", "с воскресенья"),
        last=("по понедельник", "по вторник", "по среду", "по четверг", "по пятницу", "по субботу", "по воскресенье"), single="в|на|один|1",
    ),
    "zh": Phrases(noun("倍"), "全天候", "比", "比", "乘", "{a}分满分{b}分", compass=("北纬", "南纬", "东经", "西经")),
    "ja": Phrases(noun("倍"), "年中無休", "対", "対", "かける", "{b}点満点で{a}", compass=("北緯", "南緯", "東経", "西経")),
    "ko": Phrases(noun("배"), "연중무휴", "대", "대", "곱하기", "{b} 점 만점에 {a}", compass=("북위", "남위", "동경", "서경")),
}  # fmt: skip
