"""Figures for Prometheus, of this server alone: its own registry, nothing global.

In: utterances on their way to the engine, and HTTP requests. Out: the text of `/metrics`. Times of utterances are taken
where the engine hands sound over, in its own thread; a listener who reads slowly does not count against the engine.
Nothing that a user wrote becomes a label.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.types import (
    SAMPLE_RATE,
    EngineInfo,
    EngineLoad,
    Pcm,
    PcmSink,
    SynthesisResult,
    Synthesizer,
    TextStream,
    Utterance,
)

_FIRST_AUDIO_S = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BETWEEN_S = (0.001, 0.0025, 0.005, 0.01, 0.016, 0.025, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0, 2.5)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})


class Metrics:
    """All figures. `info`, `load` and `memory_bytes` (used, total, of a GPU) are asked when somebody looks."""

    def __init__(
        self,
        info: Callable[[], EngineInfo],
        load: Callable[[], EngineLoad],
        memory_bytes: Callable[[], tuple[int, int] | None],
    ) -> None:
        self._registry = CollectorRegistry()
        self._info = info
        self._load = load
        self._memory_bytes = memory_bytes
        registry = self._registry
        self._requests = Counter(
            "qwen3tts_http_requests", "Requests by route and status", ["route", "method", "status"], registry=registry
        )
        self._in_flight = Gauge("qwen3tts_http_in_flight", "Requests and WebSockets now", registry=registry)
        self._utterances = Counter(
            "qwen3tts_utterances", "Utterances that ended, by how", ["model", "stopped"], registry=registry
        )
        self._cancels = Counter(
            "qwen3tts_cancels", "Utterances that their listener ended", ["model"], registry=registry
        )
        self._errors = Counter(
            "qwen3tts_errors", "Utterances that failed, by kind", ["model", "code"], registry=registry
        )
        self._first_audio = Histogram(
            "qwen3tts_first_audio_seconds", "Engine asked to first sound", ["model"], buckets=_FIRST_AUDIO_S,
            registry=registry,
        )  # fmt: skip
        self._between = Histogram(
            "qwen3tts_inter_packet_seconds", "One packet of sound to the next", ["model"], buckets=_BETWEEN_S,
            registry=registry,
        )  # fmt: skip
        self._underruns = Counter(
            "qwen3tts_underruns", "Packets too late for a player without any buffer", ["model"], registry=registry
        )
        self._audio = Counter("qwen3tts_audio_seconds", "Sound that was made", ["model"], registry=registry)
        registry.register(_Now(self._gauges))

    def text(self) -> bytes:
        """Everything, in the text format of Prometheus 0.0.4."""
        return generate_latest(self._registry)

    def requested(self, route: str, method: str, status: int) -> None:
        """One HTTP request ended; `route` is a template such as /api/requests/{request_id}."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()

    def entered(self, by: int) -> None:
        """One request more (1) or less (-1)."""
        self._in_flight.inc(by)

    def around(self, synthesizer: Synthesizer) -> Synthesizer:
        """`synthesizer`, with a look at all that it says."""
        return _Watched(synthesizer, self)

    # of one utterance, from any thread

    def refused(self, model: str, error: SpeechError) -> None:
        self._errors.labels(model, error.code).inc()

    def sounded_first(self, model: str, seconds: float) -> None:
        self._first_audio.labels(model).observe(seconds)

    def between(self, model: str) -> tuple[Histogram, Counter]:
        """The figures that every packet changes: the time since the one before, and how many came late."""
        return self._between.labels(model), self._underruns.labels(model)

    def ended(self, model: str, spoken: SynthesisResult) -> None:
        self._utterances.labels(model, spoken.stopped).inc()
        self._audio.labels(model).inc(spoken.num_samples / SAMPLE_RATE)
        if spoken.stopped == "cancelled":
            self._cancels.labels(model).inc()

    def failed(self, model: str, error: Exception) -> None:
        self._utterances.labels(model, "failed").inc()
        self._errors.labels(model, error.code if isinstance(error, SpeechError) else SpeechError.code).inc()

    def _gauges(self) -> Iterable[Metric]:
        info, load, memory = self._info(), self._load(), self._memory_bytes()
        told = GaugeMetricFamily(
            "qwen3tts_engine_info", "Who speaks; always 1", labels=["engine", "model", "device", "dtype", "preview"]
        )
        told.add_metric([info.name, info.model, info.device, info.dtype, str(info.preview).lower()], 1)
        yield told
        for name, words, value in (
            ("slots", "Utterances that can be spoken at once", load.slots),
            ("slots_active", "Utterances that are spoken now", load.active),
            ("queue_depth", "Utterances that wait", load.waiting),
            ("queue_size", "Utterances that may wait", load.queue_size),
        ):
            yield GaugeMetricFamily(f"qwen3tts_{name}", words, value=value)
        if memory is not None:  # a machine without a GPU has no such figure, not 0
            yield GaugeMetricFamily("qwen3tts_device_memory_used_bytes", "Of the whole card", value=memory[0])
            yield GaugeMetricFamily("qwen3tts_device_memory_total_bytes", "Of the whole card", value=memory[1])


