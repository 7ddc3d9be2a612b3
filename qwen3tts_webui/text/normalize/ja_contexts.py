"""Japanese numbers next to certain words and signs: verses, ratings, durations, rates, bounds, weekdays, floors, formulas.

In: the grammar. Out: rules (see grammar.Rule). Some return digits, which the next round reads.
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import POINT, words
from qwen3tts_webui.text.normalize.quantities import alternatives

_BOOKS = (
    r"(?:創世記|出エジプト記|レビ記|民数記|申命記|ヨシュア記|士師記|ヨブ記|詩篇|詩編|箴言|イザヤ書?|エレミヤ書?|ダニエル書?|マタイ|マルコ|ルカ|ヨハネ|使徒行伝|使徒"
    r"|ローマ|コリント|ガラテヤ|エペソ|エフェソ|ピリピ|フィリピ|ヘブル|ヘブライ|ヤコブ|ペテロ|ペトロ|黙示録)(?:人?への手紙|の?福音書|による福音書|伝)?"
)
PER = words("""
    分 = 毎分
    秒 = 毎秒
    日 = 一日あたり
    週 = 一週間あたり
    月 = 一か月あたり
    年 = 一年あたり
    人 = 一人あたり
    名 = 一名あたり
    個 = 一個あたり
    本 = 一本あたり
    枚 = 一枚あたり
    回 = 一回あたり
    泊 = 一泊あたり
    台 = 一台あたり
    杯 = 一杯あたり
    坪 = 一坪あたり
    ㎡ = 一平方メートルあたり
    m² = 一平方メートルあたり
    m2 = 一平方メートルあたり
    kg = 一キログラムあたり
    g = 一グラムあたり
    100g = 百グラムあたり
    L = 一リットルあたり
    GB = 一ギガバイトあたり
    kWh = 一キロワット時あたり
