"""One utterance from text to audio: packets, continuation, late text, limits and failures."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from qwen3tts_webui.errors import InvalidValue, NumericalError, TextTooLong, UnknownLanguage
from qwen3tts_webui.model import Packet, Qwen3TTS, load_model
from qwen3tts_webui.model.generate import frame_limit
from qwen3tts_webui.types import AcousticPrompt, Codes, Sampling, TextMode, Utterance, Voice
from tests.support.golden_cases import GOLDEN

TEXT = "Hello there, this is a short test of the speech model."
VOICE = Voice(speaker="ryan", description="Speak slowly, in a warm and low voice.")
FRAMES = 12


@pytest.fixture(scope="module")
def model() -> Qwen3TTS:
    return load_model(GOLDEN / "custom", device="cpu", dtype="float32")


class Script:
    """A text stream that returns one piece per call, "" for late text, and is closed after the last."""

    def __init__(self, *pieces: str) -> None:
        self._pieces = list(pieces)

    def take(self) -> str:
        return self._pieces.pop(0) if self._pieces else ""

    @property
    def closed(self) -> bool:
        return not self._pieces


def codes_of(packets: list[Packet]) -> Codes:
    return np.concatenate([packet.codes for packet in packets])


def synthesize(model: Qwen3TTS, utterance: Utterance, frames: int = FRAMES) -> list[list[int]]:
    rows: list[list[int]] = codes_of(list(model.stream(utterance, max_frames=frames))).tolist()
    return rows


def test_the_first_frame_comes_before_the_second_is_computed(model: Qwen3TTS) -> None:
    speaking = model.stream(Utterance(text=TEXT, voice=VOICE))
    first = next(iter(speaking))
    assert (first.codes.shape, first.pcm.shape, first.finish_reason) == ((1, 16), (1920,), None)


@pytest.mark.parametrize("size", [2, 5, 100])
def test_packet_size_does_not_change_the_speech(model: Qwen3TTS, size: int) -> None:
    utterance = Utterance(text=TEXT, voice=VOICE, seed=4)
    ones = list(model.stream(utterance, max_frames=FRAMES))
    packets = list(model.stream(utterance, frames_per_packet=size, max_frames=FRAMES))
    assert [len(packet.codes) for packet in packets if len(packet.codes) == size] == [size] * (FRAMES // size)
    assert codes_of(packets).tolist() == codes_of(ones).tolist()
    sound = [np.concatenate([packet.pcm for packet in run]) for run in (packets, ones)]
    assert np.abs(sound[0] - sound[1]).max() < 1e-5


def test_a_seed_reproduces_the_speech(model: Qwen3TTS) -> None:
    runs = [synthesize(model, Utterance(text=TEXT, voice=VOICE, seed=seed)) for seed in (7, 7, 8)]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize("mode", ["whole", "streaming"])
@pytest.mark.parametrize("greedy", [True, False])
def test_an_acoustic_prompt_continues_exactly(model: Qwen3TTS, mode: TextMode, greedy: bool) -> None:
    whole = Utterance(text=TEXT, voice=VOICE, text_mode=mode, sampling=Sampling(greedy=greedy), seed=3)
    packets = list(model.stream(whole, max_frames=FRAMES))
    codes = codes_of(packets)
    for spoken, cut in ((1, 12), (1, len(TEXT)), (9, 12), (9, len(TEXT))):
        passage = AcousticPrompt(text=TEXT[:cut], codes=codes[:spoken])
        rest = replace(whole, text=TEXT[cut:], voice=replace(VOICE, acoustic_prompt=passage))
        went_on = list(model.stream(rest, max_frames=FRAMES - spoken))
        assert codes_of(went_on).tolist() == codes[spoken:].tolist(), (spoken, cut)
        sound = np.concatenate([packet.pcm for packet in packets])[spoken * 1920 :]
        assert np.abs(np.concatenate([packet.pcm for packet in went_on]) - sound).max() < 1e-5


@pytest.mark.parametrize(
    "pieces",
    [
        (TEXT,),
        ("", "", TEXT[:5], "", TEXT[5:7], TEXT[7:]),
        tuple(TEXT),
        (*(f"{word} " for word in TEXT.split()[:-1]), TEXT.split()[-1], ""),
    ],
)
def test_streamed_text_gives_the_same_speech(model: Qwen3TTS, pieces: tuple[str, ...]) -> None:
    at_once = Utterance(text=TEXT, voice=VOICE, text_mode="streaming", seed=5)
    fed = replace(at_once, text="", text_stream=Script(*pieces))
    assert synthesize(model, fed) == synthesize(model, at_once)


def test_text_is_followed_by_its_text_stream(model: Qwen3TTS) -> None:
    at_once = Utterance(text=TEXT, voice=VOICE, text_mode="streaming", seed=5)
    fed = replace(at_once, text="Hello ", text_stream=Script("there, this is ", "a short test of the speech model."))
    assert synthesize(model, fed) == synthesize(model, at_once)


def test_late_text_pauses_the_speech(model: Qwen3TTS) -> None:
    class Held:
        """Gives its second piece only once the test allows it."""

        def __init__(self) -> None:
            self.pieces = ["Hello there, "]
            self.closed = False
            self.asked_in_vain = threading.Event()

        def take(self) -> str:
            if self.pieces:
                return self.pieces.pop()
            self.asked_in_vain.set()
            return ""

    feed = Held()
    utterance = Utterance(text="", voice=VOICE, text_stream=feed, sampling=Sampling(greedy=True))
    known = len(model.tokenizer.encode_spoken("Hello there,"))
    packets: list[Packet] = []
    speaking = threading.Thread(
        target=lambda: packets.extend(model.stream(utterance, frames_per_packet=4, max_frames=FRAMES))
    )
    speaking.start()
    assert feed.asked_in_vain.wait(30)
    assert sum(len(packet.codes) for packet in packets) in (0, known // 4 * 4, known)
    feed.asked_in_vain.clear()
    assert feed.asked_in_vain.wait(30)
    assert sum(len(packet.codes) for packet in packets) == known
    feed.pieces.append("this is it.")
    feed.closed = True
    speaking.join(30)
    whole = replace(utterance, text="Hello there, this is it.", text_stream=None, text_mode="streaming")
    assert codes_of(packets).tolist() == synthesize(model, whole)


def test_a_runaway_utterance_ends_at_the_limit(model: Qwen3TTS) -> None:
    """This checkpoint does not end by itself."""
    packets = list(model.stream(Utterance(text="Hi", sampling=Sampling(greedy=True)), frames_per_packet=8))
    assert len(codes_of(packets)) == frame_limit(len(model.tokenizer.encode_spoken("Hi")))
    assert packets[-1].finish_reason == "length"


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_max_frames_limits_the_utterance(model: Qwen3TTS, frames: int) -> None:
    packets = list(model.stream(Utterance(text=TEXT), frames_per_packet=2, max_frames=frames))
    assert len(codes_of(packets)) == frames
    assert packets[-1].finish_reason == "length"


def test_the_frame_limit_grows_with_the_text() -> None:
    assert frame_limit(10) < frame_limit(20) < frame_limit(10_000) == frame_limit(20_000) == 8192


def test_an_unsupported_utterance_is_rejected_immediately(model: Qwen3TTS) -> None:
    with pytest.raises(UnknownLanguage):
        model.stream(Utterance(text=TEXT, language="Klingon"))
    with pytest.raises(InvalidValue):
        model.stream(Utterance(text=TEXT), frames_per_packet=0)
    with pytest.raises(InvalidValue):
        model.stream(Utterance(text=TEXT), max_frames=0)


def test_a_text_longer_than_the_model_is_rejected(model: Qwen3TTS) -> None:
    with pytest.raises(TextTooLong):
        next(iter(model.stream(Utterance(text="1" * 40_000))))


@pytest.mark.parametrize("part", ["logits", "sound"])
def test_the_model_stays_usable_after_nan(model: Qwen3TTS, part: str) -> None:
    utterance = Utterance(text=TEXT, voice=VOICE, seed=6)
    before = synthesize(model, utterance)
    weight = model.talker.code_embedding_table if part == "logits" else model.codec.quantizer.tables
    kept = weight.clone()
    weight.fill_(torch.nan)
    with pytest.raises(NumericalError) as caught:
        list(model.stream(utterance))
    assert caught.value.params["where"] == part
    weight.copy_(kept)
    assert synthesize(model, utterance) == before
