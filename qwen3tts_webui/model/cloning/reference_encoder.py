"""Encode recordings for voice cloning: audio in, a `VoiceReference` (x-vector, codes, transcript) out.

The two encoders of a Base checkpoint are large and rarely needed, so each is loaded on first use and can be freed. They
always run on the CPU in float32: the device belongs to the engine's thread, and a recording gives the same codes on
every machine.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from qwen3tts_webui.errors import InvalidValue, Unsupported
from qwen3tts_webui.model.cloning.speaker_encoder import SpeakerEncoder, load_speaker_encoder, speaker_similarity
from qwen3tts_webui.model.codec.encoder import CodecEncoder, load_codec_encoder
from qwen3tts_webui.model.config.encoder_config import CodecEncoderConfig, SpeakerEncoderConfig
from qwen3tts_webui.model.config.model_config import CODEC_FOLDER, ModelConfig
from qwen3tts_webui.model.weights.module_loader import LOADING_LOCK
from qwen3tts_webui.types import SAMPLE_RATE, CloneMode, Pcm, VoiceReference, XVector

MIN_SECONDS = 0.1  # shorter audio cannot be padded by reflection
MAX_SECONDS = 60.0

_CPU = torch.device("cpu")

log = logging.getLogger(__name__)


class ReferenceEncoder:
    """Encodes recordings for the checkpoint in `folder`, with the encoders that `load_speaker` and `load_codec` return.

    Thread-safe; encodes one recording at a time.

    Methods raise Unsupported unless it is a Base checkpoint, InvalidValue for unusable audio or text, and
    CheckpointError.
    """

    def __init__(
        self,
        folder: Path,
        config: ModelConfig,
        *,
        load_speaker: Callable[[Path, SpeakerEncoderConfig, torch.device], SpeakerEncoder] = load_speaker_encoder,
        load_codec: Callable[[Path, CodecEncoderConfig, torch.device], CodecEncoder] = load_codec_encoder,
    ) -> None:
        self._folder = folder
        self._config = config
        self._load_speaker = load_speaker
        self._load_codec = load_codec
        self._lock = threading.Lock()
        self._speaker: SpeakerEncoder | None = None
        self._codec: CodecEncoder | None = None

    def encode(self, pcm: Pcm, text: str = "", *, mode: CloneMode = "icl") -> VoiceReference:
        """Encode a recording (samples,) at 24 kHz.

        Mode "icl" needs the transcript; "xvector" computes no codes.
        """
        check_recording(pcm)
        if mode == "icl" and not text.strip():
            raise InvalidValue(field="ref_text", expected="what is said in the recording, or x-vector only", got="none")
        vector = self.x_vector(pcm)
        if mode == "xvector":
            return VoiceReference(x_vector=vector, mode="xvector", text=text)
        with self._lock:
            codes = self._loaded_codec().encode(pcm)
        return VoiceReference(x_vector=vector, text=text, codes=codes)

    def x_vector(self, pcm: Pcm) -> XVector:
        """The speaker embedding (dim,) of audio (samples,) at 24 kHz."""
        check_recording(pcm)
        with self._lock:
            return self._loaded_speaker().encode(pcm)

    def similarity(self, pcm: Pcm, reference: VoiceReference) -> float:
        """Speaker similarity of audio (samples,) and `reference`: cosine of the x-vectors, -1 to 1."""
        return speaker_similarity(self.x_vector(pcm), reference.x_vector)

    def free(self) -> None:
        """Drop both encoders; they are loaded again when needed."""
        with self._lock:
            self._speaker = self._codec = None

    @property
    def nbytes(self) -> int:
        """Memory of the loaded encoders in bytes."""
        loaded = [module for module in (self._speaker, self._codec) if module is not None]
        return sum(tensor.nbytes for module in loaded for tensor in module.state_dict().values())

    def _loaded_speaker(self) -> SpeakerEncoder:
        if self._config.speaker_encoder is None:
            raise Unsupported(engine="Qwen3-TTS", feature="cloning a recorded voice", hint="Load a Base checkpoint.")
        if self._speaker is None:
            with LOADING_LOCK:
                self._speaker = self._load_speaker(self._folder, self._config.speaker_encoder, _CPU)
            log.info("loaded the speaker encoder of %s", self._folder.name)
        return self._speaker

    def _loaded_codec(self) -> CodecEncoder:
        assert self._config.codec_encoder is not None  # Base has both
        if self._codec is None:
            with LOADING_LOCK:
                self._codec = self._load_codec(self._folder / CODEC_FOLDER, self._config.codec_encoder, _CPU)
            log.info("loaded the codec encoder of %s", self._folder.name)
        return self._codec


def check_recording(pcm: Pcm) -> None:
    """Raise InvalidValue unless `pcm` is finite, one-dimensional and 0.1 to 60 s long at 24 kHz."""
    if pcm.ndim != 1:
        raise InvalidValue(field="audio", expected="one channel", got="x".join(map(str, pcm.shape)))
    seconds = len(pcm) / SAMPLE_RATE
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise InvalidValue(field="audio", expected=f"{MIN_SECONDS:g} to {MAX_SECONDS:g} s", got=f"{seconds:.2f} s")
    if not np.isfinite(pcm).all():
        raise InvalidValue(field="audio", expected="finite samples", got="NaN or infinity")