""")
_BOUNDS = {"≥": "以上", "≤": "以下", ">": "を超える", "<": "未満"}
_COUNTED = (
    r"(?:[歳円人個回年月日分秒点名本枚倍度%％℃]|か月|ヶ月|時間|週間|パーセント|cm|mm|km|m|kg|g|mg|ml|L|GB|MB|mmHg|°C)"
)
_WEEK = "月火水木金土日"
FORMULAS = r"(?:H2SO4|H2O2?|CO2?|O[23]|N2O?|H2|NO[2x]|SO[23x]|CH4|NH[34]|HNO3|NaHCO3|Na2CO3|CaCO3|Fe2O3|C6H12O6|C2H5OH|SiO2|TiO2|Al2O3|K2O|MnO2|CaCl2|MgCl2|UF6|SF6)"
_ENGLISH = {"2": "ツー", "3": "スリー", "4": "フォー", "5": "ファイブ", "6": "シックス", "1": "ワン", "0": "ゼロ"}
_TIMED = (
    r"(?:タイム|記録|所要時間|再生時間|演奏時間|上映時間|収録時間|経過時間|ラップ|自己ベスト|新記録|優勝|ゴール|尺)"
)


def early_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """Before dates and times."""
    return (
        (rf"(?<={_BOOKS}\s?)(\d{{1,3}})[:：](\d{{1,3}})(?:\s?[-–~～〜]\s?(\d{{1,3}}))?(?![\d:：])", lambda m: f"{m[1]}章{m[2]}節" + (f"から{m[3]}節" if m[3] else "")),
        (rf"(?<={_TIMED}[はがをの：:、]?\s?)(?:(\d{{1,2}})[:：])?(\d{{1,2}})[:：]([0-5]\d)(?:[.．](\d{{1,3}}))?(?![\d:：])", _duration),
        (r"(?<![\d.,])(\d{2,3})/(\d{2,3})\s?(?=mmHg)", lambda m: f"{m[1]}の{m[2]}"),
        (r"(?<=\d{4}|シーズン\s?)年?(?P<sep>/)(?P<y>\d{2})(?=\s?(?:シーズン|年度|年シーズン))", lambda m: f"から{m['y']}"),
        (r"(?<=\d{4}\.\s?\d{1,2}\.\s?\d{1,2})\.(?=\s)", lambda m: ""),
    )  # fmt: skip


def rules(grammar: Grammar) -> tuple[Rule, ...]:
    """After dates and times."""
    amount = rf"[¥￥$]?(?:{POINT})(?:[万億千]?(?:円|ドル|ユーロ)|[万億千]|[回個本人名枚件台杯錠拍歩]|mg|g|kg|kWh|L|km|GB|リットル)?"
    return (
        (r"(?<=(?:評価|評点|スコア|満足度|採点|点数|レビュー|おすすめ度)[はがをの：:、]?\s?)(\d{1,3})/(5|10|20|50|100)(?![\d/])\s?点?", lambda m: grammar.out_of(m[1], m[2])),
        (rf"(?<!時給\s?)(?<![\d.,/])({amount})\s?[/／]\s?({alternatives(PER)})(?![\p{{L}}\d²³])", lambda m: f"{PER[m[2]]}{m[1]}"),
        (rf"(?<=^|[\s、。（(はがを・：:])([<>≤≥])\s?((?:{POINT})\s?{_COUNTED}?)(?![\p{{Latin}}\d])", lambda m: f"{m[2]}{_BOUNDS[m[1]]}"),
        (rf"(?<=\d{_COUNTED}|[円日時分歳人名月年])\s?[~～〜](?=$|[\s、。）)」])", lambda m: "から"),
        (r"(?<!\p{Latin})[Pp]{1,2}\.\s?(\d{1,4})(?:\s?[-–~～]\s?(\d{1,4}))?(?!\d)", lambda m: f"{m[1]}" + (f"から{m[2]}" if m[2] else "") + "ページ"),
        (r"(?<![\p{Latin}\d.-])(B?)(\d{1,3})F(?![\p{Latin}\d])", lambda m: f"{'地下' if m[1] else ''}{m[2]}階"),
        (rf"(?<=\d日|\d)(?P<open>[（(])([{_WEEK}])(?P<holiday>[・,、]?祝)?(?P<close>[)）])", lambda m: f"{m['open']}{m[2]}曜日{'祝日' if m['holiday'] else ''}{m['close']}"),
        (rf"(?<![\p{{Han}}\p{{Katakana}}\p{{Hiragana}}\d])([{_WEEK}])\s?[~～〜–-]\s?([{_WEEK}])(?:曜日?)?(?![\p{{Han}}ぁ-ん])", lambda m: f"{m[1]}曜から{m[2]}曜"),
        (rf"(?<![\p{{Han}}\p{{Katakana}}\p{{Hiragana}}\d])([{_WEEK}])(?=[\s:：]\s?\d{{1,2}}(?:[:：時]|\s?[~～〜-])|・[{_WEEK}](?:[\s:：・]|曜|$)|[\s:：]休)|(?<=(?<![\p{{Han}}ぁ-んァ-ヶ])[{_WEEK}]曜?・)([{_WEEK}])(?=[\s:：・]|$)", lambda m: f"{m[1] or m[2]}曜"),
        (r"(?<!\p{Han})(土?)日祝(?!日|\p{Han}?賀)", lambda m: "土日祝日" if m[1] else "日曜祝日"),
        (rf"(?<![\p{{Latin}}\d])({FORMULAS})(?![\p{{Latin}}\d])", lambda m: regex.sub(r"\d", lambda digit: _ENGLISH[digit[0]], m[1])),
        (r"(?<![\d.,十百千万])10分(?!の|[\d一二三四五六七八九十])", lambda m: "じゅっぷん"),
        (r"(?<![\d月./年第-])1日(?=\s?(?:\d|中|あたり|当たり|分|目|おき|以内|かけ|じゅう|間|限定|[一二三四五六七八九十数何]+[回個本錠杯時])|に\s?[\d一二三数何])|(?<=[丸まる])1日", lambda m: "いちにち"),
        (r"§§?\s?(\d{1,4})", lambda m: f"第{grammar.cardinal(int(m[1]))}条"),
        (r"(?<![\d.,])([+-]?\d+(?:\.\d+)?)\s?(?:pt|PT)(?!\p{Latin})", lambda m: f"{grammar.say(grammar.number(m[1]))}ポイント" if m[1][0].isdigit() else None),
    )  # fmt: skip


def _duration(match: regex.Match[str]) -> str:
    """ "2:35:10"."""
    hours, minutes, seconds, rest = match.groups()
    said = f"{int(hours)}時間" if hours else ""
    return f"{said}{int(minutes)}分{int(seconds)}秒{rest or ''}"
