"""Everything that makes sound, loaded: readers, Kokoro, espeak-ng, voice packs.

In: a clause, its language and a `Cast`. Out: PCM at 24 kHz, in packets. One caller at a time; knows nothing of queues.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qwen3tts_webui.audio.pcm import fade_in, fade_out, finite, silence
from qwen3tts_webui.preview.choose import Cast, Casting
from qwen3tts_webui.preview.data import cache_folder, joined_model, wheel_parts
from qwen3tts_webui.preview.espeak import Espeak
from qwen3tts_webui.preview.kokoro import MAX_TOKENS, Kokoro, Pack, trimmed
from qwen3tts_webui.preview.phonemes.g2p import G2P
from qwen3tts_webui.text.normalize import normalize
from qwen3tts_webui.types import SAMPLE_RATE, SAMPLES_PER_FRAME, Pcm

PACKET = SAMPLES_PER_FRAME  # 80 ms

FIRST_SYMBOLS = 22  # between one and two seconds, made in well under one on two cores

_LOUDNESS = 0.09  # RMS that every pack is brought to
_EDGE_S = 0.005
_PAUSES_S = ((re.compile(r"[.!?。！？…][\"'”’」』）)]*\s*$"), 0.30), (re.compile(r"[,;:，、；：—]\s*$"), 0.12))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assets:
    """The files of assets/preview/."""

    folder: Path

    @property
    def vocab(self) -> Path:
        return self.folder / "vocab.json"

    @property
    def packs(self) -> Path:
        return self.folder / "voices.npz"

    @property
    def figures(self) -> Path:
        return self.folder / "voice_f0.json"

    def casting(self) -> Casting:
        """Who can be cast; quick, reads no pack."""
        with np.load(self.packs) as packs:
            return Casting(packs.files, self.figures)


class Speaker:
    """`without_kokoro` is "" or the reason why espeak-ng speaks alone. Raises when not even espeak-ng can be loaded."""

    def __init__(
        self, assets: Assets, casting: Casting, *, threads: int = 2, model: Callable[[], Path] | None = None
    ) -> None:
        self._casting = casting
        self._espeak = Espeak()
        self._voice: tuple[Kokoro, G2P, dict[str, Pack]] | None = None
        self.without_kokoro = ""
        try:
            kokoro = Kokoro((model or _installed_model)(), assets.vocab, threads=threads)
            with np.load(assets.packs) as packs:
                self._voice = kokoro, G2P(self._espeak), dict(packs)
        except Exception as error:
            _log.warning("Kokoro cannot speak, espeak-ng does: %s", error)
            self.without_kokoro = str(error)

    def warm_up(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Speak once into nothing, so that the first listener does not wait for it; ends as `speak` does."""
        self.speak("Ready, one two three.", "en", self.cast("", "en", 0), lambda _: None, stop=stop)

    def cast(self, description: str, language: str, seed: int, engine_voice: str | None = None) -> Cast:
        """Who speaks: the named voice if it can, else the best fit."""
        if engine_voice is not None:
            named = self._casting.named(engine_voice)
            if named.engine == "espeak" or self._voice is not None:
                return named
        return self._casting.choose(description, language, seed, kokoro=self._voice is not None)

    def speak(
        self,
        text: str,
        language: str,
        cast: Cast,
        put: Callable[[Pcm], None],
        *,
        urgent: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Hand the sound of one clause and the pause after it to `put`, in packets of at most 80 ms.

        `urgent`: nothing was heard yet, so a long clause is begun with few words. Raises `Stopped` soon after `stop`
        turned True, and whatever `put` raises.
        """
        ratio = 2 ** (cast.semitones / 12)
        if cast.engine == "espeak" or self._voice is None:
            spoken = normalize(text, language, mode="on").spoken
            self._espeak.speak(spoken, cast.timbre, _in_packets(put), speed=cast.speed, pitch=ratio, stop=stop)
            return
        kokoro, reader, packs = self._voice
        pack = _mixed(packs, cast)
        gain = min(max(_LOUDNESS / self._casting.loudness[cast.timbre], 0.5), 2.2)
        put_packets = _in_packets(put)
        for piece in pieces(reader(text, language), FIRST_SYMBOLS if urgent else MAX_TOKENS):
            # resampling by `ratio` also shortens: Kokoro speaks that much slower
            pcm = kokoro.speak(piece, pack, speed=cast.speed / ratio, stop=stop)
            pcm = trimmed(_resampled(pcm, ratio) * np.float32(gain))
            put_packets(finite(fade_out(fade_in(pcm, _EDGE_S), _EDGE_S)))
        put_packets(silence(_pause_s(text)))


def _in_packets(put: Callable[[Pcm], None]) -> Callable[[Pcm], None]:
    """`put`, in pieces of at most 80 ms."""

    def put_packets(pcm: Pcm) -> None:
        for start in range(0, len(pcm), PACKET):
            put(pcm[start : start + PACKET])

    return put_packets


def _installed_model() -> Path:
    return joined_model(wheel_parts(), cache_folder())


def _mixed(packs: dict[str, Pack], cast: Cast) -> Pack:
    """The first half of a pack is the timbre, the second the prosody."""
    if not cast.prosody or cast.prosody == cast.timbre:
        return packs[cast.timbre]
    return np.concatenate([packs[cast.timbre][:, :128], packs[cast.prosody][:, 128:]], axis=1)


def pieces(phonemes: str, first: int) -> Iterator[str]:
    """`phonemes`, cut between words: about `first` symbols, then twice as many each time, at most `MAX_TOKENS`.

    What is only half as long again stays in one piece.
    """
    aim = min(first, MAX_TOKENS)
    while phonemes:
        if len(phonemes) <= min(aim * 3 // 2, MAX_TOKENS):
            cut = len(phonemes)
        else:
            space = phonemes.rfind(" ", 1, aim)
            cut = space if space > 0 else aim
        yield phonemes[:cut]
        phonemes = phonemes[cut:].lstrip()
        aim = min(aim * 2, MAX_TOKENS)


def _resampled(pcm: Pcm, ratio: float) -> Pcm:
    """Higher by `ratio` and shorter by it."""
    if abs(ratio - 1) < 1e-3 or not len(pcm):
        return pcm
    import soxr

    shifted: Pcm = np.asarray(soxr.resample(pcm, SAMPLE_RATE * ratio, SAMPLE_RATE), np.float32)
    return shifted


def _pause_s(text: str) -> float:
    return next((seconds for marks, seconds in _PAUSES_S if marks.search(text)), 0.0)
