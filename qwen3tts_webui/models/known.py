"""The checkpoints that this program is made for, and how big they are. Imports nothing of ours.

The sizes are computed from the published shapes (MODEL.md section 9) and say so: a hub that is asked knows better.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODEC_PARAMETERS = 170_557_441  # float32 on disk, decoder and encoder
_TOKENIZER_BYTES = 5_000_000

_MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One released checkpoint; `parameters` are those of the talker (and the speaker encoder of a Base checkpoint),
    stored in bfloat16."""

    id: str
    kind: str
    parameters: int

    @property
    def approximate_bytes(self) -> int:
        """On disk and over the network."""
        return 2 * self.parameters + 4 * _CODEC_PARAMETERS + _TOKENIZER_BYTES

    @property
    def weights(self) -> dict[str, int]:
        """Numbers of parameters by part, as `Needs` counts them."""
        return {"language model": self.parameters, "codec": _CODEC_PARAMETERS}


KNOWN = (
    KnownModel("Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign", "voice_design", 1_916_676_352),
    KnownModel("Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice", "custom_voice", 1_916_676_352),
    KnownModel("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice", "custom_voice", 905_788_672),
    KnownModel("Qwen/Qwen3-TTS-12Hz-1.7B-Base", "base", 1_928_677_440),
    KnownModel("Qwen/Qwen3-TTS-12Hz-0.6B-Base", "base", 914_643_008),
)
DEFAULT = KNOWN[0]


def known(model: str) -> KnownModel | None:
    """The released checkpoint of that id, or of the name after its owner, in any case."""
    for candidate in KNOWN:
        if model.lower() in (candidate.id.lower(), candidate.id.split("/")[1].lower()):
            return candidate
    return None


def is_model_id(text: str) -> bool:
    """True for "owner/name" as the hubs write it."""
    return bool(_MODEL_ID.fullmatch(text)) and ".." not in text
