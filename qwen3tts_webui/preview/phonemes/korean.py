"""Hangul -> Kokoro's phonemes, by the rules of standard Korean pronunciation.

In: Hangul without punctuation and digits. Out: one group of symbols per word. Kokoro never learned Korean: each sound
goes to the nearest symbol. The rules: Standard Pronunciation, National Institute of Korean Language.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

_ONSETS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_CODAS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")

_SPLIT = {
    "ㄳ": ("ㄱ", "ㅅ"), "ㄵ": ("ㄴ", "ㅈ"), "ㄶ": ("ㄴ", "ㅎ"), "ㄺ": ("ㄹ", "ㄱ"), "ㄻ": ("ㄹ", "ㅁ"),
    "ㄼ": ("ㄹ", "ㅂ"), "ㄽ": ("ㄹ", "ㅅ"), "ㄾ": ("ㄹ", "ㅌ"), "ㄿ": ("ㄹ", "ㅍ"), "ㅀ": ("ㄹ", "ㅎ"),
    "ㅄ": ("ㅂ", "ㅅ"),
}  # fmt: skip
_SAME_CODAS = ("ㄱㄲㅋㄳㄺ", "ㄷㅌㅅㅆㅈㅊㅎ", "ㅂㅍㅄㄿ", "ㄹㄼㄽㄾㅀ", "ㄴㄵㄶ", "ㅁㄻ", "ㅇ")  # heard as the first
_HEARD = {coda: codas[0] for codas in _SAME_CODAS for coda in codas}
_BREATHY = {"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"}
_TENSE = {"ㄱ": "ㄲ", "ㄷ": "ㄸ", "ㅂ": "ㅃ", "ㅅ": "ㅆ", "ㅈ": "ㅉ"}
_NASAL = {"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"}
_ONSET_SOUNDS = dict(
    zip(
        _ONSETS,
        ("k", "k", "n", "t", "t", "ɾ", "m", "p", "p", "s", "s", "-", "ʨ", "ʨ", "ʨʰ", "kʰ", "tʰ", "pʰ", "h"),
        strict=True,
    )
) | {"ㅇ": ""}
_VOICED = {"ㄱ": "ɡ", "ㄷ": "d", "ㅂ": "b", "ㅈ": "ʥ"}
_VOWEL_SOUNDS = dict(
    zip(
        _VOWELS,
        (
            "a",
            "ɛ",
            "ja",
            "jɛ",
            "ɔ",
            "e",
            "jɔ",
            "je",
            "o",
            "wa",
            "wɛ",
            "we",
            "jo",
            "u",
            "wɔ",
            "we",
            "wi",
            "ju",
            "ɯ",
            "ɰi",
            "i",
        ),
        strict=True,
    )
)
_CODA_SOUNDS = {"": "", "ㄱ": "k", "ㄴ": "n", "ㄷ": "t", "ㄹ": "l", "ㅁ": "m", "ㅂ": "p", "ㅇ": "ŋ"}


@dataclass(slots=True)
class _Syllable:
    onset: str
    vowel: str
    coda: str


class Korean:
    """Converts Korean."""

    def __call__(self, words: str) -> str:
        """Phonemes of `words`, a space between words; what is not Hangul is left out."""
        return " ".join(filter(None, (_spoken(word) for word in words.split())))


def _spoken(word: str) -> str:
    syllables = [_taken_apart(letter) for letter in word if "가" <= letter <= "힣"]
    for left, right in pairwise(syllables):
        _meet(left, right)
    if syllables:
        syllables[-1].coda = _HEARD.get(syllables[-1].coda, "")
    return "".join(_symbols(s, syllables[i - 1] if i else None) for i, s in enumerate(syllables))


def _taken_apart(letter: str) -> _Syllable:
    onset, rest = divmod(ord(letter) - ord("가"), 588)
    return _Syllable(_ONSETS[onset], _VOWELS[rest // 28], _CODAS[rest % 28])


def _meet(left: _Syllable, right: _Syllable) -> None:
    """Apply the phonological changes between `left` and `right`."""
    _join(left, right)
    if not left.coda:
        return
    left.coda = _HEARD[left.coda]
    if left.coda in _NASAL and right.onset in _TENSE:
        right.onset = _TENSE[right.onset]
    if right.onset == "ㄹ" and left.coda not in ("ㄹ", "ㄴ"):
        right.onset = "ㄴ"
    if left.coda in _NASAL and right.onset in ("ㄴ", "ㅁ"):
        left.coda = _NASAL[left.coda]
    if (left.coda, right.onset) in (("ㄴ", "ㄹ"), ("ㄹ", "ㄴ")):
        left.coda = right.onset = "ㄹ"


def _join(left: _Syllable, right: _Syllable) -> None:
    """Aspiration (ㅎ) merges with its neighbor; a coda before a vowel moves over."""
    stays, moves = _SPLIT.get(left.coda, ("", left.coda))
    if moves == "ㅎ" and right.onset in _BREATHY:
        left.coda, right.onset = stays, _BREATHY[right.onset]
    elif moves == "ㅎ" and right.onset == "ㅅ":
        left.coda, right.onset = stays, "ㅆ"
    elif moves == "ㅎ":
        left.coda = stays
        if stays and right.onset == "ㅇ":
            left.coda, right.onset = "", stays
    elif right.onset == "ㅎ" and (moves in _BREATHY or moves in ("ㅅ", "ㅊ", "ㅌ")):
        left.coda, right.onset = stays, _BREATHY.get(moves, "ㅌ" if moves != "ㅊ" else "ㅊ")
    elif right.onset == "ㅇ" and moves and moves != "ㅇ":
        if right.vowel == "ㅣ" and moves in ("ㄷ", "ㅌ"):
            moves = {"ㄷ": "ㅈ", "ㅌ": "ㅊ"}[moves]
        left.coda, right.onset = stays, moves


def _symbols(syllable: _Syllable, before: _Syllable | None) -> str:
    onset = _ONSET_SOUNDS[syllable.onset]
    vowel = _VOWEL_SOUNDS[syllable.vowel]
    if before is not None and before.coda in ("", "ㄴ", "ㄹ", "ㅁ", "ㅇ"):
        onset = _VOICED.get(syllable.onset, onset)
    if syllable.onset == "ㄹ" and before is not None and before.coda == "ㄹ":
        onset = "l"
    if syllable.onset in ("ㅅ", "ㅆ") and (vowel.startswith(("i", "j")) or vowel == "wi"):
        onset = "ɕ"
    if syllable.vowel == "ㅢ" and (onset or before is not None):
        vowel = "i"
    return onset + vowel + _CODA_SOUNDS[syllable.coda]
