"""Metrics and logs."""

from qwen3tts_webui.server.observability.logging import (
    JsonLines,
    TextLines,
    configure_logging,
    mark_truncated,
    request_id_var,
    suppress_truncation_error,
    suppress_websocket_error,
)
from qwen3tts_webui.server.observability.metrics import Metrics

__all__ = [
    "JsonLines",
    "Metrics",
    "TextLines",
    "configure_logging",
    "mark_truncated",
    "request_id_var",
    "suppress_truncation_error",
    "suppress_websocket_error",
]
