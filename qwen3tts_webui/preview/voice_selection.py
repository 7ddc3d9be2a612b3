"""Choose a preview voice for a description: speaker, pitch and pace. It can choose a voice, not design one.

In: the traits of the description, a language, a seed. Out: a `VoiceChoice`; its `id` is the `engine_voice_id` that
selects the same voice again. Knows the voice packs by name and measured figures, not their data.

A description has one voice. The seed varies its pitch and pace a little, so that three seeds give three takes; seed 0
is the plain voice. Pitch words move the pitch from the voice that the description has without them. Kokoro itself is
deterministic.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from qwen3tts_webui.errors import UnknownVoice
from qwen3tts_webui.text import Traits, parse_description

CANTONESE = "yue"
FOLLOWED_TRAITS = ("gender", "age", "pitch", "pace", "accent:american:en", "accent:british:en", "accent:cantonese:zh")

# native packs, best first; German, Russian and Korean use voices of another language
_PACKS = {
    "zh": "zf_xiaoxiao zm_yunxi zf_xiaoyi zm_yunjian",
    "en": "af_heart am_michael af_bella am_fenrir am_puck bf_emma bm_george bm_fable",
    "ja": "jf_alpha jm_kumo jf_nezumi",
    "es": "ef_dora em_alex",
    "fr": "ff_siwis",
    "it": "if_sara im_nicola",
    "pt": "pf_dora pm_alex",
    "de": "af_heart am_michael bf_emma bm_george",
    "ru": "ef_dora em_alex",
    "ko": "jf_nezumi",
}
# timbres to combine with a native prosody: no native male voice, or one that is harder to understand
_BORROWED_TIMBRES = {"fr": "im_nicola em_alex", "ko": "jm_kumo"}
_ESPEAK_VOICES = {"zh": "cmn", "en": "en-us", "pt": "pt-br"}
_ESPEAK_VARIANTS = {"f": ("f2", "f3", "f5"), "m": ("m3", "m1", "m7")}

_CHILD_HZ = 285.0
_AGE_SEMITONES = {"teen": 1.5, "senior": -1.5}
_PITCH_SEMITONES = {"low": -3.5, "high": 3.0}
_USUAL_GENDER = {"low": "male", "high": "female"}
_PACE = {"slow": 0.82, "fast": 1.22}
_AGE_PACE = {"senior": 0.92}
_EMOTION_PACE = {
    "calm": 0.95,
    "sad": 0.9,
    "mysterious": 0.93,
    "serious": 0.97,
    "cheerful": 1.05,
    "excited": 1.1,
    "angry": 1.06,
}
_LIVELY = frozenset({"cheerful", "excited", "angry"})
_QUIET = frozenset({"calm", "sad", "mysterious"})
_ESPEAK_KNOWN = frozenset({_ESPEAK_VOICES.get(code, code) for code in _PACKS} | {CANTONESE})
_MAX_SEMITONES = 4.0
_TAKES = ((0.0, 1.0), (0.4, 0.98), (-0.4, 1.02), (0.2, 1.04), (-0.2, 0.96))  # semitones and speed, by seed
_NAME = re.compile(r"(kokoro|espeak):([a-z_]+|[a-z-]+\+[fm]\d)(?:\+([a-z_]+))?:([+-]\d\.\d\d):(\d\.\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceChoice:
    """A preview voice. `timbre` and `prosody` name packs; for espeak-ng, `timbre` is its voice. `speed` is a factor."""

    engine: str
    timbre: str
    prosody: str = ""
    semitones: float = 0.0
    speed: float = 1.0

    @property
    def id(self) -> str:
        """The `engine_voice_id` of this voice."""
        mixed = f"+{self.prosody}" if self.prosody and self.prosody != self.timbre else ""
        return f"{self.engine}:{self.timbre}{mixed}:{self.semitones:+.2f}:{self.speed:.2f}"


class VoiceSelector:
    """Selects voices. `packs` are the names of the installed voice packs, `figures` is the path of voice_f0.json."""

    def __init__(self, packs: Iterable[str], figures: Path) -> None:
        self._packs = frozenset(packs)
        self._hz: dict[str, float] = {}
        self._spread: dict[str, float] = {}
        self.loudness: dict[str, float] = {}
        for name, (hz, spread, _seconds, rms) in json.loads(figures.read_text(encoding="utf-8")).items():
            self._hz[name], self._spread[name], self.loudness[name] = hz, spread, rms

    def find(self, engine_voice_id: str) -> VoiceChoice:
        """Return the voice with this id. Raises `UnknownVoice`."""
        match = _NAME.fullmatch(engine_voice_id)
        if match is not None:
            engine, timbre, prosody, semitones, speed = match.groups()
            voice = VoiceChoice(
                engine=engine, timbre=timbre, prosody=prosody or "", semitones=float(semitones), speed=float(speed)
            )
            if self._exists(voice):
                return voice
        raise UnknownVoice(got=engine_voice_id[:40])

    def choose(self, description: str, language: str, seed: int, *, kokoro: bool = True) -> VoiceChoice:
        """Return the best match for `description`; for Cantonese, and without `kokoro`, a voice of espeak-ng."""
        traits = parse_description(description)
        dialect = CANTONESE if language == "zh" and traits.accent == "cantonese" else ""
        if dialect or not kokoro:
            return _espeak_voice(traits, dialect or language, seed)
        native = [name for name in _PACKS[language].split() if name in self._packs]
        timbre, shift = self._timbre(traits, language, native)
        variation, pace = _TAKES[seed % len(_TAKES)]
        semitones = max(-_MAX_SEMITONES, min(_MAX_SEMITONES, shift + variation))
        return VoiceChoice(
            engine="kokoro",
            timbre=timbre,
            prosody=timbre if timbre in native else native[0],  # another language's timbre with a native prosody
            semitones=round(semitones, 2),
            speed=round(_pace(traits) * pace, 2),
        )

    def _exists(self, voice: VoiceChoice) -> bool:
        if voice.engine == "espeak":
            name, _, variant = voice.timbre.partition("+")
            return name in _ESPEAK_KNOWN and any(variant in variants for variants in _ESPEAK_VARIANTS.values())
        return voice.timbre in self._packs and (voice.prosody or voice.timbre) in self._packs

    def _timbre(self, traits: Traits, language: str, native: list[str]) -> tuple[str, float]:
        """Return the pack that fits best, and the shift of its pitch in semitones."""
        foreign = [name for name in _BORROWED_TIMBRES.get(language, "").split() if name in self._packs]
        pool = [name for name in [*native, *foreign] if _matches_gender(name, traits)] or native
        costs = {name: self._mismatch(name, traits) + rank for rank, name in enumerate(pool)}
        plain = min(pool, key=lambda name: costs[name])
        if not _asks_for_pitch(traits):
            return plain, 0.0
        pool = [name for name in pool if name[0] == plain[0]]  # no other accent was requested
        shifts = {name: self._pitch_shift(name, traits, plain) for name in pool}
        best = min(pool, key=lambda name: abs(shifts[name]) + costs[name] * 0.01)
        return best, shifts[best]

    def _pitch_shift(self, name: str, traits: Traits, plain: str) -> float:
        """Return the shift to the requested pitch in semitones; 0 if the pack itself is beyond it.

        A child has an absolute pitch; for others it is relative to the voice `plain`, without pitch words.
        """
        requested = _PITCH_SEMITONES.get(traits.pitch or "", 0.0) + _AGE_SEMITONES.get(traits.age or "", 0.0)
        default = _CHILD_HZ if traits.age == "child" else self._hz[plain]
        shift = 12 * math.log2(default / self._hz[name]) + requested
        return shift if traits.age == "child" or shift * requested > 0 else 0.0

    def _mismatch(self, name: str, traits: Traits) -> float:
        """Return a cost in ranks of the pool: liveliness counts a little, a requested accent a lot."""
        cost = 24.0 if traits.accent in ("british", "american") and name[0] != traits.accent[0] else 0.0
        if _LIVELY & set(traits.emotion):
            cost -= 0.5 * self._spread[name]
        if _QUIET & set(traits.emotion):
            cost += 0.5 * self._spread[name]
        return cost


def _espeak_voice(traits: Traits, language: str, seed: int) -> VoiceChoice:
    variants = _ESPEAK_VARIANTS["m" if traits.gender == "male" else "f"]
    semitones = _PITCH_SEMITONES.get(traits.pitch or "", 0.0) + _AGE_SEMITONES.get(traits.age or "", 0.0)
    semitones += 4.0 if traits.age == "child" else 0.0
    voice = f"{_ESPEAK_VOICES.get(language, language)}+{variants[seed % len(variants)]}"
    return VoiceChoice(engine="espeak", timbre=voice, semitones=semitones, speed=_pace(traits))


def _matches_gender(name: str, traits: Traits) -> bool:
    """Return True if the gender matches; children's voices are women's voices with a raised pitch.

    Without a gender, a low voice is a man's and a high voice a woman's.
    """
    if traits.age == "child":
        return name[1] == "f"
    gender = traits.gender if traits.gender in ("female", "male") else _USUAL_GENDER.get(traits.pitch or "")
    return gender is None or name[1] == gender[0]


def _asks_for_pitch(traits: Traits) -> bool:
    return traits.pitch in _PITCH_SEMITONES or traits.age in _AGE_SEMITONES or traits.age == "child"


def _pace(traits: Traits) -> float:
    emotion = min(
        (_EMOTION_PACE.get(name, 1.0) for name in traits.emotion), key=lambda pace: -abs(pace - 1), default=1.0
    )
    return round(_PACE.get(traits.pace or "", 1.0) * _AGE_PACE.get(traits.age or "", 1.0) * emotion, 2)
