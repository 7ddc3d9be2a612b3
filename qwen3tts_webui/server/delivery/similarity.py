"""Compare the finished segments of a request with its voice, in the background.

In: the events of a request. Out: the similarity of each segment, in the report of the request and in the history. Needs
a model that clones, for its speaker encoder. One thread of its own measures after the end of a request, one segment
at a time; while an engine computes on the same processor, it waits, so that no packet is late.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from qwen3tts_webui.server.delivery.request_registry import RequestRecord
from qwen3tts_webui.speech import AudioChunk, Event, SegmentEnded, SegmentStarted, Speech, compare_segments
from qwen3tts_webui.types import SAMPLE_RATE, EncodesReferences, Pcm, XVector

log = logging.getLogger(__name__)

_MIN_SAMPLES = SAMPLE_RATE // 2  # a shorter segment says too little about a voice
_MAX_SAMPLES = 6 * SAMPLE_RATE
_MAX_WAIT_S = 60.0
_POLL_S = 0.1

Store = Callable[[Path, dict[str, object]], None]
"""Replaces the report that was stored with the audio at a path."""


class SimilarityMeter:
    """Creates a `SegmentComparison` per request. `store` keeps the reports with similarities; None: nothing is kept."""

    def __init__(self, speech: Speech, store: Store | None) -> None:
        self._speech = speech
        self._store = store
        self._closed = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="similarity")

    def start(self, record: RequestRecord) -> SegmentComparison | None:
        """Start comparing the segments of a request; None if they cannot be compared."""
        references = self._speech.references
        if references is None or record.session.info.preview:
            return None
        return SegmentComparison(record, references, self)

    def run(self, work: Callable[[], None]) -> None:
        """Call `work` in the thread, in order; not after `close`."""
        if not self._closed.is_set():
            self._thread.submit(work)

    def wait_for_processor(self) -> bool:
        """Wait while an engine computes on the processor; False if that takes too long."""
        end = time.monotonic() + _MAX_WAIT_S
        while self._is_processor_busy:
            if time.monotonic() > end or self._closed.wait(_POLL_S):
                return False
        return not self._closed.is_set()

    def keep(self, record: RequestRecord) -> None:
        """Store the report of a finished request again, once its audio is on disk."""
        path = None if record.audio_path is None else record.audio_path.result(_MAX_WAIT_S)
        if path is not None and self._store is not None:
            self._store(path, record.report)

    def close(self) -> None:
        """Measure nothing more."""
        self._closed.set()
        self._thread.shutdown(cancel_futures=True)

    @property
    def _is_processor_busy(self) -> bool:
        load = self._speech.load
        return (load.running > 0 or load.queued > 0) and any(info.device == "cpu" for info in self._speech.engines)


class SegmentComparison:
    """Collects the audio of one request by segment: `on_event` for each event, then `end` once."""

    def __init__(self, record: RequestRecord, references: EncodesReferences, meter: SimilarityMeter) -> None:
        self._record = record
        self._references = references
        self._meter = meter
        self._chunks: list[Pcm] = []
        self._num_samples = 0
        self._segments: dict[int, list[Pcm]] = {}
        record.measured = Future()

    def on_event(self, event: Event) -> None:
        """Note the audio of each segment that is complete."""
        if isinstance(event, SegmentStarted):
            self._chunks, self._num_samples = [], 0
        elif isinstance(event, AudioChunk) and self._num_samples < _MAX_SAMPLES:
            self._chunks.append(event.pcm)
            self._num_samples += len(event.pcm)
        elif isinstance(event, SegmentEnded):
            if event.finish_reason == "stop" and self._num_samples >= _MIN_SAMPLES:
                self._segments[event.segment.index] = self._chunks
            self._chunks, self._num_samples = [], 0

    def end(self) -> None:
        """Signal that all events have been passed."""
        self._meter.run(self._finish)

    # on the meter's thread

    def _finish(self) -> None:
        assert self._record.measured is not None
        try:
            reference = self._record.session.voice.reference
            voice = None if reference is None else reference.x_vector
            if len(self._segments) + (voice is not None) >= 2:
                self._record.session.set_similarities(compare_segments(self._vectors(), voice))
                self._meter.keep(self._record)
        except Exception as error:
            log.error("the segments of a request are not compared with its voice: %s", error, exc_info=error)
        finally:
            self._record.measured.set_result(None)

    def _vectors(self) -> dict[int, XVector]:
        vectors = {}
        for index, chunks in self._segments.items():
            if not self._meter.wait_for_processor():
                break
            vectors[index] = self._references.x_vector(np.concatenate(chunks)[:_MAX_SAMPLES])
        return vectors
