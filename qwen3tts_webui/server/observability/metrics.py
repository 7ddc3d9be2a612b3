"""Prometheus metrics of one server, in a registry of its own.

In: utterances on their way to the engine, and HTTP requests. Out: the text of `/metrics`. Utterance timings are
measured on the engine's thread, where it delivers audio, so a client that reads slowly does not count against the
engine. No label holds user text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.synthesizer_proxy import SynthesizerProxy
from qwen3tts_webui.types import (
    SAMPLE_RATE,
    EngineInfo,
    EngineLoad,
    Pcm,
    PcmSink,
    SynthesisResult,
    Synthesizer,
    TextStream,
    Timings,
    Utterance,
    WordMark,
)

_FIRST_AUDIO_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_INTER_PACKET_S = (0.001, 0.0025, 0.005, 0.01, 0.016, 0.025, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0, 2.5)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})


class Metrics:
    """All metrics. `engines`, `load` and `memory_bytes` (used and total GPU memory) are called on each scrape."""

    def __init__(
        self,
        engines: Callable[[], Sequence[EngineInfo]],
        load: Callable[[], EngineLoad],
        memory_bytes: Callable[[], tuple[int, int] | None],
    ) -> None:
        self._registry = CollectorRegistry()
        self._engines = engines
        self._load = load
        self._memory_bytes = memory_bytes
        registry = self._registry
        self._requests = Counter(
            "qwen3tts_http_requests", "Requests by route and status", ["route", "method", "status"], registry=registry
        )
        self._in_flight = Gauge("qwen3tts_http_in_flight", "Open HTTP requests and WebSockets", registry=registry)
        self._utterances = Counter(
            "qwen3tts_utterances", "Finished utterances by finish reason", ["model", "finish_reason"], registry=registry
        )
        self._cancels = Counter("qwen3tts_cancels", "Utterances cancelled by the client", ["model"], registry=registry)
        self._errors = Counter(
            "qwen3tts_errors", "Failed utterances by error code", ["model", "code"], registry=registry
        )
        self._first_audio = Histogram(
            "qwen3tts_first_audio_seconds", "Time from submit to first audio", ["model"], buckets=_FIRST_AUDIO_S,
            registry=registry,
        )  # fmt: skip
        self._inter_packet = Histogram(
            "qwen3tts_inter_packet_seconds", "Time between audio packets", ["model"], buckets=_INTER_PACKET_S,
            registry=registry,
        )  # fmt: skip
        self._underruns = Counter(
            "qwen3tts_underruns", "Packets that arrive late for a player without a buffer", ["model"], registry=registry
        )
        self._audio = Counter("qwen3tts_audio_seconds", "Seconds of generated audio", ["model"], registry=registry)
        registry.register(LiveGauges(self._gauges))

    def text(self) -> bytes:
        """Return all metrics in the Prometheus text format 0.0.4."""
        return generate_latest(self._registry)

    def count_request(self, route: str, method: str, status: int) -> None:
        """Count one finished request; `route` is a template such as /api/requests/{request_id}."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()

    def track_in_flight(self, delta: int) -> None:
        """Count a request that starts (1) or ends (-1)."""
        self._in_flight.inc(delta)

    def instrument(self, synthesizer: Synthesizer) -> Synthesizer:
        """Return `synthesizer` wrapped so that its utterances are measured."""
        return InstrumentedSynthesizer(synthesizer, self)

    # per utterance, from any thread

    def count_rejection(self, model: str, error: SpeechError) -> None:
        """Count an utterance that the engine did not accept."""
        self._errors.labels(model, error.code).inc()

    def observe_first_audio(self, model: str, seconds: float) -> None:
        """Record the time from submit to first audio."""
        self._first_audio.labels(model).observe(seconds)

    def packet_metrics(self, model: str) -> tuple[Histogram, Counter]:
        """Return the metrics updated with every packet: the time since the previous one, and the count of late ones."""
        return self._inter_packet.labels(model), self._underruns.labels(model)

    def count_result(self, model: str, result: SynthesisResult) -> None:
        """Count a finished utterance."""
        self._utterances.labels(model, result.finish_reason).inc()
        self._audio.labels(model).inc(result.num_samples / SAMPLE_RATE)
        if result.finish_reason == "cancelled":
            self._cancels.labels(model).inc()

    def count_failure(self, model: str, error: Exception) -> None:
        """Count a failed utterance."""
        self._utterances.labels(model, "failed").inc()
        self._errors.labels(model, error.code if isinstance(error, SpeechError) else SpeechError.code).inc()

    def _gauges(self) -> Iterable[Metric]:
        load, memory = self._load(), self._memory_bytes()
        engine_info = GaugeMetricFamily(
            "qwen3tts_engine_info",
            "Each engine that is loaded; always 1",
            labels=["engine", "model", "device", "dtype", "preview"],
        )
        for info in self._engines():
            engine_info.add_metric([info.name, info.model, info.device, info.dtype, str(info.preview).lower()], 1)
        yield engine_info
        for name, description, value in (
            ("slots", "Utterances that can run at once", load.slots),
            ("slots_active", "Running utterances", load.running),
            ("queue_depth", "Queued utterances", load.queued),
            ("queue_size", "Capacity of the queue", load.queue_size),
        ):
            yield GaugeMetricFamily(f"qwen3tts_{name}", description, value=value)
        if memory is not None:  # without a GPU the metric is absent, not 0
            yield GaugeMetricFamily("qwen3tts_device_memory_used_bytes", "Used memory of the GPU", value=memory[0])
            yield GaugeMetricFamily("qwen3tts_device_memory_total_bytes", "Total memory of the GPU", value=memory[1])


