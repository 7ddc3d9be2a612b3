"""Hot swap: the engine is replaced during synthesis, and running utterances are finished."""

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
from tests.support.fakes import SteppedSynthesizer, ZeroCostSynthesizer, audio_of
from tests.support.wait import wait_until


def named(engine: ZeroCostSynthesizer, name: str) -> ZeroCostSynthesizer:
    engine.info = replace(engine.info, name=name)
    return engine


def test_every_property_follows_the_current_engine():
    old, new = named(ZeroCostSynthesizer(), "old"), named(ZeroCostSynthesizer(queue_size=7, ready=False), "new")
    synthesizer = HotSwapSynthesizer(old)
    assert (synthesizer.info.name, synthesizer.ready, synthesizer.load.queue_size, current_engine(synthesizer)) == (
        "old",
        True,
        64,
        old,
    )
    synthesizer.swap_to(new)
    assert (synthesizer.info.name, synthesizer.ready, synthesizer.load.queue_size, current_engine(synthesizer)) == (
        "new",
        False,
        7,
        new,
    )
    synthesizer.close()
    assert old.closed
    assert new.closed


def test_the_old_engine_finishes_its_utterances():
    old, new = SteppedSynthesizer(num_frames=3), ZeroCostSynthesizer(num_frames=1)
    synthesizer = HotSwapSynthesizer(old, idle_timeout_s=0.02)
    first, second = PcmStream(), PcmStream()
    synthesizer.submit([(Utterance(text="one"), first)])
    old.step()
    synthesizer.swap_to(new)
    synthesizer.submit([(Utterance(text="two"), second)])
    assert np.array_equal(np.concatenate(list(second)), audio_of("two", 1))
    assert not old.closed
    old.step()
    old.step()
    assert np.array_equal(np.concatenate(list(first)), audio_of("one", 3))
    wait_until(lambda: old.closed)
    synthesizer.close()


def test_an_old_engine_that_never_ends_is_closed_after_the_grace_period():
    old = SteppedSynthesizer()
    synthesizer = HotSwapSynthesizer(old, idle_timeout_s=0.02, grace_s=0.1)
    synthesizer.submit([(Utterance(text="one"), PcmStream())])
    synthesizer.swap_to(ZeroCostSynthesizer())
    wait_until(lambda: old.closed)
    synthesizer.close()


def test_one_engine_synthesizes_a_request_from_start_to_end():
    old, new = ZeroCostSynthesizer(num_frames=2), ZeroCostSynthesizer(num_frames=2)
    synthesizer = HotSwapSynthesizer(old)
    speech = Speech(synthesizer, Presets.load())
    request = SpeechRequest(text="One.\nTwo.\nThree.\nFour.\nFive.\nSix.", language="en")
    session = speech.speak(request)
    synthesizer.swap_to(new)

    async def num_samples_of(session: SpeechSession) -> int:
        return sum([len(event.pcm) async for event in session if isinstance(event, AudioChunk)])

    assert asyncio.run(num_samples_of(session)) >= 6 * 2 * 1920
    assert len(old.utterances) == 6
    assert new.utterances == []
    asyncio.run(num_samples_of(speech.speak(request)))
    assert len(new.utterances) == 6
    synthesizer.close()


def test_a_request_goes_to_the_new_engine_when_the_old_one_just_closed():
    new = ZeroCostSynthesizer(num_frames=1)

    class Closing(ZeroCostSynthesizer):
        def submit(self, requests: object) -> None:
            synthesizer.swap_to(new)
            raise NotReady(reason="gone")

    synthesizer = HotSwapSynthesizer(Closing())
    stream = PcmStream()
    synthesizer.submit([(Utterance(text="one"), stream)])
    assert len(list(stream)) == 1
    synthesizer.close()


def test_an_engine_that_is_not_ready_raises():
    synthesizer = HotSwapSynthesizer(ZeroCostSynthesizer(ready=False))
    with pytest.raises(NotReady):
        synthesizer.submit([(Utterance(text="one"), PcmStream())])
    synthesizer.close()


def test_a_swap_after_close_closes_the_new_engine():
    synthesizer, late = HotSwapSynthesizer(ZeroCostSynthesizer()), ZeroCostSynthesizer()
    synthesizer.close()
    synthesizer.swap_to(late)
    assert late.closed
