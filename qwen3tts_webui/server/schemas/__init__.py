"""Pydantic models of request bodies and WebSocket messages. Fields only."""

from qwen3tts_webui.server.schemas.speech import (
    MAX_BATCH_TEXTS,
    Body,
    ContinueFrom,
    TtsBody,
)
from qwen3tts_webui.server.schemas.websocket import (
    MAX_MESSAGE_BYTES,
    MAX_RECORDING_MESSAGE_BYTES,
    Cancel,
    Close,
    Flush,
    Message,
    Open,
    Ping,
    Text,
    message_id,
    pack_frame,
    parse_message,
)

__all__ = [
    "MAX_BATCH_TEXTS",
    "MAX_MESSAGE_BYTES",
    "MAX_RECORDING_MESSAGE_BYTES",
    "Body",
    "Cancel",
    "Close",
    "ContinueFrom",
    "Flush",
    "Message",
    "Open",
    "Ping",
    "Text",
    "TtsBody",
    "message_id",
    "pack_frame",
    "parse_message",
]
