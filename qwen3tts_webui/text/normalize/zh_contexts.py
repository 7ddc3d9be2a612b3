"""Chinese numbers next to certain words and signs: years, scores, model numbers, addresses, rates, codes, room numbers.

In: the grammar. Out: rules (see grammar.Rule).
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import POINT

_NOT_YEARS = r"(?:以|之|多|前(?![一二两三四五六九]?\d{0,2}个?(?:季|月|半年))|后|来|间|的)"


def early_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """Before dates and times."""
    return (
        (r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?::(\d{2,5}))?(?![.:]?\d)", lambda m: _host(grammar, m)),
    )  # fmt: skip


def rules(grammar: Grammar) -> tuple[Rule, ...]:
    """After dates and times."""
    number = rf"(?:{POINT})"
    return (
        (r"(?<![\p{Latin}\d])((?!USD|RMB|CNY|HKD|EUR|GBP|JPY|NTD?)[A-Z]{2,4})\s(\d{4})(?![\d次航高国]|[.,]\d|\s?(?:年|月|日|个|万|亿|元|人|米|多|名|点))", lambda m: f"{m[1]} {grammar.digits(m[2])}"),
        (r"(?<=[\d万千百亿元块])/(?:㎡|m²|平米|平)(?!方)", lambda m: "每平方米"),
        (r"(?<![\d.,-])(\d{1,2})-(\d{1,2})(?=(?:\(\d{1,2}\))?(?:[、，,]\s?\d{1,2}-\d{1,2}(?:\(\d{1,2}\))?)+(?!\d|[号日月楼岁人天页]))|(?<=\d-\d{1,2}(?:\(\d{1,2}\))?[、，,]\s?)(\d{1,2})-(\d{1,2})(?=(?:\(\d{1,2}\))?(?:[、，,。]|$|[击战取获险胜负不力]))", lambda m: f"{grammar.cardinal(int(m[1] or m[3]))}比{grammar.cardinal(int(m[2] or m[4]))}"),
        (r"(?<![\d.,/-])(0[1-9])-(0[1-9]|[12]\d|3[01])(?![\d-])", lambda m: grammar.date(None, int(m[1]), int(m[2]), "")),
        (r"(?<=\bi[3579][- ]?)-?(\d{4,5})(?=[A-Z]{0,2}(?!\p{Latin}))", lambda m: f"，{grammar.digits(m[1])}"),
        (r"(?<=[同环]比)([-−+＋])(?=\d)", lambda m: "下降" if m[1] in "-−" else "增长"),
        (r"(?<=大学|学院|专业|本科|系)(\d\d)(?=级)", lambda m: grammar.digits(m[1])),
        (r"转(\d{3,5})(?=\s?分机)", lambda m: f"转{grammar.phone_group(m[1])}"),
        (r"(?<=[（(])(\d{6})(?=[)）]|\.(?:SH|SZ|BJ))|(?<![\d.,])(\d{6})(?=\.(?:SH|SZ|BJ))", lambda m: grammar.digits(m[0])),
        (r"端口[号为是：:]*\s?(\d{2,5})(?![\d.])", lambda m: m[0][: -len(m[1])] + grammar.digits(m[1])),
        (r"(?<![\d.,])(\d{4})年?\s?[-–—~～至到]\s?(\d{4})(?=\s?年)", lambda m: f"{grammar.digits(m[1])}年到{grammar.digits(m[2])}"),
        (rf"(?<![\d.,])((?:1\d|20)\d\d|[0]\d{{3}})(?=\s?年(?!{_NOT_YEARS}))", lambda m: grammar.digits(m[1])),
        (r"(?<![\d.,]|\d[-–—~～至到/])(\d{4})(?=[级届款版]|财年|年度|赛季|学年)", lambda m: grammar.digits(m[1])),
        (r"(?<![\d.,])(\d{1,3})\s?[-:：–]\s?(\d{1,3})(?=\s?(?:战胜|击败|取胜|获胜|领先|战平|大胜|小胜|不敌|负于|逆转|落后|险胜|完胜|夺冠|晋级|出线|淘汰|轻取|力克))",
         lambda m: f"{grammar.cardinal(int(m[1]))}比{grammar.cardinal(int(m[2]))}"),
        (r"第(\d{1,3})、(\d{1,3})(?!\d)", lambda m: f"第{grammar.cardinal(int(m[1]))}、{grammar.cardinal(int(m[2]))}"),
        (r"(?<![\d.,])(?:110|119|120|122)(?=火警|报警|急救|指挥中心)", lambda m: grammar.phone_group(m[0])),
        (r"(?<![\d.,])(?:480|720|1080|1440|2160)(?=[Pp](?!\p{Latin}))", lambda m: grammar.digits(m[0])),
        (r"(?<=[\d零幺一二三四五六七八九])转(\d{2,5})(?!\d)", lambda m: f"转{grammar.phone_group(m[1])}"),
        (r"(?<![\d.,])(\d+(?:\.\d+)?)W(?=\s?(?:灯|快充|充电|功率|电|LED|适配器|吹风|音响|微波|闪充|的?灯|加热|电机|无线充))|(?<=功率|功耗|额定|支持|最高)(\d+(?:\.\d+)?)W", lambda m: f"{grammar.say(grammar.number(m[1] or m[2]))}瓦"),
        (r"(?<=[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z])[·\s]?([A-Z0-9]{5,6})(?![A-Z0-9])",
         lambda m: "".join(grammar.phone_group(sign) if sign.isdecimal() else sign for sign in m[1])),
        (r"(?<![\d.·])([1-9]|1[0-2])(?:·([1-9]|[12]\d|3[01])(?=[\p{Han}”\"])|\.([1-9])(?=儿童节|劳动节|国庆|妇女节|假期|黄金周|小?长假))", lambda m: ("十" if m[1] == "10" else grammar.digits(m[1])) + grammar.digits(m[2] or m[3])),
        (r"(?<![\d/.])(1[0-2]|[1-9])/([12]\d|3[01]|[1-9])(?=\s?[（(]?(?:周|星期)[一二三四五六日天])|(?<=(?:时间|日期|截止|截至|[今明昨后]天|下次)[：:为至到]?\s?)(1[0-2]|[1-9])/([12]\d|3[01]|[1-9])(?![\d/])",
         lambda m: grammar.date(None, int(m[1] or m[3]), int(m[2] or m[4]), "")),
        (r"(?<=[周期][一二三四五六日天]\s?[（(])(1[0-2]|[1-9])[./]([12]\d|3[01]|[1-9])(?=[)）])", lambda m: grammar.date(None, int(m[1]), int(m[2]), "")),
        (r"(?<![\d.,])(20\d\d)年?\s?(?=[Qq][1-4](?!\d))", lambda m: f"{grammar.digits(m[1])}年"),
        (r"(?<=[\d万千百亿kKwW元块]|\d\s?公里)/(?=[月天年日人次周件个晚位]|小时|平米|平方)|(?<=\d\s?(?:kg|g|ml|L|元|km))/(?=[个人件次天月瓶袋盒])", lambda m: "每"),
        (r"(?<=满)(\d+)[-－–](\d+)(?!\d)", lambda m: f"{grammar.whole(m[1])}减{grammar.whole(m[2])}"),
        (r"(?<=《)(\d{4})(?=[》\p{Han}])", lambda m: grammar.digits(m[1])),
        (r"(?<![\d.,])(\d{1,2})K(?=[金白玫黄])", lambda m: f"{grammar.cardinal(int(m[1]))}K"),
        (r"(?<![\d.,])(?:925|9999?|990|750)(?=[银金]|纯银|足[金银])", lambda m: grammar.digits(m[0])),
        (r"(?<=\b(?:GB|DB|JB|QB|HJ|ISO|IEC|IEEE)(?:/T|/Z)?\s?)(\d[\d.]*)[-—](\d{4})(?!\d)", lambda m: f"{'点'.join(map(grammar.digits, m[1].split('.')))}杠{grammar.digits(m[2])}"),
        (rf"(?<=[Pp][Hh]值?[为：:]?\s?)({number})\s?[-–~～至]\s?({number})", lambda m: f"{grammar.say(grammar.number(m[1]))}到{grammar.say(grammar.number(m[2]))}"),
        (r"(?<=[电输]\p{Han}\s?|V\s?[/,]?\s?)(\d+(?:\.\d+)?)A(?![\p{Latin}\d])", lambda m: f"{grammar.say(grammar.number(m[1]))}安培"),
        (r"(?<![\d.,])(\d+)([万千百亿]?)\+\s?(?:(km|kg|m|g)(?!\p{Latin})|(?=公里|元|人|家|个|款|种|位|项|次|天|年|城市|用户|单|条|所|台))",
         lambda m: f"{grammar.whole(m[1])}{m[2]}多" + (grammar.units[m[3]].forms[0] if m[3] else "")),
        (r"(?<!\d)(?:(?:985|211)(?=[、/和与]?(?:985|211|双一流)|[高工大院名毕])|(?:996|995|955|007)(?=[工加福模制]|的工)|315(?=晚会|打假|消费)|360(?=浏览|安全|杀毒)|(?:163|126|139)(?=邮箱))", lambda m: grammar.phone_group(m[0])),
        (r"(?<=[歼运直轰强苏图]|东风|长征|神舟|嫦娥|天宫|红旗|巨浪|鹰击|天问|快舟|捷龙|霹雳)[-－](\d{1,3})(?!\d)", lambda m: grammar.cardinal(int(m[1]))),
        (r"(?<=(?<!\p{L})[CF])#(?![\p{Latin}\d])", lambda m: " sharp"),
        (r"(?<!\d)618(?=大促|购物|年中|活动|狂欢|电商|期间|预售)", lambda m: grammar.digits(m[0])),
        (r"(?<![\d.,])(?:123\d\d|95\d{3}|100\d\d)(?=热线|客服|平台|官网|政务|投诉|、1\d{4})", lambda m: grammar.phone_group(m[0])),
        (r"(?<![\d.,])(1[89]\d0|20\d0)s(?!\p{Latin})", lambda m: f"{grammar.digits(m[1])}年代"),
        (r"(?<=[图表式])\s?(\d{1,2})-(\d{1,2})(?![\d-])", lambda m: f"{grammar.cardinal(int(m[1]))}杠{grammar.cardinal(int(m[2]))}"),
        (r"(?<![\d.,])(\d\d)(?=年(?:1[0-2]|0?[1-9])月)", lambda m: grammar.digits(m[1])),
        (r"(?<=[\d\p{Han}][楼栋座]|单元)(\d{3,4})(?![\d.,元块个人万米年])", lambda m: grammar.phone_group(m[1])),
        (r"(?<![\d.,])([0156789][05])(?=后(?!面|来|天|期|续|半))", lambda m: grammar.digits(m[1])),
        (r"(?<=\d点半?|半)\s?[-–—~～]+\s?(?=[上下]午|晚上|凌晨|早上|中午|次日|第二天)", lambda m: "到"),
        (r"(?<![\d.,])(\d+)K(?=\s?[分显超高电屏画视蓝])|(?<![\d.,])([248])K(?![\p{Latin}\d])", lambda m: f"{grammar.cardinal(int(m[1] or m[2]))}K"),
        (r"(?<![\p{Latin}\d])(?!USD|RMB|CNY|HKD|EUR|GBP|JPY|NTD?)([A-Z]{1,4})-?(\d{3,4})(?![\d次航高国]|[.,]\d|\s?[年月日个万亿元])", lambda m: f"{m[1]}{grammar.digits(m[2])}"),
        (r"(?<=波音)(\d{3})(?:-(\d{3}))?(?!\d)", lambda m: grammar.digits(m[1] + (m[2] or ""))),
        (r"(?<=错误|代码|状态码|HTTP)\s?([45]\d\d)(?!\d)", lambda m: grammar.digits(m[1])),
        (r"(?<=[（(])(1\d{3}|20\d\d)\s?[-–—~～至]\s?(1\d{3}|20\d\d)(?=[)）])", lambda m: f"{grammar.digits(m[1])}到{grammar.digits(m[2])}"),
        (r"(?<![\p{Latin}\d])([A-Z]{1,2})(\d{1,4})(?=次|航班|高速|国道)", lambda m: f"{m[1]}{grammar.phone_group(m[2])}"),
        (r"(?<![\d.,])(\d{4})\s?[-–—~～至到]\s?(\d{2}|\d{4})(?=\s?(?:赛季|学年|财年|年度))", lambda m: f"{grammar.digits(m[1])}到{grammar.digits(m[2])}"),
        (r"(?<=\d\s?[日号月年点时分元人])\s?[-–—~～]+\s?(?=\d)|(?<=[周期][一二三四五六日天])\s?[-–—~～]+\s?(?=[周星])", lambda m: "到"),
    )  # fmt: skip


def _host(grammar: Grammar, match: regex.Match[str]) -> str | None:
    """ "192.168.0.1:8080"; None for a version of four parts."""
    parts = [int(part) for part in match.groups()[:4]]
    if max(parts) > 255 or (max(parts) < 100 and parts[0] != 10):
        return None
    port = f"，端口{grammar.digits(match[5])}" if match[5] else ""
    return "点".join(grammar.digits(str(part)) for part in parts) + port
