"""Written text -> spoken text, for every voice: "5 km" -> "five kilometers".

    normalize_text("It costs $20.50", "en", mode="on").spoken == "It costs twenty dollars and fifty cents"

Tables and grammar of each language are in the file named after it; numbers come from num2words and cn2an. Also tried and
not taken: wetext (its rules give no positions, "1,234,567" and "1.2.3" come out wrong, 45 MB), NeMo's and WeTextProcessing's
grammars (they need pynini, which has no wheels for Windows).
"""

from __future__ import annotations

from qwen3tts_webui.text.aligned import Span
from qwen3tts_webui.text.normalize.normalizer import NormalizedText, normalize_text
from qwen3tts_webui.text.normalize.pipeline import NormalizeMode
from qwen3tts_webui.text.normalize.streaming import StreamingNormalizer

__all__ = ["NormalizeMode", "NormalizedText", "Span", "StreamingNormalizer", "normalize_text"]
