"""Voices: the presets that ship with the program, help with descriptions, and voices that users saved."""

from qwen3tts_webui.voices.description_ideas import DescriptionExample, description_examples, suggest_description
from qwen3tts_webui.voices.lexicon_file import LEXICON_FILE_NAME, LexiconFile
from qwen3tts_webui.voices.openai_voices import OPENAI_VOICES
from qwen3tts_webui.voices.presets import Preset, Presets
from qwen3tts_webui.voices.reference_fields import MAX_REFERENCE_TEXT
from qwen3tts_webui.voices.saved_voices import SavedVoices
from qwen3tts_webui.voices.voice_codes import MAX_FRAMES
from qwen3tts_webui.voices.voice_file import (
    MAX_NAME,
    MAX_RECORDING_BYTES,
    MAX_SAMPLE_BYTES,
    MAX_VOICE_FILE_BYTES,
    VOICE_FILE_EXTENSION,
    VOICE_FILE_MIME,
    SavedVoice,
    VoiceKind,
    clean_name,
    parse_voice,
    serialize_voice,
)

__all__ = [
    "LEXICON_FILE_NAME",
    "MAX_FRAMES",
    "MAX_NAME",
    "MAX_RECORDING_BYTES",
    "MAX_REFERENCE_TEXT",
    "MAX_SAMPLE_BYTES",
    "MAX_VOICE_FILE_BYTES",
    "OPENAI_VOICES",
    "VOICE_FILE_EXTENSION",
    "VOICE_FILE_MIME",
    "DescriptionExample",
    "LexiconFile",
    "Preset",
    "Presets",
    "SavedVoice",
    "SavedVoices",
    "VoiceKind",
    "clean_name",
    "description_examples",
    "parse_voice",
    "serialize_voice",
    "suggest_description",
]
