"""Japanese: "3本" -> "三本", "9:05" -> "九時五分"; Open JTalk and Qwen3-TTS read the kanji numerals with their counters."""

from __future__ import annotations

from qwen3tts_webui.text.normalize import ja_contexts
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import POINT, Noun, Number, noun, nouns, words

_DIGITS = "〇一二三四五六七八九"
_SPELLED = ("ゼロ", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう")
_ERAS = {"R": "令和", "H": "平成", "S": "昭和", "T": "大正"}
_ENGLISH_DIGITS = {"2": "ツー", "3": "スリー", "4": "フォー", "5": "ファイブ"}
_LARGE = ("", "万", "億", "兆", "京", "垓")


class Japanese(Grammar):
    code = "ja"
    match_minute = "{}分"
    spaced = False
    decimal_mark = "."
    number_pattern = POINT
    date_order = "mdy"
    point, minus, plus, plus_minus, to, versus, per = "点", "マイナス", "プラス", "プラスマイナス", "から", "対", "毎"
    percent = noun("パーセント")
    degree = noun("度")
    time_suffix = r"[AaPp]\.?[Mm]\.?"
    currencies = {
        sign: (noun(whole), None)
        for sign, whole in (
            ("¥", "円"), ("￥", "円"), ("円", "円"), ("JPY", "円"), ("$", "ドル"), ("US$", "ドル"), ("USD", "ドル"), ("ドル", "ドル"), ("€", "ユーロ"),
            ("EUR", "ユーロ"), ("£", "ポンド"), ("GBP", "ポンド"), ("CNY", "元"), ("RMB", "元"), ("₩", "ウォン"), ("₽", "ルーブル"), ("₹", "ルピー"),
        )
    }  # fmt: skip
    magnitudes = words("""
        万 = 万
        億 = 億
        兆 = 兆
        千 = 千
        百万 = 百万
        千万 = 千万
    """)
    units = nouns("""
        km = キロメートル
        m = メートル
        cm = センチメートル
        mm = ミリメートル
        μm µm = マイクロメートル
        nm = ナノメートル
        km/h = キロメートル毎時
        m/s = メートル毎秒
        kg = キログラム
        g = グラム
        mg = ミリグラム
        t = トン
        l L = リットル
        ml mL = ミリリットル
        cc = シーシー
        m² m2 = 平方メートル
        km² km2 = 平方キロメートル
        cm² cm2 = 平方センチメートル
        m³ m3 = 立方メートル
        cm³ cm3 = 立方センチメートル
        ha = ヘクタール
        °C ℃ = 度
        °F ℉ = 華氏度
        ° = 度
        h hr = 時間
        min = 分
        s sec = 秒
        ms = ミリ秒
        KB kB = キロバイト
        MB = メガバイト
        GB = ギガバイト
        TB = テラバイト
        Mbps = メガビット毎秒
        Gbps = ギガビット毎秒
        Hz = ヘルツ
        kHz = キロヘルツ
        MHz = メガヘルツ
        GHz = ギガヘルツ
        W = ワット
        kW = キロワット
        MW = メガワット
        kWh = キロワット時
        V = ボルト
        mA = ミリアンペア
        mAh = ミリアンペア時
        J = ジュール
        kJ = キロジュール
        kcal = キロカロリー
        cal = カロリー
        Pa = パスカル
        μg µg mcg = マイクログラム
        mmHg = ミリメートルエイチジー
        l/100km L/100km L/100_km l/100_km = リットル毎百キロメートル
        hPa = ヘクトパスカル
        dB = デシベル
        px = ピクセル
        ft = フィート
        inch = インチ
        lb lbs = ポンド
        oz = オンス
        mph = マイル毎時
        rpm = 回転毎分
        dL dl = デシリットル
        mg/dL mg/dl = ミリグラム毎デシリットル
        mmol/L = ミリモル毎リットル
        Nm N·m = ニュートンメートル
        kPa = キロパスカル
        MPa = メガパスカル
        GW = ギガワット
        MWh = メガワット時
        GWh = ギガワット時
        Wh = ワット時
        lx = ルクス
        lm = ルーメン
        ppm = ピーピーエム
        IU = 国際単位
        A = アンペア
        Ω = オーム
        アール = アール
        パーセント = パーセント
        センチ = センチ
        キロ = キロ
        グラム = グラム
    """)
    signs = words("""
        + = プラス
        < = 小なり
        > = 大なり
        ≤ = 以下
        ≥ = 以上
        ≠ = ノットイコール
        ≈ = ニアリーイコール
        × = かける
        ÷ = わる
        ± = プラスマイナス
        √ = ルート
        ∞ = 無限大
        → = から
        ~ = 約
        & = アンド
        % = パーセント
        ‰ = パーミル
        @ = アット
        § = セクション
        ° = 度
        $ = ドル
        € = ユーロ
        £ = ポンド
        ¥ = 円
        〒 = 郵便番号
    """) | {"=": "イコール", "#": "ナンバー"}
    web = {".": "ドット", "/": "スラッシュ", "@": "アット", "-": "ハイフン", "_": "アンダーバー", ":": "コロン", "?": "クエスチョン",
           "=": "イコール", "&": "アンド", "%": "パーセント", "+": "プラス", "#": "シャープ", "~": "チルダ"}  # fmt: skip
    version, hashtag = "バージョン", "ハッシュタグ"
    abbreviations = words("""
        No.# = ナンバー
        no.# = ナンバー
        Vol.# = ボリューム
        vol.# = ボリューム
        Tel. = 電話
        TEL = 電話
        vs. = 対
        vs = 対
        VS = 対
        etc. = など
        Mr. = ミスター
        Ms. = ミズ
        Dr. = ドクター
    """)
    phones = r"""(?<![\d.-])0\d{1,4}[-\s(]\d{1,4}[-\s)]\d{3,4}(?![\d-]) | (?<![\d.-])0[5789]0\d{8}(?!\d) | (?<=〒\s?)\d{3}-?\d{4}(?!\d)
        | (?<![\d.-])0120-?\d{2,3}-?\d{3,4}(?!\d) | (?<![\d.,-])1(?:10|19|17|04|77)(?=番)"""
    phone_words = "電話番号|電話|(?:注文|受付|会員|伝票|整理|予約|型|品)番号|携帯|暗証番号|パスワード|番号は|郵便番号|コード|内線|ファックス|FAX|ID"
    subtract = "ひく"
    squared, cubed, power, root = "の二乗", "の三乗", "の{}乗", "ルート"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        if number >= 10**24:
            return self.digits(str(number))
        if not number:
            return "ゼロ"
        groups = []
        for large in _LARGE:
            number, group = divmod(number, 10_000)
            if group:
                groups.append(("一" if large and group // 1000 == 1 else "") + _below_10000(group) + large)
        return "".join(reversed(groups))

    def ordinal(self, number: int, gender: str = "m") -> str:
        return f"第{self.cardinal(number)}"

    def digits(self, digits: str) -> str:
        return (
            "、".join(_SPELLED[int(digit)] for digit in digits if digit.isdecimal())
            if len(digits) == 1
            else "".join(_SPELLED[int(digit)] for digit in digits if digit.isdecimal())
        )

    def decimals(self, fraction: str) -> str:
        return "".join("ゼロ" if digit == "0" else _DIGITS[int(digit)] for digit in fraction)

    def pause(self) -> str:
        return "の"

    def fraction(self, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(denominator)}分の{self.cardinal(numerator)}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        return f"{self.cardinal(whole)}と{self.fraction(numerator, denominator)}"

    def with_magnitude(self, number: Number, written: str) -> str:
        said = super().with_magnitude(number, written)
        return f"一{said}" if said.startswith("千") and not self.keep_digits else said

    def amount(self, number: Number, noun: Noun) -> str:
        if noun.forms[0] == "華氏度":
            return f"華氏{self.say(number)}度"
        return self.say(number) + noun.forms[0]

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        half = {"a": "午前", "p": "午後"}.get(suffix[:1].lower(), "")
        said = f"{half}{self.cardinal(hour) if hour else '零'}時"
        if minute or second is not None:
            said += f"{self.cardinal(minute)}分"
        return said if second is None else f"{said}{self.cardinal(second)}秒"

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = f"{self.cardinal(year)}年" if year is not None else ""
        return f"{said}{self.cardinal(month)}月" + (f"{self.cardinal(day)}日" if day is not None else "")

    def roman(self, number: int, before: str, after: str) -> str | None:
        if before.endswith(("第", "パート", "世界大戦")) or after.strip()[:1] in tuple("世型期級類章節部巻度区号相"):
            return self.cardinal(number)
        return None

    def early_rules(self) -> tuple[Rule, ...]:
        return ja_contexts.early_rules(self)

    def rules(self) -> tuple[Rule, ...]:
        number = rf"(?:{POINT})"
        return (
            *ja_contexts.rules(self),
            (r"(?<![\p{Latin}\d])([RSHT])(\d{1,2})[./](\d{1,2})[./](\d{1,2})(?![\d.])", lambda m: f"{_ERAS[m[1]]}{self.cardinal(int(m[2]))}年{self.cardinal(int(m[3]))}月{self.cardinal(int(m[4]))}日"),
            (r"(?<=[都道府県市区町村郡][^\d\s、。]{1,14})(\d{1,4})-(\d{1,4})(?:-(\d{1,4}))?(?:-(\d{1,4}))?(?![\d-]|\s?(?:で|の勝|勝))",
             lambda m: "の".join(self.cardinal(int(n)) for n in m.groups() if n)),
            (r"(?<=[ぁ-ん]\s?)(\d{1,2})-(\d{2})(?!\d|[年月日時分人円])(?=$|\D)(?<=\d{3}\s?[ぁ-ん]\s?\d{1,2}-\d{2})", lambda m: f"{self.cardinal(int(m[1]))}の{self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,])0(?=時(?!間))", lambda m: "零"),
            (r"(?<![\d.,])([2-5])(?=D(?![A-Z\d]|K)|G(?![A-Za-z\d]))", lambda m: _ENGLISH_DIGITS[m[1]]),
            (r"(?<![\d.,])(\d{4})年?\s?[-–—~～〜]\s?(\d{4})(?=\s?年)",
             lambda m: f"{self.cardinal(int(m[1]))}年から{self.cardinal(int(m[2]))}"),
            (rf"(?<![\d.,])({number})\s?[~～〜–—-]\s?({number})(?=\s?[\p{{Han}}\p{{Katakana}}])",
             lambda m: None if m[1][0] == "0" or m[2][0] == "0" else f"{self.say(self.number(m[1]))}から{self.say(self.number(m[2]))}"),
            (r"(?<![\d.,])(\d{1,3})\s?[-–:：対]\s?(\d{1,3})(?=\s?(?:で[^、。\d]{0,15}(?:勝|負|敗|引き?分|下し|下す|破|制)|の(?:勝|引|スコア|完封|快勝|完勝|接戦|僅差)))",
             lambda m: f"{self.cardinal(int(m[1]))}対{self.cardinal(int(m[2]))}"),
            (r"(?<=[ぁ-んァ-ヶー\p{Han}])\s+(?=\d)|(?<=\d)\s+(?=[ぁ-んァ-ヶ\p{Han}])", lambda m: ""),
            (r"(?<=[日月年時分円人])\s?[~～〜]\s?(?=翌|午[前後]|正午|深夜|夜|夕方|[@＠])|(?<=\d\s?[日月年時分円人])\s?[-–—~～〜]\s?(?=\d)|(?<=[月火水木金土日])[~～〜-](?=[月火水木金土日](?:曜|の|は|に|、|。|\s|$))", lambda m: "から"),
            (r"時速\s?(\d+(?:\.\d+)?)\s?km/h", lambda m: f"時速{self.say(self.number(m[1]))}キロメートル"),
            (r"(?<![\d.,:])1[:：](\d{3,})(?!\d)", lambda m: f"一対{self.whole(m[1])}"),
            (r"〒", lambda m: "郵便番号"),
        )  # fmt: skip


def _below_10000(number: int) -> str:
    said = ""
    for place, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, place)
        if digit:
            said += ("" if digit == 1 and name else _DIGITS[digit]) + name
    return said