class LiveGauges:
    """A collector that reads its gauges on each scrape."""

    def __init__(self, gauges: Callable[[], Iterable[Metric]]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        return self._gauges()


class InstrumentedSynthesizer(SynthesizerProxy):
    """Implements `Synthesizer`: delegates to an engine and instruments each sink."""

    def __init__(self, engine: Synthesizer, metrics: Metrics) -> None:
        super().__init__(engine)
        self._metrics = metrics

    def submit(self, requests: Sequence[tuple[Utterance, PcmSink]]) -> None:
        model = self.info.model
        instrumented = []
        for utterance, sink in requests:
            text_stream = None if utterance.text_stream is None else InstrumentedTextStream(utterance.text_stream)
            instrumented.append(
                (replace(utterance, text_stream=text_stream), InstrumentedSink(sink, self._metrics, model, text_stream))
            )
        try:
            super().submit(instrumented)
        except SpeechError as error:
            self._metrics.count_rejection(model, error)
            raise


class InstrumentedTextStream:
    """Implements `TextStream`: delegates, and records when text arrives."""

    def __init__(self, text_stream: TextStream) -> None:
        self._text_stream = text_stream
        self._on_text: Callable[[], None] | None = None
        self._changed_at: float | None = None
        text_stream.watch(self._changed)

    @property
    def closed(self) -> bool:
        return self._text_stream.closed

    @property
    def language(self) -> str:
        return self._text_stream.language

    def take(self) -> str:
        return self._text_stream.take()

    def watch(self, on_text: Callable[[], None]) -> None:
        self._on_text = on_text

    def pop_changed_at(self) -> float | None:
        """Return when the stream first changed (text or close) since the last call; None if it did not."""
        at, self._changed_at = self._changed_at, None
        return at

    def _changed(self) -> None:
        if self._changed_at is None:
            self._changed_at = time.monotonic()
        if self._on_text is not None:
            self._on_text()


class InstrumentedSink:
    """Implements `PcmSink`: delegates, and measures when audio arrives.

    Underruns are those of a player that starts with the first packet and has no buffer. Time under backpressure does
    not count. Neither does time spent waiting for text: if text arrived after the previous packet, the next packet is
    measured from there and is no underrun; if none arrived, the engine did not need any.
    """

    def __init__(self, sink: PcmSink, metrics: Metrics, model: str, text_stream: InstrumentedTextStream | None) -> None:
        self._sink = sink
        self._metrics = metrics
        self._model = model
        self._inter_packet, self._underruns = metrics.packet_metrics(model)
        self._text_stream = text_stream
        self._submitted_at = time.monotonic()
        self._last_packet_at: float | None = None
        self._plays_until = 0.0
        self._was_backpressured = False

    @property
    def cancelled(self) -> bool:
        return self._sink.cancelled

    @property
    def is_backpressured(self) -> bool:
        is_backpressured = self._sink.is_backpressured
        self._was_backpressured = self._was_backpressured or is_backpressured
        return is_backpressured

    def watch(self, on_capacity: Callable[[], None]) -> None:
        self._sink.watch(on_capacity)

    def put(self, pcm: Pcm) -> None:
        now = time.monotonic()
        self._sink.put(pcm)
        text_at = None if self._text_stream is None else self._text_stream.pop_changed_at()
        if self._last_packet_at is None:
            self._metrics.observe_first_audio(self._model, now - self._submitted_at)
            self._plays_until = now
        elif not self._was_backpressured:
            self._inter_packet.observe(now - (self._last_packet_at if text_at is None else text_at))
            if text_at is None and now > self._plays_until:
                self._underruns.inc()
        self._plays_until = max(now, self._plays_until) + len(pcm) / SAMPLE_RATE
        self._last_packet_at, self._was_backpressured = now, False

    def begin(self, timings: Timings) -> None:
        self._sink.begin(timings)

    def mark(self, marks: Sequence[WordMark]) -> None:
        self._sink.mark(marks)

    def finish(self, result: SynthesisResult) -> None:
        self._sink.finish(result)
        self._metrics.count_result(self._model, result)

    def fail(self, error: Exception) -> None:
        self._sink.fail(error)
        self._metrics.count_failure(self._model, error)
