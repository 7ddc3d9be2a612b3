"""Korean numbers next to certain words and signs: verses, ratings, durations, rates, bounds, weekdays, lots, formulas.

In: the grammar. Out: rules (see grammar.Rule). Some return digits, which the next round reads.
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.ja_contexts import FORMULAS
from qwen3tts_webui.text.normalize.numbers import POINT, words
from qwen3tts_webui.text.normalize.quantities import alternatives

_BOOKS = (
    r"(?:창세기|출애굽기|레위기|민수기|신명기|여호수아|사사기|욥기|시편|잠언|전도서|이사야|예레미야|에스겔|다니엘|마태복음|마가복음|누가복음|요한복음|사도행전|로마서"
    r"|고린도[전후]서|갈라디아서|에베소서|빌립보서|골로새서|데살로니가[전후]서|디모데[전후]서|히브리서|야고보서|베드로[전후]서|요한[일이삼1-3]서|요한계시록|[마막눅요롬시창잠](?=\s?\d{1,3}:\d))"
)
PER = words("""
    분 = 분당
    초 = 초당
    시간 = 시간당
    일 = 하루
    주 = 주당
    월 = 한 달에
    년 = 연간
    인 = 일 인당
    명 = 명당
    개 = 개당
    병 = 병당
    회 = 회당
    박 = 일 박에
    대 = 대당
    장 = 장당
    평 = 평당
    ㎡ = 제곱미터당
    m² = 제곱미터당
    m2 = 제곱미터당
    kg = 킬로그램당
    g = 그램당
    100g = 백 그램당
    L = 리터당
    GB = 기가바이트당
    kWh = 킬로와트시당
