"""The regions of the page. Each has one function that draws it and returns the components that events use."""

from qwen3tts_webui.ui.regions.header import header
from qwen3tts_webui.ui.regions.model import model_region
from qwen3tts_webui.ui.regions.player import PlayerRegion, player_region
from qwen3tts_webui.ui.regions.text import TextRegion, text_region
from qwen3tts_webui.ui.regions.voice import VoiceRegion, voice_region

__all__ = [
    "PlayerRegion",
    "TextRegion",
    "VoiceRegion",
    "header",
    "model_region",
    "player_region",
    "text_region",
    "voice_region",
]
