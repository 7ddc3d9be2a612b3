"""From a validated request to bytes on the wire: submit, follow, encode, record."""

from qwen3tts_webui.server.delivery.audio_response import AudioResponse
from qwen3tts_webui.server.delivery.audio_stream import AudioStream
from qwen3tts_webui.server.delivery.batch_response import MULTIPART, NDJSON, start_batch
from qwen3tts_webui.server.delivery.connection_registry import ConnectionRegistry
from qwen3tts_webui.server.delivery.file_naming import attachment, file_stem, file_tags
from qwen3tts_webui.server.delivery.recorder import Recorder
from qwen3tts_webui.server.delivery.request_context import RequestContext
from qwen3tts_webui.server.delivery.request_registry import RequestRecord, RequestRegistry
from qwen3tts_webui.server.delivery.speech_requests import (
    batch_requests,
    output_format_of,
    single_request,
    start_request,
    streamed_request,
)
from qwen3tts_webui.server.delivery.voice_samples import VoiceSamples
from qwen3tts_webui.server.delivery.websocket_utterance import MessageSink, UtteranceSession, retry_after

__all__ = [
    "MULTIPART",
    "NDJSON",
    "AudioResponse",
    "AudioStream",
    "ConnectionRegistry",
    "MessageSink",
    "Recorder",
    "RequestContext",
    "RequestRecord",
    "RequestRegistry",
    "UtteranceSession",
    "VoiceSamples",
    "attachment",
    "batch_requests",
    "file_stem",
    "file_tags",
    "output_format_of",
    "retry_after",
    "single_request",
    "start_batch",
    "start_request",
    "streamed_request",
]
