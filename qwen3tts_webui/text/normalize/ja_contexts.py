"""Japanese numbers next to certain words and signs: verses, ratings, durations, rates, bounds, weekdays, floors, formulas.

In: the grammar. Out: rules (see grammar.Rule). Some return digits, which the next round reads.
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import POINT, words
from qwen3tts_webui.text.normalize.quantities import alternatives

_BOOKS = (
    r"(?:創世記|エジプト記|テモテ|テサロニケ|コロサイ|レビ記|民数記|申命記|ヨシュア記|士師記|ヨブ記|詩篇|詩編|箴言|イザヤ書?|エレミヤ書?|ダニエル書?|マタイ|マルコ|ルカ|ヨハネ|使徒行伝|使徒"
    r"|ローマ|コリント|ガラテヤ|エペソ|エフェソ|ピリピ|フィリピ|ヘブル|ヘブライ|ヤコブ|ペテロ|ペトロ|黙示録|福音書|への手紙|の手紙)(?:の?福音書|伝)?"
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
_WEEK = "月火水木金土日"
_BOUNDS = {"≥": "以上", "≤": "以下", ">": "を超える", "<": "未満"}
_COUNTED = (
    r"(?:[歳円人個回年月日分秒点名本枚倍度%％℃]|か月|ヶ月|時間|週間|パーセント|cm|mm|km|m|kg|g|mg|ml|L|GB|MB|mmHg|°C)"
)
FORMULAS = r"(?:SpO2|SaO2|PaO2|PaCO2|H2SO4|H2O2?|CO2?|O[23]|N2O?|H2|NO[2x]|SO[23x]|CH4|NH[34]|HNO3|NaHCO3|Na2CO3|CaCO3|Fe2O3|C6H12O6|C2H5OH|SiO2|TiO2|Al2O3|K2O|MnO2|CaCl2|MgCl2|UF6|SF6)"
_ENGLISH = {"2": "ツー", "3": "スリー", "4": "フォー", "5": "ファイブ", "6": "シックス", "1": "ワン", "0": "ゼロ"}
_TIMED = r"(?:タイム|記録|時間|ラップ|自己ベスト|新記録|優勝|ゴール|尺|差)"
_LAP = r"(?:タイム|記録|再生時間|ラップ|自己ベスト|新記録|差)"
_DAY = rf"[（(][{_WEEK}](?:[・,、]?祝)?[)）]"


def early_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """Before dates and times."""
    return (
        (rf"(?<={_BOOKS}\s?)(\d{{1,3}})[:：](\d{{1,3}})(?:\s?[-–~～〜]\s?(\d{{1,3}}))?(?![\d:：])", lambda m: f"{m[1]}章{m[2]}節" + (f"から{m[3]}節" if m[3] else "")),
        (rf"(?<={_TIMED}[はがをの：:、]?\s?)(\d{{1,2}})[:：](\d{{1,2}})[:：]([0-5]\d)(?:[.．](\d{{1,3}}))?(?![\d:：])|(?<={_LAP}[はがをの：:、]?\s?)(?P<m>\d{{1,2}})[:：](?P<s>[0-5]\d)(?![\d:：.．]|\s?(?:から|まで|に|~|～))", _duration),
        (rf"[（(]([{_WEEK}])[)）]\s?[-~～〜]\s?[（(]([{_WEEK}])[)）]", lambda m: f"{m[1]}曜から{m[2]}曜、"),
        (rf"(?<![\d/])(\d{{1,2}})/(\d{{1,2}})(?=\s?{_DAY})", lambda m: f"{int(m[1])}月{int(m[2])}日"),
        (rf"(?<=\d\s?[\p{{Han}}\p{{Katakana}}ー]{{1,4}}|{_DAY})\s?[~～〜]\s?(?=\d)", lambda m: "から"),
        (r"(?<![\d.,-])(\d{1,2})-(\d{1,2})(?=(?:[、,]\s?\d{1,2}-\d{1,2})+)(?<![年月])|(?<=\d-\d{1,2}[、,]\s?)(\d{1,2})-(\d{1,2})(?=(?:[、,]\s?\d{1,2}-\d{1,2})*\s?(?:で|の|と|$))", lambda m: f"{grammar.cardinal(int(m[1] or m[3]))}対{grammar.cardinal(int(m[2] or m[4]))}"),
        (r"(?<=打率|出塁率|勝率|長打率)\s?0?\.(\d)(\d)(\d)(?!\d)", lambda m: "".join(f"{grammar.cardinal(int(digit))}{name}" for digit, name in zip(m.groups(), "割分厘", strict=True) if digit != "0")),
        (r"[△▲]\s?(?=[\d¥￥])", lambda m: "マイナス"),
        (r"(?<=\d階)\s?[/／]\s?(?=\d)", lambda m: "、"),
        (r"(?<=\d)V(?=型)", lambda m: "ブイ"),
        (r"(?<![\p{Latin}\d])J([123])(?=リーグ|クラブ|昇格|残留|降格|\s?第|の|[、。]|$)", lambda m: f"J{_ENGLISH[m[1]]}"),
        (r"(?<![\d.,])(\d{1,3})-(\d{1,3})(?=\s?(?:から|の)?(?:逆転|大勝|辛勝|快勝|完勝|サヨナラ|リード|敗れ))", lambda m: f"{grammar.cardinal(int(m[1]))}対{grammar.cardinal(int(m[2]))}"),
        (r"(?<![\d.,])(\d{2,3})/(\d{2,3})\s?(?=mmHg)", lambda m: f"{m[1]}の{m[2]}"),
        (r"(?<=(?:座席|席番|列|号車)[はがを：:、]?\s?)(\d{1,3})([A-K])(?![\p{Latin}\d])", lambda m: f"{grammar.cardinal(int(m[1]))}{m[2]}"),
        (r"(?<=(?:普通|当座)(?:預金)?\s?)\d{7}(?!\d)", lambda m: grammar.digits(m[0])),
        (r"(?<=(?:今日|明日|昨日|本日|明後日|あさって|次回|締切|締め切り|期限|日程|日時|開催)[はがを：:、]?\s?)(1[0-2]|[1-9])/(3[01]|[12]\d|[1-9])(?![\d/])", lambda m: f"{int(m[1])}月{int(m[2])}日"),
        (r"(?<=(?<![\p{Latin}\d])F)([1-3])(?![\p{Latin}\d.-])", lambda m: _ENGLISH[m[1]]),
        (r"(?<=血圧[はがをの：:、]?\s?)(\d{2,3})\s?/\s?(\d{2,3})(?![\d/])", lambda m: f"{m[1]}の{m[2]}"),
        (r"(?<=(?<!\p{Latin})(?:PS|MP|Web|Switch\s|GPT-))([1-6])(?![\d.])", lambda m: _ENGLISH[m[1]]),
        (r"(?<=\d{4}|シーズン\s?)年?(?P<sep>/)(?P<y>\d{2})(?=\s?(?:シーズン|年度|年シーズン))", lambda m: f"から{m['y']}"),
        (r"(?<=\d{4}\.\s?\d{1,2}\.\s?\d{1,2})\.(?=\s)", lambda m: ""),
    )  # fmt: skip


def rules(grammar: Grammar) -> tuple[Rule, ...]:
    """After dates and times."""
    amount = rf"[¥￥$]?(?:{POINT})(?:[万億千]?(?:円|ドル|ユーロ)|[万億千]|[回個本人名枚件台杯錠拍歩]|時間|分|mg|g|kg|kWh|L|km|GB|リットル)?"
    return (
        (r"(?<=(?:評価|評点|スコア|満足度|採点|点数|レビュー|すめ度)[はがをの：:、]?\s?)(\d{1,3})/(5|10|20|50|100)(?![\d/])\s?点?", lambda m: grammar.out_of(m[1], m[2])),
        (rf"(?<!時給\s?)(?<![\d.,/])({amount})\s?[/／]\s?({alternatives(PER)})(?![\p{{L}}\d²³])", lambda m: f"{PER[m[2]]}{m[1]}"),
        (rf"(?<=^|[\s、。（(・：:\p{{Han}}\p{{Hiragana}}\p{{Katakana}}ー]|\p{{Latin}}{{2}})(?<!\d\s?\p{{Han}}{{0,3}})([<>≤≥])\s?((?:{POINT})\s?{_COUNTED}?)(?![\p{{Latin}}\d])", lambda m: f"{m[2]}{_BOUNDS[m[1]]}"),
        (rf"(?<=\d{_COUNTED}|[円日時分歳人名様月年])\s?[~～〜](?=$|[\s、。）)」])", lambda m: "から"),
        (r"(?<!\p{Latin})[Pp]{1,2}\.\s?(\d{1,4})(?:\s?[-–~～]\s?(\d{1,4}))?(?!\d)", lambda m: f"{m[1]}" + (f"から{m[2]}" if m[2] else "") + "ページ"),
        (r"(?<![\p{Latin}\d.-])(B?)(\d{1,3})F(?![\p{Latin}\d])", lambda m: f"{'地下' if m[1] else ''}{m[2]}階"),
        (rf"(?<=\d日|\d)(?P<open>[（(])([{_WEEK}])(?P<holiday>[・,、]?祝)?(?P<close>[)）])", lambda m: f"{m['open']}{m[2]}曜日{'祝日' if m['holiday'] else ''}{m['close']}"),
        (rf"(?<![\p{{Han}}\p{{Katakana}}\p{{Hiragana}}\d])([{_WEEK}])\s?[~～〜–-]\s?([{_WEEK}])(?:曜日?)?(?![\p{{Han}}ぁ-ん])", lambda m: f"{m[1]}曜から{m[2]}曜"),
        (rf"(?<![\p{{Han}}\p{{Katakana}}\p{{Hiragana}}\d])([{_WEEK}])(?=[\s:：]\s?(?:\d{{1,2}}(?:[:：時]|\s?[~～〜-])|[一二三四五六七八九十零]{{1,3}}時)|・[{_WEEK}](?:[\s:：・]|曜|$)|[\s:：]休)|(?<=(?<![\p{{Han}}ぁ-んァ-ヶ])[{_WEEK}]曜?・)([{_WEEK}])(?=[\s:：・]|$)", lambda m: f"{m[1] or m[2]}曜"),
        (r"(?<!\p{Han})(土?)日祝(?!日|\p{Han}?賀)", lambda m: "土日祝日" if m[1] else "日曜祝日"),
        (rf"(?<![\p{{Latin}}\d])({FORMULAS})(?![\p{{Latin}}\d])", lambda m: regex.sub(r"\d", lambda digit: _ENGLISH[digit[0]], m[1])),
        (r"(?<![\d.,十百千万])10分(?!の|[\d一二三四五六七八九十])", lambda m: "じゅっぷん"),
        (r"(?<![\d月./年第-])1日(?=\s?(?:\d|中|あたり|当たり|分|目|おき|以内|かけ|じゅう|間|限定|[一二三四五六七八九十数何]+[回個本錠杯時])|に\s?[\d一二三数何])|(?<=[丸まる])1日", lambda m: "いちにち"),
        (r"§§?\s?(\d{1,4})", lambda m: f"第{grammar.cardinal(int(m[1]))}条"),
        (r"(?<![\d.,])([+-]?\d+(?:\.\d+)?)\s?(?:pt|PT)(?!\p{Latin})", lambda m: f"{grammar.say(grammar.number(m[1]))}ポイント" if m[1][0].isdigit() else None),
    )  # fmt: skip


def _duration(match: regex.Match[str]) -> str:
    """ "2:35:10"."""
    hours, minutes, seconds, rest = match.groups()[:4] if match[1] else (None, match["m"], match["s"], None)
    said = [f"{int(number)}{name}" for number, name in ((hours, "時間"), (minutes, "分")) if number and int(number)]
    last = f"{int(seconds)}{f'.{rest}' if rest else ''}秒" if int(seconds) or rest or not said else ""
    return "".join(said) + last
