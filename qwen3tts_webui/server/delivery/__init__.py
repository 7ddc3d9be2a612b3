"""From a validated request to bytes on the wire: submit, follow, encode, record."""

from qwen3tts_webui.server.delivery.audio_response import AudioResponse
from qwen3tts_webui.server.delivery.audio_stream import AudioStream
from qwen3tts_webui.server.delivery.batch_response import MULTIPART, NDJSON, start_batch
from qwen3tts_webui.server.delivery.connection_registry import ConnectionRegistry
from qwen3tts_webui.server.delivery.file_naming import attachment, file_stem, file_tags
from qwen3tts_webui.server.delivery.recorder import Recorder
from qwen3tts_webui.server.delivery.recordings import (
    MAX_INLINE_BYTES,
    InlineRecording,
    RecordingReader,
    inline_recording,
    quality_warning,
    with_recording,
)
from qwen3tts_webui.server.delivery.request_context import RequestContext, warning_message
from qwen3tts_webui.server.delivery.request_registry import RequestRecord, RequestRegistry, to_json
from qwen3tts_webui.server.delivery.similarity import SimilarityMeter
from qwen3tts_webui.server.delivery.speech_requests import (
    batch_requests,
    needs_thread,
    output_format_of,
    run_maybe_in_thread,
    single_request,
    start_request,
    streamed_request,
)
from qwen3tts_webui.server.delivery.stream_links import LINK_S, StreamLinks
from qwen3tts_webui.server.delivery.voice_samples import VoiceSamples
from qwen3tts_webui.server.delivery.websocket_utterance import MessageSink, UtteranceSession, retry_after

__all__ = [
    "LINK_S",
    "MAX_INLINE_BYTES",
    "MULTIPART",
    "NDJSON",
    "AudioResponse",
    "AudioStream",
    "ConnectionRegistry",
    "InlineRecording",
    "MessageSink",
    "Recorder",
    "RecordingReader",
    "RequestContext",
    "RequestRecord",
    "RequestRegistry",
    "SimilarityMeter",
    "StreamLinks",
    "UtteranceSession",
    "VoiceSamples",
    "attachment",
    "batch_requests",
    "file_stem",
    "file_tags",
    "inline_recording",
    "needs_thread",
    "output_format_of",
    "quality_warning",
    "retry_after",
    "run_maybe_in_thread",
    "single_request",
    "start_batch",
    "start_request",
    "streamed_request",
    "to_json",
    "warning_message",
    "with_recording",
]
