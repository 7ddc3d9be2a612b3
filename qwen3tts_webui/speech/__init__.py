"""Synthesize one request from start to end.

    Speech(synthesizer, presets, history).speak(request) -> SpeechSession, an async iterable of events

speech.py holds the entry point, voice_resolution.py finds the requested voice, engine_choice.py its engine, cloning.py
clones recordings, validation.py checks the request, segment_pipeline.py keeps the engine busy, session.py yields the
events, events.py defines them, report.py is the summary that is kept, drift.py says which segments changed their voice.
text_stream.py and streamed_line.py handle text that is still being written.
"""

from qwen3tts_webui.speech.cloning import ClonedRecording, voice_kind
from qwen3tts_webui.speech.drift import Similarity, compare_segments
from qwen3tts_webui.speech.engine_choice import MODEL_FOR
from qwen3tts_webui.speech.events import (
    AudioChunk,
    Event,
    Flushed,
    ForeignText,
    SegmentEnded,
    SegmentFailed,
    SegmentStarted,
    TextWarning,
    TimedWord,
    VoiceSource,
    WordsTimed,
)
from qwen3tts_webui.speech.report import Report, SegmentReport
from qwen3tts_webui.speech.session import SpeechSession
from qwen3tts_webui.speech.speech import Speech
from qwen3tts_webui.speech.spoken_text import SpokenText, spoken_lines
from qwen3tts_webui.speech.text_stream import TextStreamSession
from qwen3tts_webui.speech.text_warnings import language_detail, skip_unsupported
from qwen3tts_webui.speech.validation import (
    MAX_PARALLEL_SEGMENTS,
    MAX_SEED,
    SPEED_RANGE,
    PreparedRequest,
    draw_seed,
)
from qwen3tts_webui.speech.voice_resolution import continue_voice, resolve_voice
from qwen3tts_webui.speech.word_timing import heard_chars

__all__ = [
    "MAX_PARALLEL_SEGMENTS",
    "MAX_SEED",
    "MODEL_FOR",
    "SPEED_RANGE",
    "AudioChunk",
    "ClonedRecording",
    "Event",
    "Flushed",
    "ForeignText",
    "PreparedRequest",
    "Report",
    "SegmentEnded",
    "SegmentFailed",
    "SegmentReport",
    "SegmentStarted",
    "Similarity",
    "Speech",
    "SpeechSession",
    "SpokenText",
    "TextStreamSession",
    "TextWarning",
    "TimedWord",
    "VoiceSource",
    "WordsTimed",
    "compare_segments",
    "continue_voice",
    "draw_seed",
    "heard_chars",
    "language_detail",
    "resolve_voice",
    "skip_unsupported",
    "spoken_lines",
    "voice_kind",
]