""")
_BOUNDS = {"≥": "이상", "≤": "이하", ">": "초과", "<": "미만"}
_COUNTED = (
    r"(?:[세살원명개회년일분초점인배도%％℃]|개월|시간|주|퍼센트|만\s?원|억\s?원|cm|mm|km|m|kg|g|mg|ml|L|GB|MB|mmHg|°C)"
)
_ADJACENT = dict(zip("12345678", ("일이", "이삼", "삼사", "사오", "오륙", "육칠", "칠팔", "팔구"), strict=True))
_WEEK = "월화수목금토일"
_ENGLISH = {"2": "투", "3": "쓰리", "4": "포", "5": "파이브", "6": "식스", "1": "원", "0": "제로"}
_TIMED = r"(?:기록|시간|러닝타임|타임|완주|결승선|격차|차이)"
_LAP = r"(?:기록|재생\s?시간|랩타임|격차|차이)"
_DAY = rf"\([{_WEEK}]\)"
_AFTER_CONSONANT = {"를": "을", "는": "은", "가": "이", "와": "과"}


def early_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """Before dates and times."""
    return (
        (r"(?<![\d.])(\d{4})\.\s?(1[0-2]|0?[1-9])\.\s?(3[01]|[12]\d|0?[1-9])\.?(?=[\s(),~]|$)", _date),
        (rf"(?<={_BOOKS}\s?)(\d{{1,3}}):(\d{{1,3}})(?:\s?[-–~～]\s?(\d{{1,3}}))?(?![\d:])(?P<particle>[을를은는이가과와](?!\p{{L}}))?", lambda m: _verse(grammar, m)),
        (rf"(?<={_TIMED}(?:은|는|이|가|:)?\s?)(\d{{1,2}}):(\d{{1,2}}):([0-5]\d)(?:\.(\d{{1,3}}))?(?![\d:])|(?<={_LAP}(?:은|는|이|가|:)?\s?)(?P<m>\d{{1,2}}):(?P<s>[0-5]\d)(?!\s?(?:부터|에|까지|~|-)|[\d:.])", _duration),
        (rf"(?<![\d/])(\d{{1,2}})/(\d{{1,2}})(?=\s?{_DAY})", lambda m: f"{int(m[1])}월 {int(m[2])}일"),
        (rf"(?<=\d\s?[가-힣]{{1,3}}|{_DAY})\s?[~～]\s?(?=\d)", lambda m: "에서 "),
        (r"(?<![\d.,-])(\d{1,2})-(\d{1,2})(?=(?:,\s?\d{1,2}-\d{1,2})+(?!\d|[명개년월일]))|(?<=\d-\d{1,2},\s?)(\d{1,2})-(\d{1,2})(?=(?:,\s?\d{1,2}-\d{1,2})*(?:으?로|의|$|\s))", lambda m: f"{grammar.cardinal(int(m[1] or m[3]))} 대 {grammar.cardinal(int(m[2] or m[4]))}"),
        (r"(?<![\d.,-])(\d{1,3})-(\d{1,3})(?=\s?(?:역전|완승|신승|대승|완패|리드|으로\s|로\s))", lambda m: f"{grammar.cardinal(int(m[1]))} 대 {grammar.cardinal(int(m[2]))}"),
        (r"(?<=\d층)\s?/\s?(?=\d)", lambda m: ", "),
        (r"(?<![\d.,])(\d{2,3})/(\d{2,3})\s?(?=mmHg)|(?<=혈압(?:은|이|:)?\s?)(\d{2,3})/(\d{2,3})(?![\d/])", lambda m: f"{grammar.cardinal(int(m[1] or m[3]))}에 {m[2] or m[4]}" + (" " if m[1] else "")),
        (r"(?<![\d.,+])([12])\+1(?=\s?(?:행사|이벤트|상품|증정|세일|할인|$|[,.]))(?!\s?=)", lambda m: f"{_ENGLISH[m[1]]} 플러스 원"),
        (r"(?<![\p{Latin}\d.,])([2-4])(?=D(?![\p{Latin}\d]))|(?<=(?<![\p{Latin}\d])F|K리그\s?)([1-3])(?![\p{Latin}\d.-])", lambda m: _ENGLISH[m[1] or m[2]]),
        (r"(?<=(?:오늘|내일|어제|모레|마감|일시|날짜|기한)(?:은|는|이|:)?\s?)(1[0-2]|[1-9])/(3[01]|[12]\d|[1-9])(?![\d/])", lambda m: f"{m[1]}월 {m[2]}일"),
        (r"(?<=GPT-)([2-6])(?![\d.])", lambda m: _ENGLISH[m[1]]),
    )  # fmt: skip


def rules(grammar: Grammar) -> tuple[Rule, ...]:
    """After dates and times."""
    amount = rf"[₩$]?(?:{POINT})(?:\s?[만억천]?\s?(?:원|달러|유로)|[만억천]|\s?(?:시간|분|[회개병명장건대잔정알보]|mg|g|kg|kWh|L|km|GB|리터))?"
    return (
        (r"(?<=(?:평점|별점|점수|만족도|평가|스코어|추천도)(?:은|는|이|가|:)?\s?)(\d{1,3})/(5|10|20|50|100)(?![\d/])(?:\s?점)?", lambda m: grammar.out_of(m[1], m[2])),
        (rf"(?<![\d.,/])({amount})\s?[/／]\s?({alternatives(PER)})(?![\p{{L}}\d²³])", lambda m: f"{PER[m[2]]} {m[1]}"),
        (rf"(?<=^|[\s,(는은이가:])([<>≤≥])\s?((?:{POINT})\s?{_COUNTED}?)(?![\p{{Latin}}\d])", lambda m: f"{m[2]} {_BOUNDS[m[1]]}"),
        (rf"(?<=\d\s?{_COUNTED}|[원일시분세명월년])\s?[~～](?=$|[\s,.)])(?!\s?\d)", lambda m: "부터"),
        (rf"(?<=\d일|\d)(?P<open>\s?\()([{_WEEK}])(?=\))", lambda m: f"{m['open']}{m[2]}요일"),
        (rf"(?<![가-힣\d])([{_WEEK}])\s?[~～-]\s?([{_WEEK}])(?:요일)?(?=\s|,|\.|:|$)", lambda m: f"{m[1]}요일에서 {m[2]}요일"),
        (rf"(?<![가-힣\d\p{{Latin}}][\s]?)([{_WEEK}])(?=\s?(?::\s?)?\d{{1,2}}(?:시|:)|\s(?:오전|오후|[가-힣]{{1,4}}\s시(?!간))|\s(?:휴무|휴진|휴관|정기휴무|쉼|휴일)|\s\d{{1,2}}\s?[~～-]|·[{_WEEK}](?![가-힣]))|(?<=(?<![가-힣])[{_WEEK}](?:요일)?·)([{_WEEK}])(?![가-힣])", lambda m: f"{m[1] or m[2]}요일"),
        (r"(?<=[가-힣](?:로|길|동|리|가|읍|면)\s)(\d{1,4})-(\d{1,4})(?!\d|\s?(?:으?로\s|승|패|[명개년월일시분세살]))|(?<=[가-힣](?:번지|지번)\s)(\d{1,4})-(\d{1,4})", lambda m: f"{grammar.cardinal(int(m[1] or m[3]))} 다시 {grammar.cardinal(int(m[2] or m[4]))}"),
        (r"(?<![\d.,]|\d\s)(\d{1,3})/(\d{1,3})(?=\s?(?:통|개|컵|큰술|작은술|병|모|쪽|포기|단|공기|스푼|티스푼|봉지|알|조각))", lambda m: grammar.fraction(int(m[1]), int(m[2])) + " "),
        (rf"(?<![\p{{Latin}}\d])({FORMULAS})(?![\p{{Latin}}\d])", lambda m: regex.sub(r"\d", lambda digit: f" {_ENGLISH[digit[0]]}", m[1]) if regex.search(r"\d", m[1]) else None),
        (r"(?<=[\p{Latin}²³)])\s?=\s?(?=[\p{Latin}\d(√-])", lambda m: " 이퀄 "),
        (r"(?<!\p{Latin})[Pp]{1,2}\.\s?(\d{1,4})(?:\s?[-–~～]\s?(\d{1,4}))?(?!\d)", lambda m: f"{m[1]}" + (f"에서 {m[2]}" if m[2] else "") + "쪽"),
        (r"(?<![\p{Latin}\d.-])(B?)(\d{1,3})F(?![\p{Latin}\d])", lambda m: f"{'지하 ' if m[1] else ''}{grammar.cardinal(int(m[2]))} 층"),
        (r"(?<![\d.,/]|월\s?|제\s?)([1-8])\s?[-~～–]\s?([2-9])\s?(?=(?:회|일|년|분(?![은이을들께])|초|주|개월|학년|급|층|인분|인|차례|차|주일|년간|일간|쪽)(?!차|째|전\s?\d))", lambda m: f"{_ADJACENT[m[1]]} " if int(m[2]) == int(m[1]) + 1 else None),
        (r"(?<![\d\p{Latin}.,)])[-−](\d+(?:\.\d+)?)\s?도(?![가-힣]{2}|\p{Latin})", lambda m: f"영하 {grammar.say(grammar.number(m[1]))}도"),
        (r"(?<![\d\p{Latin}.,)])[-−](\d+(?:\.\d+)?)(?:\s?도)?\s?[~～]\s?([-−]?)(\d+(?:\.\d+)?)\s?도(?![가-힣]{2}|\p{Latin})", lambda m: f"영하 {grammar.say(grammar.number(m[1]))}도에서 {'영하' if m[2] else '영상'} {grammar.say(grammar.number(m[3]))}도"),
        (r"(?<=(?:탑승구|게이트|좌석|창구|등번호|사물함|문제|문항|채널|정답은?|답은?|보기|노선|버스|트랙|승강장|국도|출구|주차|번호는?|백넘버)\s?)(\d{1,3})번(?!째)", lambda m: f"{grammar.cardinal(int(m[1]))} 번"),
        (r"(?<!\d)(\d{1,2})번(?=(?:,\s?\d{1,2}번)+)|(?<=\d번,\s?)(\d{1,2})번(?=,|\s?(?:중|가운데|이|은|을|문|보기)|$)", lambda m: f"{grammar.cardinal(int(m[1] or m[2]))} 번"),
        (r"(?<=\d\s?반\s?)(\d{1,2})번(?!째)", lambda m: f"{grammar.cardinal(int(m[1]))} 번"),
        (r"§§?\s?(\d{1,4})", lambda m: f"제{grammar.cardinal(int(m[1]))}조"),
    )  # fmt: skip


def _verse(grammar: Grammar, match: regex.Match[str]) -> str:
    """ "요한복음 3:16"."""
    chapter, verse, last = (grammar.cardinal(int(part)) if part else "" for part in match.groups()[:3])
    particle = _AFTER_CONSONANT.get(match["particle"] or "", match["particle"] or "")
    return f"{chapter} 장 {verse} 절" + (f"에서 {last} 절" if last else "") + particle


def _duration(match: regex.Match[str]) -> str:
    """ "2:35:10"."""
    hours, minutes, seconds, rest = match.groups()[:4] if match[1] else (None, match["m"], match["s"], None)
    said = [f"{int(number)}{name} " for number, name in ((hours, "시간"), (minutes, "분")) if number and int(number)]
    last = f"{int(seconds)}{f'.{rest}' if rest else ''}초" if int(seconds) or rest or not said else ""
    return ("".join(said) + last).strip()


def _date(match: regex.Match[str]) -> str:
    """ "2024. 5. 1." with the dot that belongs to it."""
    ends = match[0][-1] == "." and not match.string[match.end() :].strip()
    return f"{match[1]}년 {int(match[2])}월 {int(match[3])}일" + ("." if ends else "")
