"""Cloned voices in the engine: beside others, in replayed graphs and through the engine's thread, each as alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qwen3tts_webui.engine.cuda_graph_runner import GraphRunner
from qwen3tts_webui.engine.device import Choice
from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.engine.factory import start_engine
from qwen3tts_webui.engine.model_runner import PASSAGE_MEMORY, Runner
from qwen3tts_webui.errors import InvalidValue, Unsupported
from qwen3tts_webui.types import AcousticPrompt, CloningSynthesizer, Sampling, Utterance, Voice, VoiceReference
from tests.golden.recordings import recording
from tests.support.engine import KV_LENGTH, Stage, ask, assert_as_alone, engine, load_runner, stage, until
from tests.support.golden_cases import GOLDEN
from tests.support.golden_clones import BASE, TRANSCRIPT, base_model, voice

TEXT = "Hello there, this is a short test of the speech model."
FRAMES = 6


def mixed() -> list[Utterance]:
    """In context and by x-vector alone, two people, both text modes, greedy and drawn, one that continues."""
    icl = Utterance(text=TEXT, voice=voice(), max_frames=FRAMES, seed=1)
    codes = np.concatenate([packet.codes for packet in base_model().stream(icl, max_frames=4)])
    continued = replace(voice(), acoustic_prompt=AcousticPrompt(text="Hello there,", codes=codes))
    return [
        icl,
        replace(icl, voice=voice(x_vector_only=True), text_mode="streaming"),
        replace(icl, voice=voice(0.9, 5), text="Hi!", language="german", sampling=Sampling(greedy=True)),
        replace(icl, voice=voice(0.9, 5, x_vector_only=True), seed=2),
        replace(icl, voice=continued, text="this is it.", text_mode="streaming"),
    ]


def speak_together(playing: Stage) -> None:
    utterances = mixed()
    listeners = []
    for utterance in utterances:
        listeners.append(playing.ask(utterance))
        playing.run(2)
    playing.run()
    for utterance, listener in zip(utterances, listeners, strict=True):
        assert_as_alone(base_model(), utterance, listener)
    playing.assert_empty()


@pytest.mark.parametrize("slots", [1, 4])
def test_cloned_voices_speak_beside_each_other_as_alone(slots: int) -> None:
    speak_together(stage(base_model(), slots))


def test_prompts_read_together_are_those_read_alone() -> None:
    playing = stage(base_model(), slots=8)
    listeners = [playing.ask(utterance) for utterance in mixed()]
    playing.run()
    for utterance, listener in zip(mixed(), listeners, strict=True):
        expected = np.concatenate([packet.codes for packet in base_model().stream(utterance, max_frames=FRAMES)])
        assert listener.spoken is not None and listener.spoken.codes is not None
        assert listener.spoken.codes.tolist() == expected.tolist()


def test_replayed_graphs_say_the_same() -> None:
    runner = GraphRunner(base_model(), slots=4, kv_length=KV_LENGTH, capture=lambda work: work)
    runner.prepare()
    speak_together(Stage(runner))


def test_a_slot_forgets_the_voice_before() -> None:
    playing = stage(base_model(), slots=1)
    first, second = (replace(mixed()[0], voice=voice(0.9, seed, x_vector_only=True)) for seed in (5, 6))
    listeners = [playing.ask(utterance) for utterance in (first, second, first)]
    playing.run()
    for utterance, listener in zip((first, second, first), listeners, strict=True):
        assert_as_alone(base_model(), utterance, listener)


def test_after_a_long_reference_the_codec_hears_its_end_again_and_the_codes_are_the_same() -> None:
    utterance = Utterance(text=TEXT, voice=voice(4.4), max_frames=FRAMES)
    reference = utterance.voice.reference
    assert reference is not None and reference.codes is not None and len(reference.codes) > PASSAGE_MEMORY
    playing = stage(base_model())
    listener = playing.ask(utterance)
    playing.run()
    assert listener.spoken is not None and listener.spoken.codes is not None
    packets = list(base_model().stream(utterance, max_frames=FRAMES))
    assert listener.spoken.codes.tolist() == np.concatenate([packet.codes for packet in packets]).tolist()


def load_base(choice: Choice) -> Runner:
    return load_runner(choice, folder=BASE)


def test_an_engine_warms_up_without_a_recording_and_clones() -> None:
    with engine(base_model(), load_base) as running:
        assert "cloning" in running.info.features
        assert "description" not in running.info.features
        utterance = replace(mixed()[0], seed=9)
        (listener,) = ask(running, utterance)
        assert_as_alone(base_model(), utterance, listener.wait())
        with pytest.raises(Unsupported):
            ask(running, replace(utterance, voice=Voice()))
        with pytest.raises(InvalidValue):
            wrong = replace(_reference_of(utterance), x_vector=np.zeros(8, np.float32))
            ask(running, replace(utterance, voice=Voice(reference=wrong)))


def _reference_of(utterance: Utterance) -> VoiceReference:
    assert utterance.voice.reference is not None
    return utterance.voice.reference


def started(name: str) -> Engine:
    return start_engine(GOLDEN / name, device="cpu", dtype="float32", slots=2, kv_length=KV_LENGTH)


def test_an_engine_that_was_started_from_a_folder_encodes_recordings() -> None:
    running = started("base")
    try:
        assert isinstance(running, CloningSynthesizer)
        assert running.references is not None
        reference = running.references.encode(recording(1.36), TRANSCRIPT)
        assert running.references.similarity(recording(1.36), reference) == pytest.approx(1.0)
        until(lambda: running.ready)
        utterance = Utterance(text=TEXT, voice=Voice(reference=reference), max_frames=FRAMES)
        (listener,) = ask(running, utterance)
        assert_as_alone(base_model(), utterance, listener.wait())
    finally:
        running.close()


def test_an_engine_without_base_has_no_encoders() -> None:
    running = started("design")
    try:
        assert running.references is None
        assert "cloning" not in running.info.features
    finally:
        running.close()
