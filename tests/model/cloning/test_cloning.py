"""Cloned voices: encoders, prompts and speech are the official ones; where ours differs on purpose, a test says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from qwen3tts_webui.errors import InvalidValue, Unsupported
from qwen3tts_webui.model import load_model
from qwen3tts_webui.model.cloning.mel import log_mel, mel_filters
from qwen3tts_webui.model.cloning.reference_encoder import ReferenceEncoder
from qwen3tts_webui.model.cloning.speaker_encoder import speaker_similarity
from qwen3tts_webui.model.cpu.packed_linear import supports_linear
from qwen3tts_webui.types import AcousticPrompt, Codes, Pcm, Sampling, TextMode, Utterance, Voice, VoiceReference
from tests.golden.recordings import recording
from tests.support.golden_cases import GOLDEN
from tests.support.golden_clones import BASE, CASES, TRANSCRIPT, base_model, read_clone_case, voice

TEXT = "Hello there, this is a short test of the speech model."
FRAMES = 10
NAMES = [file.stem for file in CASES]


def references() -> ReferenceEncoder:
    found = base_model().references
    assert found is not None
    return found


def synthesize(utterance: Utterance, frames: int = FRAMES, size: int = 1) -> tuple[Codes, Pcm]:
    packets = list(base_model().stream(utterance, frames_per_packet=size, max_frames=frames))
    return np.concatenate([packet.codes for packet in packets]), np.concatenate([packet.pcm for packet in packets])


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.37, 12.5])
def test_encoders_equal_the_official_ones(seconds: float) -> None:
    """12.5 s exceed the window in the config, which has no effect (docs/model.md, section 11, quirk 9)."""
    pcm = recording(seconds)
    with np.load(BASE / "encoders.npz") as official:
        codes, mel, x_vector = (official[f"{name}_{len(pcm)}"] for name in ("codes", "mel", "x_vector"))
    reference = references().encode(pcm, TRANSCRIPT)
    assert reference.codes is not None
    assert reference.codes.tolist() == codes.tolist()
    assert np.abs(reference.x_vector - x_vector).max() < 1e-5
    ours = log_mel(torch.from_numpy(pcm), mel_filters(128)).numpy()[::17]
    np.testing.assert_allclose(ours, mel, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_prompts_equal_the_official_ones(name: str) -> None:
    case = read_clone_case(name)
    reference = case.utterance.voice.reference
    assert reference is not None
    assert np.abs(reference.x_vector - case.arrays["x_vector"]).max() < 1e-5
    in_context = reference.mode == "icl"
    if in_context:
        assert reference.codes is not None
        assert reference.codes.tolist() == case.arrays["ref_codes"].tolist()
    ids = base_model().prompts.reference_ids(reference.text) if in_context else []
    assert ids == case.arrays["ref_ids"].tolist()
    assert base_model().encode_prompt(case.utterance) == (case.arrays["input_ids"].tolist(), [])
    exact = replace(case.utterance, voice=Voice(reference=replace(reference, x_vector=case.arrays["x_vector"])))
    prompt = base_model().prompts.build(exact, case.arrays["input_ids"].tolist(), streaming=case.streaming)
    talker = base_model().talker
    talker.ensure_projected({*prompt.text.tolist(), *prompt.trailing})
    assert prompt.x_vector is not None
    vector = torch.from_numpy(prompt.x_vector)
    rows = talker.embed(torch.from_numpy(prompt.text), torch.from_numpy(prompt.codes), vector).numpy()
    assert rows.shape == case.arrays["rows"].shape
    assert np.abs(rows - case.arrays["rows"]).max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_cloned_speech_equals_the_official_one(name: str) -> None:
    case = read_clone_case(name)
    codes, sound = synthesize(case.utterance, len(case.arrays["codes"]))
    assert codes.tolist() == case.arrays["codes"].tolist()
    assert len(sound) == 1920 * len(codes)
    if "sound" in case.arrays:
        official = case.arrays["sound"]
        assert np.abs(sound - official[len(official) - len(sound) :]).max() < 2e-5


def test_speech_starts_exactly_with_the_new_text() -> None:
    """The official package cuts the reference off at a rounded float (docs/model.md, section 11, quirk 7)."""
    case = read_clone_case("icl_early")
    codes, sound = synthesize(case.utterance, len(case.arrays["codes"]))
    assert int(case.arrays["num_samples"]) == 1920 * len(codes) + 1
    assert len(sound) == 1920 * len(codes)
    assert np.abs(sound - case.arrays["sound"][1:]).max() < 2e-5


def test_stereo_is_mixed_down() -> None:
    """docs/model.md, section 11, quirk 11."""
    pcm = recording(0.9)
    stereo = np.stack([pcm * 1.5, pcm * 0.5], axis=1)
    ours, mono = (base_model().clone(clip, TRANSCRIPT).reference for clip in (stereo, pcm))
    assert ours is not None and mono is not None
    assert np.abs(ours.x_vector - mono.x_vector).max() < 1e-4


def test_x_vector_only_does_not_load_the_codec_encoder() -> None:
    """The official package runs it for nothing (docs/model.md, section 11, quirk 14)."""
    lazy = load_model(BASE, device="cpu", dtype="float32")
    found = lazy.references
    assert found is not None and found.nbytes == 0
    reference = lazy.clone(recording(0.9), x_vector_only=True).reference
    assert reference is not None and reference.codes is None
    speaker_only = found.nbytes
    assert speaker_only > 0
    lazy.clone(recording(0.9), TRANSCRIPT)
    assert found.nbytes > speaker_only
    found.free()
    assert found.nbytes == 0


@pytest.mark.parametrize("x_vector_only", [False, True])
@pytest.mark.parametrize("mode", ["whole", "streaming"])
def test_packet_size_does_not_change_the_speech(mode: TextMode, x_vector_only: bool) -> None:
    utterance = Utterance(text=TEXT, voice=voice(x_vector_only=x_vector_only), text_mode=mode, seed=4)
    ones, fives = synthesize(utterance), synthesize(utterance, size=5)
    assert ones[0].tolist() == fives[0].tolist()
    assert np.abs(ones[1] - fives[1]).max() < 1e-5


@pytest.mark.parametrize("x_vector_only", [False, True])
@pytest.mark.parametrize("mode", ["whole", "streaming"])
@pytest.mark.parametrize("greedy", [True, False])
def test_acoustic_prompt_and_cloned_voice_continue_exactly(mode: TextMode, x_vector_only: bool, greedy: bool) -> None:
    whole = Utterance(
        text=TEXT,
        voice=voice(x_vector_only=x_vector_only),
        text_mode=mode,
        sampling=Sampling(greedy=greedy),
        seed=3,
    )
    codes, sound = synthesize(whole)
    passage = AcousticPrompt(text=TEXT[:12], codes=codes[:4])
    rest = replace(whole, text=TEXT[12:], voice=replace(whole.voice, acoustic_prompt=passage))
    continued, tail = synthesize(rest, FRAMES - 4)
    assert continued.tolist() == codes[4:].tolist()
    assert np.abs(tail - sound[4 * 1920 :]).max(initial=0.0) < 1e-5


def test_streamed_text_gives_the_same_speech_without_a_transcript() -> None:
    class Script:
        def __init__(self, *pieces: str) -> None:
            self.pieces = list(pieces)

        def take(self) -> str:
            return self.pieces.pop(0) if self.pieces else ""

        @property
        def closed(self) -> bool:
            return not self.pieces

    at_once = Utterance(text=TEXT, voice=voice(x_vector_only=True), text_mode="streaming", seed=5)
    fed = replace(at_once, text="", text_stream=Script(*(f"{word} " for word in TEXT.split())))
    assert synthesize(fed)[0].tolist() == synthesize(at_once)[0].tolist()


def test_the_x_vector_and_the_codes_each_change_the_speech() -> None:
    utterance = Utterance(text=TEXT, voice=voice(), sampling=Sampling(greedy=True))
    reference = voice().reference
    assert reference is not None and reference.codes is not None
    others = [
        replace(reference, x_vector=-reference.x_vector),
        replace(reference, codes=reference.codes[::-1].copy()),
        replace(reference, mode="xvector"),
    ]
    spoken = [synthesize(replace(utterance, voice=Voice(reference=other)))[0].tolist() for other in others]
    assert synthesize(utterance)[0].tolist() not in spoken


needs_int8 = pytest.mark.skipif(not supports_linear("int8"), reason="this processor or torch has no int8 linear")


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("int8", marks=needs_int8)])
def test_cloning_works_with_every_dtype(dtype: str) -> None:
    """The encoders stay in float32, so that a voice is the same whatever speaks it."""
    narrow = load_model(BASE, device="cpu", dtype=dtype)
    cloned = narrow.clone(recording(1.36), TRANSCRIPT)
    reference, exact = cloned.reference, voice().reference
    assert reference is not None and exact is not None and reference.codes is not None and exact.codes is not None
    assert reference.codes.tolist() == exact.codes.tolist()
    assert reference.x_vector.tolist() == exact.x_vector.tolist()
    packets = list(narrow.stream(Utterance(text=TEXT, voice=cloned), max_frames=3))
    assert sum(len(packet.codes) for packet in packets) == 3


def test_only_base_checkpoints_take_and_need_a_recording() -> None:
    with pytest.raises(Unsupported):
        base_model().stream(Utterance(text=TEXT))
    design = load_model(GOLDEN / "design", device="cpu", dtype="float32")
    with pytest.raises(Unsupported):
        design.stream(Utterance(text=TEXT, voice=voice()))
    with pytest.raises(Unsupported):
        design.clone(recording(0.9), TRANSCRIPT)


def _broken(**changes: object) -> VoiceReference:
    reference = voice().reference
    assert reference is not None
    return replace(reference, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"x_vector": np.zeros(31, np.float32)},  # that of another model size
        {"x_vector": np.full(32, np.nan, np.float32)},
        {"codes": None},
        {"codes": np.zeros((0, 16), np.int16)},
        {"codes": np.full((3, 16), 64, np.int16)},
        {"codes": np.zeros((3, 15), np.int16)},
        {"text": "  "},
    ],
)
def test_an_invalid_reference_is_rejected(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        base_model().stream(Utterance(text=TEXT, voice=Voice(reference=_broken(**changes))))


@pytest.mark.parametrize(
    ("pcm", "text", "sample_rate"),
    [
        (np.zeros(1, np.float32), TRANSCRIPT, 24_000),
        (np.zeros(2_399, np.float32), TRANSCRIPT, 24_000),
        (np.zeros(24_000 * 61, np.float32), TRANSCRIPT, 24_000),
        (np.full(24_000, np.nan, np.float32), TRANSCRIPT, 24_000),
        (np.full(24_000, np.inf, np.float32), TRANSCRIPT, 24_000),
        (np.zeros((24_000, 2, 2), np.float32), TRANSCRIPT, 24_000),
        (np.zeros(24_000, np.int16), TRANSCRIPT, 24_000),
        (np.zeros(24_000, np.float32), TRANSCRIPT, 1),
        (np.zeros(24_000, np.float32), None, 24_000),
        (np.zeros(24_000, np.float32), " ", 24_000),
    ],
)
def test_an_unusable_recording_is_rejected(pcm: Pcm, text: str | None, sample_rate: int) -> None:
    with pytest.raises(InvalidValue):
        base_model().clone(pcm, text, sample_rate=sample_rate)


def test_similarity_is_the_cosine_of_x_vectors() -> None:
    same, other = (voice(seed=seed, x_vector_only=True).reference for seed in (0, 9))
    assert same is not None and other is not None
    assert speaker_similarity(same.x_vector, same.x_vector) == pytest.approx(1.0)
    assert speaker_similarity(same.x_vector, -same.x_vector) == pytest.approx(-1.0)
    assert speaker_similarity(same.x_vector, other.x_vector) < 0.9999
    assert speaker_similarity(same.x_vector, np.zeros(32, np.float32)) == 0.0
