"""A fake engine that clones: the codes and the x-vector of a recording are computed from its samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qwen3tts_webui.recognition import Transcript
from qwen3tts_webui.types import CloneMode, EngineLoad, Feature, Pcm, VoiceReference, XVector
from tests.support.fakes import ZeroCostSynthesizer, frame_of

X_VECTOR_DIM = 8


class FakeReferences:
    """Implements `EncodesReferences`; `num_encoded` counts calls of `encode`."""

    def __init__(self) -> None:
        self.num_encoded = 0

    def encode(self, pcm: Pcm, text: str = "", *, mode: CloneMode = "icl") -> VoiceReference:
        self.num_encoded += 1
        codes = np.full((-(-len(pcm) // 1_920), 16), len(pcm) % 2_000, np.int16) if mode == "icl" else None
        return VoiceReference(x_vector=self.x_vector(pcm), mode=mode, text=text, codes=codes)

    def x_vector(self, pcm: Pcm) -> XVector:
        return np.array([1, *np.abs(np.fft.rfft(pcm, 14))[1:]], np.float32)

    def similarity(self, pcm: Pcm, reference: VoiceReference) -> float:
        one, other = self.x_vector(pcm), reference.x_vector
        return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))

    def free(self) -> None:
        pass


class FakeRecognizer:
    """Implements `Recognizer`: returns `text` for any audio, and records its input."""

    label = "Fake ears"

    def __init__(self, text: str = "What I said.") -> None:
        self.text = text
        self.heard: list[tuple[int, str]] = []

    def transcribe(self, pcm: Pcm, language: str = "auto") -> Transcript:
        self.heard.append((len(pcm), language))
        return Transcript(text=self.text, language="en")


class CloningFake(ZeroCostSynthesizer):
    """Clones recordings and, like a Base checkpoint, takes no descriptions."""

    def __init__(
        self, *, num_frames: int = 5, features: Sequence[Feature] = ("seed", "sampling", "continuation", "cloning")
    ) -> None:
        super().__init__(num_frames=num_frames, features=features)
        self.info = replace(self.info, x_vector_dim=X_VECTOR_DIM)
        self.references = FakeReferences()


class Ears(FakeReferences):
    """Hears one voice in everything but the line "Off.": its x-vector is orthogonal."""

    def __init__(self) -> None:
        super().__init__()
        self.num_heard = 0

    def x_vector(self, pcm: Pcm) -> XVector:
        self.num_heard += 1
        vector = np.zeros(X_VECTOR_DIM, np.float32)
        vector[1 if pcm[0] == frame_of("Off.", 0)[0] else 0] = 1
        return vector


class HearingFake(CloningFake):
    """Hears one voice in all lines but "Off.", and also speaks without a reference; busy when the test says so."""

    def __init__(self) -> None:
        super().__init__(num_frames=10, features=("seed", "cloning", "description"))
        self.info = replace(self.info, preview=False)
        self.references = self.ears = Ears()
        self.busy = False

    @property
    def load(self) -> EngineLoad:
        return EngineLoad(running=int(self.busy), queued=0, slots=4, queue_size=64)
