"""History: synthesized speech on disk, with a searchable database, and replacing one line of a take."""

from qwen3tts_webui.history.splice import cut_line, splice_line, splice_rest
from qwen3tts_webui.history.store import DEFAULT_QUOTA_BYTES, HistoryEntry, HistoryStore
from qwen3tts_webui.history.wav_writer import StoredReport, WavWriter

__all__ = [
    "DEFAULT_QUOTA_BYTES",
    "HistoryEntry",
    "HistoryStore",
    "StoredReport",
    "WavWriter",
    "cut_line",
    "splice_line",
    "splice_rest",
]