class _Now:
    """A collector whose figures are taken when they are asked for."""

    def __init__(self, gauges: Callable[[], Iterable[Metric]]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        return self._gauges()


class _Watched:
    """Implements `Synthesizer`: the same engine, with a `_Meter` on each sink."""

    def __init__(self, synthesizer: Synthesizer, metrics: Metrics) -> None:
        self._synthesizer = synthesizer
        self._metrics = metrics

    @property
    def info(self) -> EngineInfo:
        return self._synthesizer.info

    @property
    def ready(self) -> bool:
        return self._synthesizer.ready

    @property
    def load(self) -> EngineLoad:
        return self._synthesizer.load

    def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
        model = self.info.model
        metered = []
        for utterance, sink in jobs:
            feed = None if utterance.feed is None else _MeteredFeed(utterance.feed)
            metered.append((replace(utterance, feed=feed), _Meter(sink, self._metrics, model, feed)))
        try:
            self._synthesizer.submit(metered)
        except SpeechError as error:
            self._metrics.refused(model, error)
            raise

    def close(self, *, grace_s: float = 0.0) -> None:
        self._synthesizer.close(grace_s=grace_s)


class _MeteredFeed:
    """Implements `TextStream`: the same text, with a look at when it came."""

    def __init__(self, feed: TextStream) -> None:
        self._feed = feed
        self._on_text: Callable[[], None] | None = None
        self._changed_at: float | None = None
        feed.watch(self._changed)

    @property
    def closed(self) -> bool:
        return self._feed.closed

    def take(self) -> str:
        return self._feed.take()

    def watch(self, on_text: Callable[[], None]) -> None:
        self._on_text = on_text

    def changed(self) -> float | None:
        """When text first came, or its end, since the last call; None if neither did."""
        at, self._changed_at = self._changed_at, None
        return at

    def _changed(self) -> None:
        if self._changed_at is None:
            self._changed_at = time.monotonic()
        if self._on_text is not None:
            self._on_text()


class _Meter:
    """Implements `PcmSink`: hands everything on, and notes when it came.

    Underruns are those of a player that starts with the first packet and holds nothing back. Time in which the listener
    was full is nobody's lateness. Nor is time in which text had yet to be written: where some came after the last
    packet, the next one is measured from there, and is no underrun; where none came, the engine did not need any.
    """

    def __init__(self, sink: PcmSink, metrics: Metrics, model: str, feed: _MeteredFeed | None) -> None:
        self._sink = sink
        self._metrics = metrics
        self._model = model
        self._between, self._underruns = metrics.between(model)
        self._feed = feed
        self._asked = time.monotonic()
        self._last: float | None = None
        self._played_until = 0.0
        self._held = False

    @property
    def cancelled(self) -> bool:
        return self._sink.cancelled

    @property
    def full(self) -> bool:
        full = self._sink.full
        self._held = self._held or full
        return full

    def watch(self, on_room: Callable[[], None]) -> None:
        self._sink.watch(on_room)

    def put(self, pcm: Pcm) -> None:
        now = time.monotonic()
        self._sink.put(pcm)
        text_at = None if self._feed is None else self._feed.changed()
        if self._last is None:
            self._metrics.sounded_first(self._model, now - self._asked)
            self._played_until = now
        elif not self._held:
            self._between.observe(now - (self._last if text_at is None else text_at))
            if text_at is None and now > self._played_until:
                self._underruns.inc()
        self._played_until = max(now, self._played_until) + len(pcm) / SAMPLE_RATE
        self._last, self._held = now, False

    def finish(self, spoken: SynthesisResult) -> None:
        self._sink.finish(spoken)
        self._metrics.ended(self._model, spoken)

    def fail(self, error: Exception) -> None:
        self._sink.fail(error)
        self._metrics.failed(self._model, error)
