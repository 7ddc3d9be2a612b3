"""Korean: "3시 5분" -> "세 시 오 분", "20살" -> "스무 살", "2024년 6월" -> "이천이십사 년 유월"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize import ko_contexts
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.ko_units import UNITS
from qwen3tts_webui.text.normalize.numbers import POINT, Noun, Number, noun, nouns, words

_DIGITS = "영일이삼사오육칠팔구"
_SMALL = ("", "십", "백", "천")
_LARGE = ("", "만", "억", "조", "경", "해")
_NATIVE_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_ABOUT_SO_MANY = {1: "한두", 2: "두세", 3: "서너", 4: "네다섯", 5: "대여섯"}
_NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_NATIVE_COUNTERS = (
    r"시간|시(?!간표|리즈|즌|도|장|의|민|내)|개(?!월|국|년|소|사)|명|살|번째|번(?!지|길|호)|마리|잔|병(?!동|실)|권|대(?!학|한|의|째|로|기|비|장)|장(?!관|군)|송이|사람|가지|군데|그루|켤레|벌|묶음|매(?=[를을 ,.]|$)|필(?=[을이의 ,.]|$)|채(?!널)"
    r"|달(?!러)|판|그릇|줄|곳|분(?=이서|께|의|들)|자루|통(?!화)|쌍|척|편|모금|숟가락|조각|접시|방울|모(?=[를을 ,.]|$)|큰술|작은술|컵|스푼|티스푼|꼬집|줌(?!\p{L})|포기|뿌리|봉지|캔(?!\p{L})|팩(?!\p{L})|알(?=[을이씩 ,.]|$)|정(?=[씩을 ,.]|$)|상자|박스|세트|끼(?=[를에 ,.]|$)|바퀴|자리(?=[ ]?수)|걸음|단(?=[을 ,.]|$)(?!계)|배(?=[가를는로의 ,.]|$)"
)


_VEHICLES = r"(?:차|버스|트럭|택시|컴퓨터|노트북|전화|폰|TV|카메라|자전거|오토바이|항공기|비행기|헬기|기계|로봇|서버|드론|량|전차|탱크|기|장비)"


class Korean(Grammar):
    code = "ko"
    match_minute = "{}분"
    decimal_mark = "."
    number_pattern = POINT
    date_order = "mdy"
    point, minus, plus, plus_minus, to, versus, per = "점", "마이너스", "플러스", "플러스마이너스", "에서", "대", "퍼"
    percent = noun("퍼센트")
    degree = noun("도")
    time_suffix = r"[AaPp]\.?[Mm]\.?"
    currencies = {
        sign: (noun(whole), None)
        for sign, whole in (
            ("₩", "원"), ("￦", "원"), ("원", "원"), ("KRW", "원"), ("$", "달러"), ("US$", "달러"), ("USD", "달러"), ("달러", "달러"), ("€", "유로"), ("EUR", "유로"),
            ("£", "파운드"), ("GBP", "파운드"), ("¥", "엔"), ("JPY", "엔"), ("CNY", "위안"), ("RMB", "위안"), ("₽", "루블"), ("₹", "루피"),
        )
    }  # fmt: skip
    magnitudes = words("""
        만 = 만
        억 = 억
        조 = 조
        천 = 천
        백만 = 백만
        천만 = 천만
        천억 = 천억
    """)
    units = nouns(UNITS) | {"km/h": Noun(("킬로미터",), "h"), "m/s": Noun(("미터",), "s")}
    signs = words("""
        + = 더하기
        < = 작다
        > = 크다
        ≤ = 작거나 같다
        ≥ = 크거나 같다
        ≠ = 같지 않다
        ≈ = 은 약
        × = 곱하기
        ÷ = 나누기
        ± = 플러스마이너스
        √ = 루트
        ∞ = 무한대
        → = 에서
        ~ = 약
        & = 앤드
        % = 퍼센트
        ‰ = 퍼밀
        @ = 골뱅이
        § = 섹션
        ° = 도
        $ = 달러
        € = 유로
        £ = 파운드
        ₩ = 원
    """) | {"=": "은", "#": "넘버"}
    web = {".": "닷", "/": "슬래시", "@": "골뱅이", "-": "대시", "_": "언더바", ":": "콜론", "?": "물음표",
           "=": "이퀄", "&": "앤드", "%": "퍼센트", "+": "플러스", "#": "샵", "~": "물결"}  # fmt: skip
    version, hashtag = "버전", "해시태그"
    abbreviations = words("""
        No.# = 넘버
        no.# = 넘버
        Vol.# = 볼륨
        Tel. = 전화
        TEL = 전화
        vs. = 대
        vs = 대
        VS = 대
        etc. = 등
        Mr. = 미스터
        Dr. = 닥터
        ㈜ = 주식회사
    """)
    phones = r"""(?<![\d.-])01[016789][-\s]?\d{3,4}[-\s]?\d{4}(?!\d) | (?<![\d.-])0\d{1,2}[-\s)]\s?\d{3,4}[-\s]\d{4}(?!\d) | (?<![\d.-])1[5-8]\d{2}-\d{4}(?!\d)
        | (?<![\d.,-])1(?:12|19|14|20)(?=[에로](?:\s|$)|번(?:에|으로))|(?<![\d.,-])\d{6}-[1-4]\d{6}(?!\d)"""
    phone_words = "전화번호|전화|번호는|휴대폰|비밀번호|인증번호|우편번호|내선|팩스|코드|계좌번호|번호"
    subtract = "빼기"
    squared, cubed, power, root = "제곱", "세제곱", "의 {}제곱", "루트"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        if number >= 10**24:
            return self.digits(str(number))
        if not number:
            return "영"
        groups = []
        for large in _LARGE:
            number, group = divmod(number, 10_000)
            if group:
                said = _below_10000(group)
                groups.append(("" if said == "일" and large == "만" else said) + large)
        return " ".join(reversed(groups))

    def after(self, word: str) -> str:
        return self.between(word).lstrip()

    def native(self, number: int) -> str:
        """A number in native Korean numerals, 1 to 99."""
        if number == 20:
            return "스무"
        return _NATIVE_TENS[number // 10] + _NATIVE_ONES[number % 10]

    def ordinal(self, number: int, gender: str = "m") -> str:
        if number == 1:
            return "첫 번째"
        return f"{self.native(number)} 번째" if number < 100 else f"{self.cardinal(number)} 번째"

    def digits(self, digits: str) -> str:
        return "".join(_DIGITS[int(digit)] for digit in digits if digit.isdecimal())

    def phone_group(self, digits: str) -> str:
        return self.digits(digits).replace("영", "공")

    def say(self, number: Number, gender: str = "m", *, counted: bool = False) -> str:
        if self.keep_digits or not number.fraction:
            return super().say(number, gender, counted=counted)
        said = f"{self.whole(number.whole)}점{self.digits(number.fraction)}"
        return self.with_sign(number.sign, said)

    def with_magnitude(self, number: Number, written: str) -> str:
        if (
            number.value == 1
            and not number.fraction
            and written in ("만", "천", "백만", "천만", "천억")
            and not self.keep_digits
        ):
            return self.with_sign(number.sign, self.magnitudes[written])
        return self.say(number) + self.magnitudes[written]

    def amount(self, number: Number, noun: Noun) -> str:
        name = noun.forms[0]
        if name == "화씨도":
            return f"화씨 {self.say(number)}도"
        if noun.gender == "h":
            return f"시속 {self.say(number)}{'' if self.keep_digits else ' '}{name}"
        if number.sign == "−" and name == "도":
            return f"영하 {self.say(Number(number.text, number.whole, number.fraction))}{name}"
        if noun.gender == "s":
            return f"초속 {self.say(number)}{'' if self.keep_digits else ' '}{name}"
        if (
            name in ("시간", "배")
            and 0 < number.value < (24 if name == "시간" else 100)
            and not number.fraction
            and not self.keep_digits
        ):
            return f"{self.native(number.value)} {name}"
        return f"{self.say(number)}{'' if self.keep_digits or name in ('도', '원') else ' '}{name}"

    def range(self, low: Number, high: Number, noun: Noun | None = None) -> str:
        said = f"{self.say(low)}에서 "
        if low.sign == "−" and noun is not None and noun.forms[0] == "도":
            said = f"영하 {self.say(Number(low.text, low.whole, low.fraction))}도에서 "
        return said + (self.say(high) if noun is None else self.amount(high, noun))

    def in_percent(self, said: str, number: Number) -> str:
        return f"{said} 퍼센트"

    def fraction(self, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(denominator)}분의 {self.cardinal(numerator)}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(whole)}과 {self.fraction(numerator, denominator)}"

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        half = {"a": "오전 ", "p": "오후 "}.get(suffix[:1].lower(), "")
        said = half + self._hour(hour)
        if minute or second is not None:
            said += f" {self.cardinal(minute)} 분"
        return said if second is None else f"{said} {self.cardinal(second)} 초"

    def clock_range(self, start: str, end: str) -> str:
        return f"{start}에서 {end}"

    def _hour(self, hour: int) -> str:
        return f"{self.native(hour)} 시" if 1 <= hour <= 12 else f"{self.cardinal(hour)} 시"

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = f"{self.cardinal(year)} 년 " if year is not None else ""
        return f"{said}{self._month(month)}" + (f" {self.cardinal(day)} 일" if day is not None else "")

    def _month(self, month: int) -> str:
        return {6: "유월", 10: "시월"}.get(month, f"{self.cardinal(month)}월")

    def polish(self, arithmetic: str) -> str:
        return regex.sub(r"(?<=([이사오구]|조|\?)?) 은 ", lambda match: "는 " if match[1] else "은 ", arithmetic)

    def roman(self, number: int, before: str, after: str) -> str | None:
        if before.endswith(("제", "세계대전", "파트")) or after.strip()[:1] in tuple("세형기급장부편"):
            return self.cardinal(number)
        return None

    def early_rules(self) -> tuple[Rule, ...]:
        return ko_contexts.early_rules(self)

    def rules(self) -> tuple[Rule, ...]:
        return (
            *ko_contexts.rules(self),
            (r"(?<![\d.,])(\d{1,2})시\s?[-–~～]\s?(?=(?:오[전후]\s?)?\d{1,2}시)", lambda m: f"{self._hour(int(m[1]))}에서 "),
            (r"(?<=\d[ ]?)%\s?(?:p|P|포인트)(?!\p{Latin})", lambda m: " 퍼센트포인트"),
            (rf"(?<!{_VEHICLES}[가-힣]{{0,2}}\s?)(?<![\d.,])([1-9]0)대(?!\s?(?:의\s?(?:차|버스|트럭)|를\s|가\s?(?:판매|생산|출|투입)|판매|생산|출고|보유|운행|이상|한정))", lambda m: f"{self.cardinal(int(m[1]))}대"),
            (r"(?<![\d.,])(\d{1,3})\s?대\s?(\d{1,3})(?![\d가-힣])", lambda m: f"{self.cardinal(int(m[1]))} 대 {self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,])(\d{2,3})([가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주하허호배])\s?(\d{4})(?![\d가-힣.,])", lambda m: f"{self.cardinal(int(m[1]))}{m[2]} {self.digits(m[3])}"),
            (r"(?<![\d.,])(\d{2,})여\s?(?=[가-힣])", lambda m: f"{self.cardinal(int(m[1]))}여 "),
            (rf"(?<![\d.,])([1-9])(?=(?:,\s|·)([1-9])\s?(?:{_NATIVE_COUNTERS}))", lambda m: self.native(int(m[1]))),
            (r"(?<=\d)\+(?!\s?[\d=(])", lambda m: " 플러스"),
            (r"(?<![\d.,:])(\d{1,2})\s?[-~～]\s?(\d{1,2})시(?!간|[가-힣]{2}도)", lambda m: f"{self._hour(int(m[1]))}에서 {self._hour(int(m[2]))}" if int(m[1]) <= 24 >= int(m[2]) else None),
            (r"(?<![\d.,])(\d{1,2})월", lambda m: self._month(int(m[1])) if 1 <= int(m[1]) <= 12 else None),
            (r"(?<![\d.,:])(\d{1,2})시(?=[\s까부에의반를정이,.]|\d|$|[은는])(?!간)", lambda m: self._hour(int(m[1])) if int(m[1]) <= 24 else None),
            (r"(?<=(?:손님|어른|어르신|선생님|고객|교수님|부모님|할머니|할아버지|관객|회원)\s?)(\d{1,2})\s?(분)|(?<=(?:마늘|생강)\s?)(\d{1,2})\s?(쪽)", lambda m: f"{self._native_or_sino(m[1] or m[3])} {m[2] or m[4]}"),
            (r"제\s?(\d+)\s?[-~～–]\s?(?:제\s?)?(\d+)(?P<what>[가-힣]*?)(?=제\s?\d|[^가-힣]|$)", lambda m: f"제{self.cardinal(int(m[1]))}에서 {self.cardinal(int(m[2]))}{m['what']}"),
            (r"제\s?(\d+)(?P<what>[가-힣]*?)(?=제\s?\d|[^가-힣]|$)", lambda m: f"제{self.cardinal(int(m[1]))}{m['what']}"),
            (r"(?<![\d.,])(1[0-2])·(\d{1,2})(?!\d)", lambda m: self.cardinal(int(m[1])) + (self.cardinal(int(m[2])) if m[1] == m[2] else self.digits(m[2]))),
            (r"(?<![\d.,])(\d{1,3})분의\s?(\d{1,3})(?!\d)", lambda m: f"{self.cardinal(int(m[1]))}분의 {self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,])(\d{1,3})대\s?(?=기업|그룹|도시|강국|과제|뉴스|원칙|불가사의|명산|대학|핵심|범죄|의무|공약|리스크|요소|영양소|종교)", lambda m: f"{self.cardinal(int(m[1]))}대 "),
            (r"(?<![\d.,])(\d)(?:·|\.(?=\d{1,2}\s?(?:절|혁명|민주|전쟁|운동)))(\d{1,2})(?!\d)(절)?", lambda m: self.digits(m[1] + m[2]) + (m[3] or "")),
            (r"(?<![\d.,])(\d{1,3})번(?=\s?(?:출구|승강장|문제|버스|방|홈|게이트|선수|타자|좌석|국도|줄|창구|항목|답|트랙|채널|플랫폼|마을버스|노선)|\s?(?:으로|을 누|은|이 정답))",
             lambda m: f"{self.cardinal(int(m[1]))} 번"),
            (r"시속\s?(?=\d+(?:\.\d+)?\s?km/h)|초속\s?(?=\d+(?:\.\d+)?\s?m/s)", lambda m: ""),
            (r"(?<![\d.,:])(\d{1,2})시\s?[-–~～]\s?(?=\d{1,2}시)", lambda m: f"{self._hour(int(m[1]))}에서 "),
            (r"(?<=\d\s?)([일월년분원명])\s?[-–—~～]\s?(?=\d)|(?<![가-힣])([월화수목금토일])\s?[~～-]\s?(?=[월화수목금토일](?:요일|\s|,|\.|$))", lambda m: f"{m[1] or m[2]}에서 "),
            (r"(?<![\p{Latin}\d])([a-z])\s?([<>])\s?([a-z])(?![\p{Latin}\d])", lambda m: f"{m[1]}는 {m[3]}보다 {'크다' if m[2] == '>' else '작다'}"),
            (r"(\d+)\s?([<>])\s?(\d+)", lambda m: f"{self._topic(self.cardinal(int(m[1])))} {self.cardinal(int(m[3]))}보다 {'크다' if m[2] == '>' else '작다'}"),
            (r"(?<![\d.,:])(2[4-9]|[3-9]\d)\s?(?=시간)", lambda m: f"{self.cardinal(int(m[1]))} "),
            (r"(?<![\d.,])1\s?번째", lambda m: "첫 번째"),
            (rf"(?<![\d.,:])(\d{{1,2}})\s?[-~～–]\s?(\d{{1,2}})\s?(?={_NATIVE_COUNTERS})",
             lambda m: self._native_range(int(m[1]), int(m[2]))),
            (rf"(?<![\d.,/])(\d{{1,2}})\s?(?=(?:여\s?)?(?:{_NATIVE_COUNTERS}))", lambda m: f"{self._native_or_sino(m[1])} "),
            (r"(?<![\d.,])(\d{1,3})\s?[-:]\s?(\d{1,3})(?=\s?(?:으?로\s|승|패|무승부))",
             lambda m: f"{self.cardinal(int(m[1]))} 대 {self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,])(\d{4})\s?[-~～–]\s?(\d{4})(?=\s?년)", lambda m: f"{self.cardinal(int(m[1]))}에서 {self.cardinal(int(m[2]))} "),
        )  # fmt: skip

    def late_rules(self) -> tuple[Rule, ...]:
        topic = r"(?<![가-힣])([가-힣]+) 은 (?=(?:약 )?(?:마이너스 )?[영일이삼사오육칠팔구십백천만])"
        return ((topic, lambda m: f"{self._topic(m[1])} "),)

    @staticmethod
    def _topic(word: str) -> str:
        return word + ("은" if (ord(word[-1]) - 0xAC00) % 28 else "는")

    def _native_range(self, low: int, high: int) -> str:
        """ "2~3명" is 두세 명."""
        if high == low + 1 and low in _ABOUT_SO_MANY:
            return f"{_ABOUT_SO_MANY[low]} "
        return f"{self._native_or_sino(str(low))}에서 {self._native_or_sino(str(high))} "

    def _native_or_sino(self, digits: str) -> str:
        number = int(digits)
        return self.native(number) if number else self.cardinal(0)


def _below_10000(number: int) -> str:
    said = ""
    for place, digit in zip(range(len(str(number)) - 1, -1, -1), str(number), strict=True):
        if digit != "0":
            said += ("" if digit == "1" and place else _DIGITS[int(digit)]) + _SMALL[place]
    return said
