"""Two thousand short utterances through one engine, many of them left at some moment: nothing may stay behind."""

from __future__ import annotations

import gc
import random
import threading
import tracemalloc
from dataclasses import replace

from qwen3tts_webui.engine.device import Choice
from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.engine.model_runner import Runner
from qwen3tts_webui.errors import Busy
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.streams import PcmStream
from tests.support.engine import PLAIN, engine, until

SLOTS = 40
SHORT = replace(PLAIN, max_frames=1, voice=replace(PLAIN.voice, description=""))


def speak(running: Engine, count: int, source: random.Random) -> int:
    """Ask for `count` utterances, leave a third of them early; how many were heard to their end."""
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
    until(lambda: running.load.running == running.load.queued == 0)
    until(lambda: all(stream.ended for stream in streams))
    return sum(stream.result is not None and stream.result.finish_reason != "cancelled" for stream in streams)


def test_two_thousand_leave_nothing_behind(model: Qwen3TTS) -> None:
    runners: list[Runner] = []

    def load(choice: Choice) -> Runner:
        runners.append(Runner(model, slots=SLOTS, kv_length=64))
        return runners[0]

    before_it = set(threading.enumerate())
    source = random.Random(4)
    with engine(model, load, group=SLOTS, queue_size=100) as running:
        speak(running, 200, source)
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        heard = speak(running, 1_800, source)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert heard > 300
        assert grown < 1_000_000, f"{grown} bytes stayed behind"
        assert bool(runners[0].state.done.all())
        assert not running._floor.speakers and not running._queue and not running._inbox  # type: ignore[union-attr]
        assert len(set(threading.enumerate()) - before_it) == 1
    assert set(threading.enumerate()) <= before_it
