"""Several models at once: a request goes to the one that its voice needs; all share one queue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from qwen3tts_webui.errors import Busy, Unsupported
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.speech import MODEL_FOR, Speech, SpeechSession, continue_voice
from qwen3tts_webui.types import Feature, SpeechRequest, Voice, VoiceReference
from qwen3tts_webui.voices import Presets, SavedVoice
from tests.support.cloning import X_VECTOR_DIM, CloningFake
from tests.support.fakes import ContinuingSynthesizer, SteppedSynthesizer, ZeroCostSynthesizer

CLONED = Voice(reference=VoiceReference(x_vector=np.ones(X_VECTOR_DIM, np.float32), mode="xvector"))
PRESET = Presets.load().of("en")[0].id


@dataclass
class Models:
    """A VoiceDesign, a CustomVoice and a Base model, the first one active."""

    design: ZeroCostSynthesizer
    custom: ZeroCostSynthesizer
    base: CloningFake
    all: HotSwapSynthesizer
    speech: Speech

    @property
    def num_spoken(self) -> tuple[int, int, int]:
        return len(self.design.utterances), len(self.custom.utterances), len(self.base.utterances)


def named(engine: ZeroCostSynthesizer, kind: str) -> None:
    engine.info = replace(engine.info, preview=False, model=kind, model_type=kind, label=f"the {kind} model")


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Models]:
    design, base = ContinuingSynthesizer(), CloningFake()
    custom = ZeroCostSynthesizer(features=("description", "speaker", "seed"), speakers=("Ryan",))
    for engine, kind in ((design, "voice_design"), (custom, "custom_voice"), (base, "base")):
        named(engine, kind)
    synthesizer = HotSwapSynthesizer(design)
    synthesizer.add(custom)
    synthesizer.add(base)
    with closing(synthesizer), closing(HistoryStore(tmp_path)) as history:
        yield Models(design, custom, base, synthesizer, Speech(synthesizer, Presets.load(), history))


def request(**fields: object) -> SpeechRequest:
    return SpeechRequest(text="One.", language="en", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("active", [0, 1, 2])
def test_a_voice_goes_to_the_model_that_it_needs_whichever_is_active(models: Models, active: int) -> None:
    if active:
        models.all.promote(models.all.engines[active])
    library = models.speech.library
    assert library is not None
    saved = library.voices.save(SavedVoice(name="Me", reference=CLONED.reference, model="base"))
    for voice in ({"voice": Voice(description="An old man.")}, {"voice_id": PRESET}):
        models.speech.speak(request(**voice))
    for voice in ({"voice": Voice(speaker="ryan")}, {"voice_id": "RYAN"}):
        models.speech.speak(request(**voice))
    for voice in ({"voice": CLONED}, {"voice_id": saved.id}):
        models.speech.speak(request(**voice))
    assert models.num_spoken == (2, 2, 2)
    assert models.speech.info.model_type == ("voice_design", "custom_voice", "base")[active]


def test_a_batch_is_split_between_the_models_and_accepted_as_a_whole(models: Models) -> None:
    voices = (CLONED, Voice(), Voice(speaker="Ryan"), CLONED)
    sessions = models.speech.speak_batch([request(voice=voice) for voice in voices])
    assert [session.info.model for session in sessions] == ["base", "voice_design", "custom_voice", "base"]
    models.base.ready = False
    with pytest.raises(Exception, match="not ready"):
        models.speech.speak_batch([request(), request(voice=CLONED)])
    assert models.num_spoken == (2, 1, 2)  # the first had been accepted, and was cancelled


def test_a_continued_voice_stays_with_its_model(models: Models) -> None:
    async def spoken(session: SpeechSession) -> SpeechSession:
        _ = [event async for event in session]
        return session

    session = asyncio.run(spoken(models.speech.speak(request(voice=Voice(description="An old man.")))))
    models.all.promote(models.custom)
    models.speech.speak(continue_voice(request(), session, None, models.speech.engines))
    assert models.num_spoken == (2, 0, 0)
    models.all.remove(models.design)
    with pytest.raises(Unsupported, match="the voice_design model"):
        continue_voice(request(), session, None, models.speech.engines)


def test_text_that_is_still_written_goes_to_the_model_of_its_voice(models: Models) -> None:
    session, _ = models.speech.speak_stream(replace(request(voice=CLONED), text=""))
    assert session.info.model == "base"


@pytest.mark.parametrize(
    ("voice", "feature"),
    [(CLONED, "cloning"), (Voice(speaker="Ryan"), "speaker"), (Voice(description="Old."), "description")],
)
def test_without_the_model_the_error_names_it(models: Models, voice: Voice, feature: Feature) -> None:
    needed = {"cloning": models.base, "speaker": models.custom, "description": models.design}[feature]
    other = models.base if feature == "description" else models.design
    if other is not models.design:
        models.all.promote(other)
    for engine in models.all.engines[1:]:
        models.all.remove(engine)
    with pytest.raises(Unsupported, match=MODEL_FOR[feature]):
        models.speech.speak(request(voice=voice))
    models.all.add(needed)
    models.speech.speak(request(voice=voice))


@contextmanager
def speech_of(design: SteppedSynthesizer, custom: SteppedSynthesizer) -> Iterator[Speech]:
    """Speech by a model for descriptions and one for the speaker "Ryan"."""
    named(design, "voice_design")
    named(custom, "custom_voice")
    custom.info = replace(custom.info, speakers=("Ryan",), features=frozenset({"speaker"}))
    with closing(HotSwapSynthesizer(design)) as synthesizer:
        synthesizer.add(custom)
        yield Speech(synthesizer, Presets.load())


def test_all_models_share_one_queue() -> None:
    with speech_of(*(SteppedSynthesizer(slots=1, queue_size=2) for _ in range(2))) as speech:
        for _ in range(3):
            speech.speak(request())
        speech.speak(request(voice=Voice(speaker="Ryan")))  # its slot is free
        load = speech.load
        assert (load.running, load.queued, load.slots, load.queue_size) == (2, 2, 2, 2)
        with pytest.raises(Busy):
            speech.speak(request(voice=Voice(speaker="Ryan")))


def test_a_queue_of_several_models_keeps_places_and_measures_as_that_of_one() -> None:
    design, custom = (SteppedSynthesizer(num_frames=1, slots=1, queue_size=4) for _ in range(2))
    ryan = Voice(speaker="Ryan")
    with speech_of(design, custom) as speech:
        speech.speak(request(client="greedy", voice=ryan))
        for _ in range(5):
            speech.speak(request(client="greedy"))
        with pytest.raises(Busy) as full:
            speech.speak(request(client="greedy"))
        assert full.value.params == {"waiting": 4, "retry_after_s": 12}  # nothing is measured yet: 5 s a place
        speech.speak(request(client="other", voice=ryan))  # a quarter of the places is kept for it
        with pytest.raises(Busy):
            speech.speak(request(client="third"))
        custom.step()  # takes no time
        custom.step()
        assert speech.load.service_s is not None and speech.load.service_s < 1
        with pytest.raises(Busy) as full:
            speech.speak(request(client="greedy"))
        assert full.value.params["retry_after_s"] == 1


def test_recordings_are_encoded_for_the_model_that_clones(models: Models) -> None:
    assert models.speech.references is models.base.references
    assert models.speech.cloning_info.model == "base"
    assert models.speech.speakers == ("Ryan",)
