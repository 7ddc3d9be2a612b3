"""Cloned voices in the engine equal the reference: in a batch, in replayed graphs, and through the thread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qwen3tts_webui.engine import CudaGraphRunner, Engine, start_engine
from qwen3tts_webui.engine.model_runner import CODEC_CONTEXT_FRAMES, ModelRunner
from qwen3tts_webui.errors import InvalidValue, Unsupported
from qwen3tts_webui.hardware import DeviceChoice
from qwen3tts_webui.types import AcousticPrompt, CloningSynthesizer, Sampling, Utterance, Voice, VoiceReference
from tests.golden.recordings import recording
from tests.support.engine import (
    KV_LENGTH,
    CoreHarness,
    assert_matches_reference,
    core_harness,
    load_runner,
    running_engine,
    submit,
)
from tests.support.golden_cases import GOLDEN
from tests.support.golden_clones import BASE, TRANSCRIPT, base_model, voice
from tests.support.wait import wait_until

TEXT = "Hello there, this is a short test of the speech model."
FRAMES = 6


def mixed() -> list[Utterance]:
    """In context and by x-vector alone, two voices, both text modes, greedy and sampled, and a continuation."""
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


def assert_batch_matches_reference(harness: CoreHarness) -> None:
    utterances = mixed()
    sinks = []
    for utterance in utterances:
        sinks.append(harness.submit(utterance))
        harness.run(2)
    harness.run()
    for utterance, sink in zip(utterances, sinks, strict=True):
        assert_matches_reference(base_model(), utterance, sink)
    harness.assert_empty()


@pytest.mark.parametrize("slots", [1, 4])
def test_cloned_voices_in_a_batch_match_the_reference(slots: int) -> None:
    assert_batch_matches_reference(core_harness(base_model(), slots))


def test_prompts_prefilled_together_equal_individual_ones() -> None:
    harness = core_harness(base_model(), slots=8)
    sinks = [harness.submit(utterance) for utterance in mixed()]
    harness.run()
    for utterance, sink in zip(mixed(), sinks, strict=True):
        expected = np.concatenate([packet.codes for packet in base_model().stream(utterance, max_frames=FRAMES)])
        assert sink.result is not None and sink.result.codes is not None
        assert sink.result.codes.tolist() == expected.tolist()


def test_replayed_graphs_match_the_reference() -> None:
    runner = CudaGraphRunner(base_model(), slots=4, kv_length=KV_LENGTH, capture=lambda work: work)
    runner.prepare()
    assert_batch_matches_reference(CoreHarness(runner))


def test_a_slot_does_not_keep_the_previous_voice() -> None:
    harness = core_harness(base_model(), slots=1)
    first, second = (replace(mixed()[0], voice=voice(0.9, seed, x_vector_only=True)) for seed in (5, 6))
    sinks = [harness.submit(utterance) for utterance in (first, second, first)]
    harness.run()
    for utterance, sink in zip((first, second, first), sinks, strict=True):
        assert_matches_reference(base_model(), utterance, sink)


def test_a_long_reference_does_not_change_the_codes() -> None:
    utterance = Utterance(text=TEXT, voice=voice(4.4), max_frames=FRAMES)
    reference = utterance.voice.reference
    assert reference is not None and reference.codes is not None and len(reference.codes) > CODEC_CONTEXT_FRAMES
    harness = core_harness(base_model())
    sink = harness.submit(utterance)
    harness.run()
    assert sink.result is not None and sink.result.codes is not None
    packets = list(base_model().stream(utterance, max_frames=FRAMES))
    assert sink.result.codes.tolist() == np.concatenate([packet.codes for packet in packets]).tolist()


def load_base(choice: DeviceChoice) -> ModelRunner:
    return load_runner(choice, folder=BASE)


def test_an_engine_warms_up_without_a_recording_and_clones() -> None:
    with running_engine(base_model(), load_base) as running:
        assert "cloning" in running.info.features
        assert "description" not in running.info.features
        utterance = replace(mixed()[0], seed=9)
        (sink,) = submit(running, utterance)
        assert_matches_reference(base_model(), utterance, sink.wait())
        with pytest.raises(Unsupported):
            submit(running, replace(utterance, voice=Voice()))
        with pytest.raises(InvalidValue):
            wrong = replace(_reference_of(utterance), x_vector=np.zeros(8, np.float32))
            submit(running, replace(utterance, voice=Voice(reference=wrong)))


def _reference_of(utterance: Utterance) -> VoiceReference:
    assert utterance.voice.reference is not None
    return utterance.voice.reference


def started(name: str) -> Engine:
    return start_engine(GOLDEN / name, device="cpu", dtype="float32", slots=2, kv_length=KV_LENGTH)


def test_an_engine_for_a_base_checkpoint_encodes_recordings() -> None:
    running = started("base")
    try:
        assert isinstance(running, CloningSynthesizer)
        assert running.references is not None
        reference = running.references.encode(recording(1.36), TRANSCRIPT)
        assert running.references.similarity(recording(1.36), reference) == pytest.approx(1.0)
        wait_until(lambda: running.ready)
        utterance = Utterance(text=TEXT, voice=Voice(reference=reference), max_frames=FRAMES)
        (sink,) = submit(running, utterance)
        assert_matches_reference(base_model(), utterance, sink.wait())
    finally:
        running.close()


def test_an_engine_for_another_checkpoint_has_no_encoders() -> None:
    running = started("design")
    try:
        assert running.references is None
        assert "cloning" not in running.info.features
    finally:
        running.close()
