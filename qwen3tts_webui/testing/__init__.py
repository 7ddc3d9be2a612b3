"""For tests and benchmarks: small real engines with computable audio, and the page around one of them."""

from qwen3tts_webui.testing.page_server import CHROMIUM_FLAGS, Studio, installed_chromium, serve_page
from qwen3tts_webui.testing.synthesizers import (
    LANGUAGES,
    Job,
    RealTimeSynthesizer,
    SteppedSynthesizer,
    ZeroCostSynthesizer,
    audio_of,
    codes_of,
    frame_of,
)

__all__ = [
    "CHROMIUM_FLAGS",
    "LANGUAGES",
    "Job",
    "RealTimeSynthesizer",
    "SteppedSynthesizer",
    "Studio",
    "ZeroCostSynthesizer",
    "audio_of",
    "codes_of",
    "frame_of",
    "installed_chromium",
    "serve_page",
]
