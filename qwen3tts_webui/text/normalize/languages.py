"""The ten grammars by language code."""

from __future__ import annotations

from qwen3tts_webui.text.normalize.de import German
from qwen3tts_webui.text.normalize.en import English
from qwen3tts_webui.text.normalize.es import Spanish
from qwen3tts_webui.text.normalize.fr import French
from qwen3tts_webui.text.normalize.grammar import Grammar
from qwen3tts_webui.text.normalize.it import Italian
from qwen3tts_webui.text.normalize.ja import Japanese
from qwen3tts_webui.text.normalize.ko import Korean
from qwen3tts_webui.text.normalize.pt import Portuguese
from qwen3tts_webui.text.normalize.ru import Russian
from qwen3tts_webui.text.normalize.zh import Chinese

GRAMMARS: dict[str, type[Grammar]] = {
    "zh": Chinese, "en": English, "ja": Japanese, "ko": Korean, "de": German, "fr": French, "ru": Russian,
    "pt": Portuguese, "es": Spanish, "it": Italian,
}  # fmt: skip
