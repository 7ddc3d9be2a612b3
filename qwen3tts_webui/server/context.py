"""What all routes and middleware share, built once by `create_app`.

Names the types of other packages and imports none of them at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from qwen3tts_webui.checkpoints import ModelInstaller
    from qwen3tts_webui.config import Settings
    from qwen3tts_webui.diagnostics import Finding
    from qwen3tts_webui.server.auth import ApiKeyStore, BrowserSessions
    from qwen3tts_webui.server.delivery import (
        ConnectionRegistry,
        Recorder,
        RecordingReader,
        RequestRegistry,
        SimilarityMeter,
        StreamLinks,
    )
    from qwen3tts_webui.server.http import ErrorRenderer
    from qwen3tts_webui.server.middleware import RateLimiter
    from qwen3tts_webui.server.observability import Metrics
    from qwen3tts_webui.speech import Speech


class GpuReading(Protocol):
    """One reading of the GPU: utilization in percent, memory of the whole device in bytes."""

    @property
    def util_percent(self) -> int: ...

    @property
    def used_bytes(self) -> int: ...

    @property
    def total_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerContext:
    """`gpu` returns the latest reading, None without a GPU. Without `model_installer` or `run_doctor` their routes are
    missing or empty.
    """

    speech: Speech
    settings: Settings
    errors: ErrorRenderer
    api_keys: ApiKeyStore
    sessions: BrowserSessions
    metrics: Metrics
    rate_limiter: RateLimiter
    requests: RequestRegistry
    recorder: Recorder
    recordings: RecordingReader
    meter: SimilarityMeter
    connections: ConnectionRegistry
    stream_links: StreamLinks
    gpu: Callable[[], GpuReading | None]
    model_installer: ModelInstaller | None = None
    run_doctor: Callable[[], list[Finding]] | None = None
