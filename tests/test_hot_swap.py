"""The switch: whoever speaks can be replaced in mid-speech, and nobody who was speaking is cut off."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from qwen3tts_webui.errors import NotReady
from qwen3tts_webui.hot_swap import HotSwapSynthesizer, current_engine
from qwen3tts_webui.speech import AudioChunk, Speech, SpeechSession
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.types import SpeechRequest, Utterance
from qwen3tts_webui.voices import Presets
from tests.fakes import SteppedSynthesizer, ZeroCostSynthesizer, sound_of
from tests.server.running import until


def named(engine: ZeroCostSynthesizer, name: str) -> ZeroCostSynthesizer:
    engine.info = replace(engine.info, name=name)
    return engine


def test_everything_follows_the_present_engine():
    old, new = named(ZeroCostSynthesizer(), "old"), named(ZeroCostSynthesizer(queue_size=7, ready=False), "new")
    switch = HotSwapSynthesizer(old)
    assert (switch.info.name, switch.ready, switch.load.queue_size, current_engine(switch)) == ("old", True, 64, old)
    switch.swap_to(new)
    assert (switch.info.name, switch.ready, switch.load.queue_size, current_engine(switch)) == ("new", False, 7, new)
    switch.close()
    assert old.closed
    assert new.closed


def test_what_the_old_engine_speaks_is_finished_by_it():
    old, new = SteppedSynthesizer(num_frames=3), ZeroCostSynthesizer(num_frames=1)
    switch = HotSwapSynthesizer(old, idle_timeout_s=0.02)
    first, second = PcmStream(), PcmStream()
    switch.submit([(Utterance(text="one"), first)])
    old.step()
    switch.swap_to(new)
    switch.submit([(Utterance(text="two"), second)])
    assert np.array_equal(np.concatenate(list(second)), sound_of("two", 1))
    assert not old.closed
    old.step()
    old.step()
    assert np.array_equal(np.concatenate(list(first)), sound_of("one", 3))
    until(lambda: old.closed)
    switch.close()


def test_an_old_engine_that_never_ends_is_closed_in_the_end():
    old = SteppedSynthesizer()
    switch = HotSwapSynthesizer(old, idle_timeout_s=0.02, grace_s=0.1)
    switch.submit([(Utterance(text="one"), PcmStream())])
    switch.swap_to(ZeroCostSynthesizer())
    until(lambda: old.closed)
    switch.close()


def test_a_request_is_spoken_by_one_engine_from_start_to_end():
    old, new = ZeroCostSynthesizer(num_frames=2), ZeroCostSynthesizer(num_frames=2)
    switch = HotSwapSynthesizer(old)
    speech = Speech(switch, Presets.load())
    request = SpeechRequest(text="One.\nTwo.\nThree.\nFour.\nFive.\nSix.", language="en")
    speaking = speech.speak(request)
    switch.swap_to(new)

    async def heard(speaking: SpeechSession) -> int:
        return sum([len(event.pcm) async for event in speaking if isinstance(event, AudioChunk)])

    assert asyncio.run(heard(speaking)) >= 6 * 2 * 1920
    assert len(old.utterances) == 6
    assert new.utterances == []
    asyncio.run(heard(speech.speak(request)))
    assert len(new.utterances) == 6
    switch.close()


def test_an_engine_closed_in_the_very_moment_passes_the_job_on():
    new = ZeroCostSynthesizer(num_frames=1)

    class Leaving(ZeroCostSynthesizer):
        def submit(self, jobs: object) -> None:
            switch.swap_to(new)
            raise NotReady(reason="gone")

    switch = HotSwapSynthesizer(Leaving())
    stream = PcmStream()
    switch.submit([(Utterance(text="one"), stream)])
    assert len(list(stream)) == 1
    switch.close()


def test_an_engine_that_is_not_ready_says_so():
    switch = HotSwapSynthesizer(ZeroCostSynthesizer(ready=False))
    with pytest.raises(NotReady):
        switch.submit([(Utterance(text="one"), PcmStream())])
    switch.close()


def test_an_engine_that_comes_too_late_is_closed():
    switch, late = HotSwapSynthesizer(ZeroCostSynthesizer()), ZeroCostSynthesizer()
    switch.close()
    switch.swap_to(late)
    assert late.closed
