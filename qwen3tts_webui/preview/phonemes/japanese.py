"""Japanese -> Kokoro's phonemes, through Open JTalk's readings (pyopenjtalk-plus).

In: Japanese text without punctuation. Out: one group of symbols per word. Open JTalk reads kanji, numbers and counters;
this module only writes its kana in the symbols that Kokoro was trained on (misaki's Japanese table).
"""

from __future__ import annotations

_VOWELS = "aiueo"
# consonant of each row of the syllabary, and the rows' kana in the order a i u e o
_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "ɡ": "ガギグゲゴ", "s": "サシスセソ", "ʣ": "ザジズゼゾ", "t": "タチツテト",
    "d": "ダヂヅデド", "n": "ナニヌネノ", "h": "ハヒフヘホ", "b": "バビブベボ", "p": "パピプペポ", "m": "マミムメモ",
    "ɾ": "ラリルレロ",
}  # fmt: skip
_SINGLE = {
    "ヤ": "ja", "ユ": "jɯ", "ヨ": "jo", "ワ": "βa", "ヰ": "i", "ヱ": "e", "ヲ": "o", "ヴ": "vɯ", "シ": "ɕi", "ジ": "ʥi",
    "ス": "sɨ", "ズ": "zɨ", "チ": "ʨi", "ヂ": "ʥi", "ツ": "ʦɨ", "ヅ": "zɨ", "ニ": "ɲi", "ヒ": "çi", "フ": "ɸɯ",
    "ヵ": "ka", "ヶ": "ke", "ー": "ː", "ッ": "ʔ",
}  # fmt: skip
_SOFT_ROWS = frozenset("kɡbpmɾ")  # [i] after these palatalizes: キ is kʲi
# what a kana that ends in [i] becomes before small ya, yu, yo, e
_GLIDES = {
    "キ": "kʲ", "ギ": "ɡʲ", "シ": "ɕ", "ジ": "ʥ", "チ": "ʨ", "ヂ": "ʥ", "ニ": "ɲ", "ヒ": "ç", "ビ": "bʲ", "ピ": "pʲ",
    "ミ": "mʲ", "リ": "ɾʲ", "テ": "tʲ", "デ": "dʲ", "フ": "ɸʲ", "ヴ": "bʲ",
}  # fmt: skip
_FOREIGN = {
    "イェ": "je", "ウィ": "βi", "ウェ": "βe", "ウォ": "βo", "クァ": "kᵝa", "クィ": "kᵝi", "クェ": "kᵝe", "クォ": "kᵝo",
    "グァ": "ɡᵝa", "グィ": "ɡᵝi", "グェ": "ɡᵝe", "グォ": "ɡᵝo", "ツァ": "ʦa", "ツィ": "ʦʲi", "ツェ": "ʦe", "ツォ": "ʦo",
    "ティ": "tʲi", "ディ": "dʲi", "トゥ": "tɯ", "ドゥ": "dɯ", "ファ": "ɸa", "フィ": "ɸʲi", "フェ": "ɸe", "フォ": "ɸo",
    "ヴァ": "va", "ヴィ": "vʲi", "ヴェ": "ve", "ヴォ": "vo",
}  # fmt: skip
_SMALL = {"ャ": "a", "ュ": "ɨ", "ョ": "o", "ェ": "e"}
_SMALL_VOWELS = dict(zip("ァィゥェォ", "aiɯeo", strict=True))


def kana_table() -> dict[str, str]:
    """Katakana, alone or with a small one -> symbols; without ン, which depends on what follows."""
    table: dict[str, str] = {}
    for consonant, row in _ROWS.items():
        for kana, vowel in zip(row, _VOWELS, strict=True):
            soft = "ʲ" if vowel == "i" and consonant in _SOFT_ROWS else ""
            table[kana] = consonant + soft + ("ɯ" if vowel == "u" else vowel)
    table |= _SINGLE | _SMALL_VOWELS | {"ャ": "ja", "ュ": "jɯ", "ョ": "jo", "ヮ": "βa"}
    table |= {kana + small: glide + vowel for kana, glide in _GLIDES.items() for small, vowel in _SMALL.items()}
    return table | _FOREIGN


class Japanese:
    """Converts Japanese. Loading the dictionary takes a moment; do it in the background."""

    def __init__(self) -> None:
        import pyopenjtalk

        self._frontend = pyopenjtalk.run_frontend
        self._table = kana_table()

    def __call__(self, words: str) -> str:
        """Phonemes of `words`, a space between words; words of one accent phrase that chain are written together."""
        groups: list[str] = []
        for node in self._frontend(words, use_sudachi_kanji_yomi=False):
            kana = node["pron"].replace("’", "").replace("'", "")
            if node["mora_size"] == 0:
                continue
            if node["chain_flag"] == 1 and groups:
                groups[-1] += kana
            else:
                groups.append(kana)
        return " ".join(filter(None, (self._symbols(kana) for kana in groups)))

    def _symbols(self, kana: str) -> str:
        out: list[str] = []
        position = 0
        while position < len(kana):
            pair, single = kana[position : position + 2], kana[position]
            found = self._table.get(pair) if len(pair) == 2 else None
            step = 2 if found is not None else 1
            if found is None:
                found = "ン" if single == "ン" else self._table.get(single, "")
            out.append(found)
            position += step
        return "".join(
            self._nasal(out[i + 1] if i + 1 < len(out) else "") if s == "ン" else s for i, s in enumerate(out)
        )

    @staticmethod
    def _nasal(following: str) -> str:
        """ン takes the place of what follows it."""
        if following.startswith(("m", "p", "b")):
            return "m"
        if following.startswith(("k", "ɡ")):
            return "ŋ"
        if following.startswith(("ɲ", "ʨ", "ʥ")):
            return "ɲ"
        return "n" if following.startswith(("n", "t", "d", "ɾ", "z", "ʣ", "ʦ")) else "ɴ"
