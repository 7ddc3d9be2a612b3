"""Shared fixtures: the real preview voice, and a backend that only counts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from qwen3tts_webui.config import asset
from qwen3tts_webui.preview import PreviewSynthesizer
from qwen3tts_webui.preview.backend import PACKET, Assets, KokoroBackend
from qwen3tts_webui.preview.kokoro import SynthesisCancelled
from qwen3tts_webui.preview.utterance_state import Clause
from qwen3tts_webui.preview.voice_selection import VoiceChoice
from qwen3tts_webui.types import Pcm, WordMark

VOICE = VoiceChoice(engine="kokoro", timbre="af_heart")


@dataclass
class CountingBackend:
    """Sends one packet per character, its code as the sample value; records the clauses."""

    fallback_reason: str = ""
    clauses: list[str] = field(default_factory=list)
    seconds_per_packet: float = 0.0
    packets: int = 0
    may_load: threading.Event = field(default_factory=threading.Event)
    refuses: str = "\0"
    yields: bool = False

    def warm_up(self, stop: Callable[[], bool]) -> float:
        while not self.may_load.wait(0.005):
            if stop():
                raise SynthesisCancelled
        return 3.0

    def choose_voice(
        self, description: str, language: str, seed: int, engine_voice_id: str | None = None
    ) -> VoiceChoice:
        return VOICE

    def synthesize(
        self,
        clause: Clause,
        language: str,
        voice: VoiceChoice,
        put: Callable[[Pcm], None],
        *,
        mark: Callable[[Sequence[WordMark]], None],
        stop: Callable[[], bool],
        yields: Callable[[], bool],
    ) -> None:
        text = clause.text
        if self.refuses in text:
            raise ValueError(text)
        self.clauses.append(text)
        for letter in text[clause.pieces_done :]:
            if stop() or (self.yields and yields()):
                raise SynthesisCancelled
            time.sleep(self.seconds_per_packet)
            self.packets += 1
            put(np.full(PACKET, ord(letter) / 65_536, np.float32))
            clause.pieces_done += 1


@pytest.fixture
def counting() -> CountingBackend:
    backend = CountingBackend()
    backend.may_load.set()
    return backend


@pytest.fixture
def engine(counting: CountingBackend) -> Iterator[PreviewSynthesizer]:
    synthesizer = PreviewSynthesizer(queue_size=2, slots=2, make_backend=lambda: counting)
    yield synthesizer
    counting.may_load.set()
    synthesizer.close()


@pytest.fixture(scope="session")
def backend() -> KokoroBackend:
    """The real backend: Kokoro and espeak-ng."""
    assets = Assets(asset("preview"))
    loaded = KokoroBackend(assets, assets.voice_selector())
    assert loaded.fallback_reason == ""
    return loaded


@pytest.fixture(scope="session")
def voice(backend: KokoroBackend) -> Iterator[PreviewSynthesizer]:
    """The real preview voice."""
    synthesizer = PreviewSynthesizer(make_backend=lambda: backend)
    yield synthesizer
    synthesizer.close()
