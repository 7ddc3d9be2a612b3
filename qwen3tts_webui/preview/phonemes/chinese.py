"""Chinese characters -> Kokoro's phonemes, through words (rjieba) and pinyin (pypinyin).

In: Chinese without punctuation and digits. Out: one group of symbols per word. Source of the symbols: misaki's Mandarin
table, on which Kokoro was trained (initials and finals in IPA, tones as arrows).
"""

from __future__ import annotations

import re

_INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ", "h": "x",
    "j": "ʨ", "q": "ʨʰ", "x": "ɕ", "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s", "": "",
}  # fmt: skip
# "0" is where the tone goes
_FINALS = {
    "a": "a0", "ai": "ai0", "an": "a0n", "ang": "a0ŋ", "ao": "au0", "e": "ɤ0", "ei": "ei0", "en": "ə0n", "eng": "ə0ŋ",
    "i": "i0", "ia": "ja0", "ian": "jɛ0n", "iang": "ja0ŋ", "iao": "jau0", "ie": "je0", "in": "i0n", "iou": "jou0",
    "ing": "i0ŋ", "iong": "jʊ0ŋ", "ong": "ʊ0ŋ", "ou": "ou0", "u": "u0", "ua": "wa0", "uai": "wai0", "uan": "wa0n",
    "uang": "wa0ŋ", "uei": "wei0", "uen": "wə0n", "ueng": "wə0ŋ", "uo": "wo0", "o": "wo0", "v": "y0", "ve": "ɥe0",
    "van": "ɥɛ0n", "vn": "y0n",
}  # fmt: skip
_WHOLE = {
    "er": "ɚ0", "o": "ɔ0", "io": "jɔ0", "ê": "ɛ0", "m": "m0", "n": "n0", "ng": "ŋ0", "hm": "hm0", "hng": "hŋ0",
    "yo": "jɔ0",
}  # fmt: skip
_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
_SYLLABLE = re.compile(r"([a-zêü]+)([1-5])")
_BUZZED = frozenset({"zh", "ch", "sh", "r", "z", "c", "s"})  # after these, "i" is no [i]


class Chinese:
    """Converts Chinese. Loading the dictionaries takes a moment; do it in the background."""

    def __init__(self) -> None:
        import pypinyin
        import rjieba
        from pypinyin.contrib.tone_convert import to_finals, to_initials

        self._cut = rjieba.cut
        self._pinyin = pypinyin.lazy_pinyin
        self._initial_of = to_initials
        self._final_of = to_finals
        self._style = pypinyin.Style.TONE3

    def __call__(self, words: str) -> str:
        """Phonemes of `words`, a space between words."""
        return " ".join(filter(None, (self._word(word) for word in self._cut(words))))

    def spans(self, words: str) -> list[tuple[int, int]]:
        """Return the positions of the words that have symbols."""
        found, end = [], 0
        for word in self._cut(words):
            start, end = end, end + len(word)
            if self._word(word):
                found.append((start, end))
        return found

    def _word(self, word: str) -> str:
        syllables = self._pinyin(word, style=self._style, neutral_tone_with_five=True, errors="ignore")
        return "".join(self._syllable(syllable) for syllable in syllables)

    def _syllable(self, pinyin: str) -> str:
        """ "zhong1" -> "ꭧʊ→ŋ"; "" for what is no syllable."""
        match = _SYLLABLE.fullmatch(pinyin)
        if match is None:
            return ""
        plain, tone = match.groups()
        if plain in _WHOLE:
            return _WHOLE[plain].replace("0", _TONES[tone])
        initial = self._initial_of(plain, strict=True)
        final = self._final_of(plain, strict=True)
        shape = "ɨ0" if final == "i" and initial in _BUZZED else _FINALS.get(final.replace("ü", "v"), "")
        return _INITIALS.get(initial, "") + shape.replace("0", _TONES[tone])
