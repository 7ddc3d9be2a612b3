"""Chinese: "2024-05-06" -> "二零二四年五月六日", "2个" -> "两个", "13812345678" -> "幺三八…"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize import zh_contexts
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import POINT, Noun, Number, noun, nouns, words
from qwen3tts_webui.text.normalize.zh_units import UNITS

_DIGITS = "零一二三四五六七八九"
_COUNTED = regex.compile(
    r"个(?!十)|只|条|件|本|张|把|辆|位|名(?!列)|座|台|部(?!分)|间|所|家|块|片|根|颗|粒|头|匹|双|对|副|套|种|样|项|次|回|遍|趟|顿|杯|瓶|碗|盘|袋|包|箱"
    r"|盒|层|岁|天|周|年(?!代|级)|小时|分钟|秒|斤|公斤|公里|千米|米|克|吨|尺|倍|人|口|集|首|幅|枚|支|枝|朵|棵|份|句|段|篇|页|章|门|节|堂|场|阵|股|批|群|伙"
    r"|届|期|代|扇|盏|面|架|艘|列|队|串|束|滴|升|毫升|万|亿|元|块|美元|欧元|英镑|平方|立方|毫米|厘米|千克|毫克|百|千|[大小]?[勺匙](?!子)|[汤茶][勺匙]|大(?=[碗杯块把片包盒瓶])|小(?=[碗杯块把片包盒瓶])|公分|公顷|英寸|英尺|英里|海里|亩|里(?=地|路|外)|餐|步|站(?!台|点|立|起|在)|针|笔|局|轮|剂|点(?:钟|半|整|\d|[零一二三四五六十])|星期|个月|等份|成(?!长|立|为|功)|刻"
)
_TEENS = regex.compile(r"^一十")


class Chinese(Grammar):
    code = "zh"
    spaced = False
    decimal_mark = "."
    number_pattern = POINT
    date_order = "mdy"
    point, minus, plus, plus_minus, to, versus, per = "点", "负", "加", "正负", "到", "比", "每"
    percent = noun("百分之")
    degree = noun("度")
    own_shapes, match_minute = True, "第{}分钟"
    time_suffix = r"[AaPp]\.?[Mm]\.?|点|时"
    currencies = {
        sign: (noun(whole), noun(cents) if cents else None)
        for sign, whole, cents in (
            ("¥", "元", "角"), ("￥", "元", "角"), ("元", "元", "角"), ("块钱", "块钱", ""), ("块", "块", ""), ("RMB", "元", "角"), ("CNY", "元", "角"), ("人民币", "人民币", ""), ("$", "美元", ""),
            ("US$", "美元", ""), ("USD", "美元", ""), ("美元", "美元", ""), ("€", "欧元", ""), ("EUR", "欧元", ""), ("£", "英镑", ""), ("GBP", "英镑", ""), ("HK$", "港元", ""),
            ("HKD", "港元", ""), ("NT$", "新台币", ""), ("JPY", "日元", ""), ("₩", "韩元", ""), ("₽", "卢布", ""), ("₹", "卢比", ""),
        )
    }  # fmt: skip
    magnitudes = words("""
        万 = 万
        亿 = 亿
        万亿 = 万亿
        千万 = 千万
        百万 = 百万
        千 = 千
        k = 千
        K = 千
        w = 万
        W = 万
    """)
    units = nouns(UNITS) | {"K B": Noun(("K B",))}
    signs = words("""
        + = 加
        < = 小于
        > = 大于
        ≤ = 小于等于
        ≥ = 大于等于
        ≠ = 不等于
        ≈ = 约等于
        × = 乘
        ÷ = 除以
        ± = 正负
        √ = 根号
        ∞ = 无穷大
        → = 到
        ~ = 约
        # = 第
        & = 和
        % = 百分号
        ‰ = 千分之
        @ = 艾特
        § = 第
        ° = 度
        $ = 美元
        € = 欧元
        £ = 英镑
        ¥ = 元
    """) | {"=": "等于", "#": "井号"}
    web = {".": "点", "/": "斜杠", "@": "艾特", "-": "杠", "_": "下划线", ":": "冒号", "?": "问号", "=": "等于",
           "&": "和", "%": "百分号", "+": "加", "#": "井号", "~": "波浪线"}  # fmt: skip
    version, hashtag = "版本", "话题"
    abbreviations = words("""
        No.# = 第
        NO.# = 第
        Vol.# = 第
        Tel. = 电话
        TEL = 电话
        vs = 对
        VS = 对
        etc. = 等等
    """)
    phones = r"""(?<![\d+.-])1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d) | (?<![\d.-])0\d{2,3}[- ]?\d{7,8}(?:-\d{1,5})?(?!\d) | (?<![\d.-])(?:400|800)-?\d{3,4}-?\d{3,4}(?!\d)
        | (?<![\d.-])\(0\d{2,3}\)\s?\d{3,4}-?\d{4}(?!\d) | (?<![\d.,-])\d{17}[\dXx](?!\d) | (?<=拨打|呼叫|打|拨|致电|报警|热线)\s?(?:1[12]\d|12\d{3}|95\d{3}|100\d\d)(?![\d年月日个块元度])"""
    phone_words = "会议ID|会议号|电话|手机|号码|热线|传真|拨打|致电|密码|验证码|邮编|房间号|房号|住院号|病历号|取件码|证书号|合同号|运单号|流水号|会员号|激活码|邀请码|兑换码|航班|车牌|编号|卡号|账号|尾号|学号|工号|单号|发票号|订单号|QQ|分机|门牌|微信"
    subtract = "减"
    squared, cubed, power, root = "的平方", "的立方", "的{}次方", "根号"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        import cn2an

        if number >= 10**16:
            return self.digits(str(number))
        said = str(cn2an.an2cn(str(number), "low"))
        said = regex.sub(r"(?<=^|[亿])二(?=[千万亿])|(?<=万)二(?=千)", "两", said)
        return regex.sub(r"^二(?=百)", "二", said)

    def counting(self, number: int) -> str:
        """A number before a measure word: 两个."""
        return "两" if number == 2 else self.cardinal(number)

    def ordinal(self, number: int, gender: str = "m") -> str:
        return f"第{self.cardinal(number)}"

    def digits(self, digits: str) -> str:
        return "".join(_DIGITS[int(digit)] for digit in digits if digit.isdecimal())

    def year(self, year: int) -> str:
        return self.digits(str(year))

    def phone_group(self, digits: str) -> str:
        return self.digits(digits).replace("一", "幺")

    def phone(self, written: str) -> str:
        tail = written[-1] if written[-1] in "Xx" else ""
        return super().phone(written) + tail.upper()

    def amount(self, number: Number, noun: Noun) -> str:
        name = noun.forms[0]
        if name in ("公里每小时", "米每秒", "英里每小时"):
            unit, _, per = name.partition("每")
            return f"每{per}{self.say(number)}{unit}"
        if number.sign == "−" and name == "摄氏度":
            return f"零下{self.say(Number(number.text, number.whole, number.fraction))}{name}"
        if (
            number.value == 2
            and not number.fraction
            and not self.keep_digits
            and number.sign == ""
            and name not in ("摄氏度", "华氏度", "度", "角", "两")
        ):
            return f"两{name}"
        return self.say(number) + name

    def range(self, low: Number, high: Number, noun: Noun | None = None) -> str:
        if noun and low.sign and not high.sign and noun.forms[0] == "摄氏度":
            return f"{self.amount(low, noun)}到{self.amount(high, noun)}"
        if noun and self.amount(high, noun).startswith("每"):
            unit, _, per = noun.forms[0].partition("每")
            return f"每{per}{super().range(low, high)}{unit}"
        return super().range(low, high, noun)

    def per_mille(self, said: str) -> str:
        return f"千分之{said}"

    def fraction(self, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(denominator)}分之{self.cardinal(numerator)}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(whole)}又{self.fraction(numerator, denominator)}"

    def in_percent(self, said: str, number: Number) -> str:
        for sign, word in (("加", "正"), ("正负", "正负"), ("负", "负")):
            if said.startswith(sign):
                return f"{word}百分之{said.removeprefix(sign)}"
        return "百分之" + said.replace("到", "到百分之")

    def money(self, number: Number, unit: Noun, cents: Noun | None) -> str:
        if cents is None or len(number.fraction) != 2:
            return super().money(number, unit, None)
        sign = "负" if number.sign == "−" else ""
        tens, ones = (int(digit) for digit in number.fraction)
        whole = f"{self.counting(number.value)}{unit.forms[0]}" if number.value or not (tens or ones) else ""
        said = f"{_DIGITS[tens]}角" if tens else "零" if ones and whole else ""
        return sign + whole + said + (f"{_DIGITS[ones]}分" if ones else "")

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        half = {"a": "上午", "p": "下午"}.get(suffix[:1].lower(), "")
        said = f"{half}{self.counting(hour)}点"
        if second is not None:
            return f"{said}{self._two(minute)}分{self._two(second)}秒"
        if not minute:
            return said
        return f"{said}{self._two(minute)}分"

    def _two(self, value: int) -> str:
        return ("零" if value < 10 else "") + (self.cardinal(value) if value else "")

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = f"{self.year(year)}年" if year is not None else ""
        return f"{said}{self.cardinal(month)}月" + (f"{self.cardinal(day)}日" if day is not None else "")

    def roman(self, number: int, before: str, after: str) -> str | None:
        if before.endswith(("第", "世")) or after.strip()[:1] in tuple("世型期级类章节部卷代度区号段阶"):
            return self.cardinal(number)
        return None

    def arc(self) -> tuple[Noun, Noun]:
        return Noun(("分",)), Noun(("秒",))

    def pause(self) -> str:
        return "，"

    def early_rules(self) -> tuple[Rule, ...]:
        took = r"(?<=(?:用时|耗时|历时|时长|成绩|片长|全程|完赛时间|总时间)[为是了约：:]{0,2}\s?)(?:(\d{1,2})[:：])?(\d{1,2})[:：]([0-5]\d)(?![\d:：])"
        score = r"(?<=比分|比分[为是]|总分|战平|局分)\s?(\d{1,3})[:：](\d{1,3})(?![\d:：])"
        return (
            (score, lambda m: f"{self.cardinal(int(m[1]))}比{self.cardinal(int(m[2]))}"),
            (took, self._duration),
            *zh_contexts.early_rules(self),
        )

    def rules(self) -> tuple[Rule, ...]:
        number = rf"(?:{POINT})"
        return (
            *zh_contexts.rules(self),
            (r"(?<![\d.,])(\d{1,4})块([1-9])(?!\d|[多万千百个])", lambda m: f"{self.counting(int(m[1]))}块{self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,:])1[:：](\d{3,})(?!\d)", lambda m: f"一比{self.whole(m[1])}"),
            (r"(?<![\d.,])(\d{1,3})['′](\d{1,2})(?:[\"″”]|'')", lambda m: f"{self.cardinal(int(m[1]))}分{self.cardinal(int(m[2]))}秒"),
            (r"(?<![\d.,])([1-9])\.(\d)折", lambda m: f"{self.cardinal(int(m[1]))}{self.cardinal(int(m[2]))}折"),
            (r"(?<![\d.,])([12])米(\d{2})(?!\d)", lambda m: f"{self.cardinal(int(m[1]))}米{self.digits(m[2])}"),
            (r"时速\s?(?=\d+(?:\.\d+)?\s?km/h)", lambda m: ""),
            (r"(?<![\d\p{Latin}.,])[-−](\d+(?:\.\d+)?)(?=\s?度)", lambda m: f"零下{self.say(self.number(m[1]))}"),
            (r"(?<![\d.,])(\d{2})(?=年代)", lambda m: self.cardinal(int(m[1])) if m[1][1] == "0" else None),
            (r"(?<![\d.,])([089]\d)(?=\s?(?:年[级度]?|后|届))(?!年(?:前|后|来|间|的))", lambda m: self.digits(m[1])),
            (r"(?<![\d:.,])([01]?\d|2[0-4])[:：]([0-5]\d)\s?[-–—~～至到]\s?([01]?\d|2[0-4])[:：]([0-5]\d)(?![:：\d])",
             lambda m: f"{self.clock(int(m[1]), int(m[2]), None, '')}到{self.clock(int(m[3]), int(m[4]), None, '')}"),
            (r"(?<=比分[为是]?|以|战成|比率|比例)\s?(\d{1,3})\s?[-:：–比]\s?(\d{1,3})(?!\d)",
             lambda m: f"{self.cardinal(int(m[1]))}比{self.cardinal(int(m[2]))}"),
            (r"(?<=第)(\d{1,4})\s?[-–—~～至到]\s?(\d{1,4})", lambda m: f"{self.cardinal(int(m[1]))}到{self.cardinal(int(m[2]))}"),
            (r"(?<=[第初])\s?(\d+)", lambda m: self.cardinal(int(m[1]))),
            (r"(?<![\d.,])(\d{1,2})(?=[点时])(?:([点时])(\d{1,2})分?)", lambda m: self._point(m)),
            (r"(?<![\d.,第:：])2(?=(?:[点时])(?:[^\d]|$))", lambda m: "两"),
            (rf"(?<![\p{{Latin}}\d.,-])(?:2|{number})?\s?[-–—~～至到]\s?({number})(?=%)", lambda m: None),
            (rf"(?<![\d.,第])({number})\s?[-–—~～至到]\s?2(?=\s?(?:{_COUNTED.pattern}))", lambda m: f"{self.say(self.number(m[1]))}到两"),
            (rf"(?<![\d.,第/\p{{Latin}}])2(?=\s?(?:{_COUNTED.pattern}))(?!\s?(?:月|日|号|两|%))", lambda m: "两"),
            (r"(?<![\d.,])(\d{1,4})(?=[路栋楼室床房](?!\p{Han}*[个万]))", lambda m: self.phone_group(m[1]) if len(m[1]) > 2 else None),
            (r"(?<=\p{Han})\s+(?=\d)|(?<=\d)\s+(?=\p{Han})", lambda m: ""),
        )  # fmt: skip

    def _duration(self, match: regex.Match[str]) -> str:
        """ "2:15:30"."""
        hours, minutes, seconds = (int(each or 0) for each in match.groups())
        said = f"{self.counting(hours)}小时" if match[1] else ""
        return f"{said}{self.cardinal(minutes)}分{self.cardinal(seconds)}秒"

    def _point(self, match: regex.Match[str]) -> str | None:
        hour, minute = int(match[1]), int(match[3])
        if hour > 24 or minute > 59:
            return None
        if match[2] == "点" and len(match[3]) == 1 and not match[0].endswith("分"):
            return f"{self.cardinal(hour)}点{self.cardinal(minute)}"
        tail = "分" if match[0].endswith("分") or match[2] == "时" else ""
        return f"{self.counting(hour)}{match[2]}{self._two(minute)}{tail}"
