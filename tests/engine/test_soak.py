"""Two thousand short utterances through a single engine, many of them cancelled: no memory may leak."""

from __future__ import annotations

import gc
import random
import threading
import tracemalloc
from dataclasses import replace

from qwen3tts_webui.engine import Engine
from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.errors import Busy
from qwen3tts_webui.hardware import DeviceChoice
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.streams import PcmStream
from tests.support.engine import PLAIN, running_engine
from tests.support.wait import wait_until

SLOTS = 40
SHORT = replace(PLAIN, max_frames=1, voice=replace(PLAIN.voice, description=""))


def submit_many(running: Engine, count: int, source: random.Random) -> int:
    """Submit `count` utterances, cancel a third of them; return how many completed."""
    streams: list[PcmStream] = []
    while len(streams) < count:
        stream = PcmStream()
        frames = source.choice((1, 1, 1, 2))
        try:
            running.submit([(replace(SHORT, seed=source.randrange(100), max_frames=frames), stream)])
        except Busy:
            streams[source.randrange(max(0, len(streams) - 80), len(streams))].cancel()
            threading.Event().wait(0.002)
            continue
        streams.append(stream)
        if source.random() < 0.3:
            stream.cancel()
    wait_until(lambda: running.load.running == running.load.queued == 0)
    wait_until(lambda: all(stream.ended for stream in streams))
    return sum(stream.result is not None and stream.result.finish_reason != "cancelled" for stream in streams)


def test_two_thousand_utterances_leak_nothing(model: Qwen3TTS) -> None:
    runners: list[ModelRunner] = []

    def load(choice: DeviceChoice) -> ModelRunner:
        runners.append(ModelRunner(model, slots=SLOTS, kv_length=64))
        return runners[0]

    threads_before = set(threading.enumerate())
    source = random.Random(4)
    with running_engine(model, load, max_prefill_batch=SLOTS, queue_size=100) as running:
        submit_many(running, 200, source)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        completed = submit_many(running, 1_800, source)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert completed > 300
        assert grown < 1_000_000, f"{grown} bytes leaked"
        assert bool(runners[0].state.done.all())
        assert not running._core.running and not running._queue and not running._inbox  # type: ignore[union-attr]
        assert len(set(threading.enumerate()) - threads_before) == 1
    assert set(threading.enumerate()) <= threads_before
