"""The released checkpoints that this program supports, and their sizes.

The sizes are computed from the published shapes (docs/model.md); a hub knows the exact ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen3tts_webui.checkpoints.memory_estimate import ParameterCounts

_CODEC_PARAMETERS = 170_557_441  # float32 on disk, decoder and encoder
_TEXT_EMBEDDING_PARAMETERS = 151_936 * 2_048
_TOKENIZER_BYTES = 5_000_000

_MODEL_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """One released checkpoint.

    `parameters` counts those stored as bfloat16: the talker, and the speaker encoder of a Base model.
    """

    id: str
    kind: str
    parameters: int

    @property
    def size(self) -> str:
        """The size in its name, such as "1.7B"."""
        return self.id.split("-")[3]

    @property
    def approximate_bytes(self) -> int:
        """Size on disk and of the download."""
        return 2 * self.parameters + 4 * _CODEC_PARAMETERS + _TOKENIZER_BYTES

    @property
    def counts(self) -> ParameterCounts:
        """Its parameters, as `estimate_memory` takes them."""
        return ParameterCounts(
            language_model=self.parameters - _TEXT_EMBEDDING_PARAMETERS,
            text_embedding=_TEXT_EMBEDDING_PARAMETERS,
            codec=_CODEC_PARAMETERS,
        )


CATALOG = (
    CatalogModel("Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign", "voice_design", 1_916_676_352),
    CatalogModel("Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice", "custom_voice", 1_916_676_352),
    CatalogModel("Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice", "custom_voice", 905_788_672),
    CatalogModel("Qwen/Qwen3-TTS-12Hz-1.7B-Base", "base", 1_928_677_440),
    CatalogModel("Qwen/Qwen3-TTS-12Hz-0.6B-Base", "base", 914_643_008),
)
DEFAULT_MODEL = CATALOG[0]


def find_in_catalog(model: str) -> CatalogModel | None:
    """Return the released checkpoint with that id, or with that name without its owner; case is ignored."""
    for candidate in CATALOG:
        if model.lower() in (candidate.id.lower(), candidate.id.split("/")[1].lower()):
            return candidate
    return None


def is_model_id(text: str) -> bool:
    """Return True for "owner/name" as the hubs write it."""
    return bool(_MODEL_ID.fullmatch(text)) and ".." not in text
