"""Many slots at once: the codes of an utterance do not depend on its slot or on the batch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.model.decode_state import DecodeState, SlotStatus
from qwen3tts_webui.model.decode_step import StepShape, run_decode_step, run_prefill
from qwen3tts_webui.model.prompt.builder import Prompt
from qwen3tts_webui.model.sampling import SamplingBounds
from qwen3tts_webui.model.talker.slot_values import NUM_SLOT_VALUES, slot_values
from qwen3tts_webui.types import Sampling, Utterance, Voice
from tests.support.golden_cases import GOLDEN

FRAMES = 12
KV_LENGTH = 192
UTTERANCES = [
    Utterance(text="Hello there, this is a test.", voice=Voice(speaker="ryan"), seed=1),
    Utterance(text="Hi!", language="de", seed=2, text_mode="streaming"),
    Utterance(text="The quick brown fox jumps over the lazy dog.", sampling=Sampling(greedy=True)),
    Utterance(text="好的", voice=Voice(speaker="dylan"), seed=1, sampling=Sampling(temperature=1.5, top_k=0)),
    Utterance(text="Hello there, this is a test.", voice=Voice(speaker="ryan"), seed=2, sampling=Sampling(top_p=0.7)),
]


@pytest.fixture(scope="module")
def model() -> Qwen3TTS:
    return load_model(GOLDEN / "custom", device="cpu", dtype="float32")


@dataclass
class Slots:
    """A small engine: dense slots, all in one state."""

    model: Qwen3TTS
    state: DecodeState

    @classmethod
    def of(cls, model: Qwen3TTS, slots: int) -> Slots:
        return cls(model, DecodeState.empty(model.talker, slots=slots, kv_length=KV_LENGTH, text_length=64))

    def prompt(self, utterance: Utterance, *, more: bool = False) -> Prompt:
        streaming = utterance.text_mode == "streaming"
        return self.model.prompts.build(
            utterance, self.model.encode_prompt(utterance)[0], streaming=streaming, more=more
        )

    def start(self, slots: list[int], utterances: list[Utterance], *, more: bool = False) -> np.ndarray:
        """Assign slots to several utterances and prefill them together; (n, 17)."""
        talker = self.model.talker
        prompts = [self.prompt(utterance, more=more) for utterance in utterances]
        longest = max(len(prompt.text) for prompt in prompts)
        text = torch.zeros(len(slots), longest, dtype=torch.int64)
        codes = torch.full((len(slots), longest, 16), -1)
        numbers = torch.zeros(len(slots), NUM_SLOT_VALUES, dtype=torch.int64)
        for row, (slot, prompt, utterance) in enumerate(zip(slots, prompts, utterances, strict=True)):
            talker.ensure_projected(set(prompt.text.tolist()))
            self.state.add_text(slot, talker, 0, prompt.trailing)
            numbers[row] = torch.from_numpy(slot_values(prompt, utterance.sampling, utterance.seed, talker.config))
            text[row, : len(prompt.text)] = torch.from_numpy(prompt.text)
            codes[row, : len(prompt.text)] = torch.from_numpy(prompt.codes)
        lengths = torch.tensor([len(prompt.text) for prompt in prompts])
        bounds = SamplingBounds.of([utterance.sampling for utterance in utterances], 1088)
        self.state.load_slot(torch.tensor(slots), numbers, codes)
        return run_prefill(talker, self.state, torch.tensor(slots), text, codes, lengths, bounds).numpy()

    def step(self, batch: int, kv_length: int = KV_LENGTH) -> np.ndarray:
        return run_decode_step(
            self.model.talker, self.state, StepShape(batch, kv_length, SamplingBounds(1088, uses_top_p=True))
        ).numpy()


def alone(model: Qwen3TTS, utterance: Utterance, frames: int = FRAMES) -> list[list[int]]:
    packets = model.stream(utterance, max_frames=frames)
    return [row for packet in packets for row in packet.codes.tolist()]


def test_a_batch_equals_the_single_runs(model: Qwen3TTS) -> None:
    slots = Slots.of(model, 8)
    rows = [slots.start([0, 1, 2, 3, 4], UTTERANCES)]
    rows += [slots.step(5) for _ in range(FRAMES - 1)]
    for slot, utterance in enumerate(UTTERANCES):
        assert [row[slot, :16].tolist() for row in rows] == alone(model, utterance)
    assert all((row[:, 16] == SlotStatus.FRAME).all() for row in rows)


def test_joining_moving_and_leaving_do_not_affect_others(model: Qwen3TTS) -> None:
    slots = Slots.of(model, 4)
    spoken: dict[int, list[list[int]]] = {0: [], 1: [], 2: [], 3: []}
    assigned: list[int] = []

    def note(rows: np.ndarray, who: list[int]) -> None:
        for row, number in zip(rows, who, strict=True):
            spoken[number].append(row[:16].tolist())

    def join(*numbers: int) -> None:
        places = list(range(len(assigned), len(assigned) + len(numbers)))
        note(slots.start(places, [UTTERANCES[number] for number in numbers]), list(numbers))
        assigned.extend(numbers)

    def leave(number: int) -> None:
        place = assigned.index(number)
        slots.state.move(len(assigned) - 1, place, KV_LENGTH)
        assigned[place] = assigned[-1]
        assigned.pop()

    def steps(count: int) -> None:
        for _ in range(count):
            note(slots.step(len(assigned)), assigned)

    join(2)
    steps(2)
    join(0, 3)
    steps(3)
    leave(2)
    steps(2)
    join(1)
    steps(4)
    leave(3)
    steps(1)
    for number, rows in spoken.items():
        assert len(rows) >= 6
        assert rows == alone(model, UTTERANCES[number], len(rows))


def test_kv_length_does_not_change_the_result(model: Qwen3TTS) -> None:
    runs = []
    for kv_length in (KV_LENGTH, 96):
        slots = Slots.of(model, 1)
        first = slots.start([0], UTTERANCES[:1])
        runs.append([first.tolist(), *(slots.step(1, kv_length).tolist() for _ in range(FRAMES))])
    assert runs[0] == runs[1]


def test_late_text_does_not_change_the_result(model: Qwen3TTS) -> None:
    utterance = Utterance(text="Hi!", seed=9, text_mode="streaming")
    slots = Slots.of(model, 2)
    rows = [*slots.start([0, 1], [utterance, UTTERANCES[0]], more=True)[:1]]
    trailing = len(slots.prompt(utterance, more=True).trailing)
    rows += [slots.step(2)[0] for _ in range(trailing)]
    waiting = [slots.step(2) for _ in range(3)]
    assert [int(row[0, 16]) for row in waiting] == [SlotStatus.IDLE] * 3
    eos = model.config.text.eos_id
    slots.state.add_text(0, model.talker, trailing, [eos], close=True)
    rows += [slots.step(2)[0] for _ in range(4)]
    assert [row[:16].tolist() for row in rows] == alone(model, utterance, len(rows))


def test_a_finished_utterance_stays_idle() -> None:
    model = load_model(GOLDEN / "design", device="cpu", dtype="float32")
    slots = Slots.of(model, 1)
    utterance = Utterance(text="", language="English", sampling=Sampling(greedy=True))
    utterance = replace(utterance, voice=Voice(description="Speak slowly, in a warm and low voice."))
    states = [int(slots.start([0], [utterance])[0, 16]), *(int(slots.step(1)[0, 16]) for _ in range(4))]
    assert states == [SlotStatus.FRAME, SlotStatus.FRAME, SlotStatus.FINISHED, SlotStatus.IDLE, SlotStatus.IDLE]


def test_an_invalid_utterance_affects_no_other_and_its_slot_can_be_cleared(model: Qwen3TTS) -> None:
    slots = Slots.of(model, 2)
    slots.start([0, 1], UTTERANCES[:2])
    slots.state.last_frame_embedding[0] = torch.nan
    rows = [slots.step(2) for _ in range(3)]
    assert [int(row[0, 16]) for row in rows] == [SlotStatus.INVALID, SlotStatus.IDLE, SlotStatus.IDLE]
    assert [row[1, :16].tolist() for row in rows] == alone(model, UTTERANCES[1], 4)[1:]
    slots.state.clear_slot(0)
    again = [slots.start([0], UTTERANCES[:1])[0, :16].tolist(), *(slots.step(1)[0, :16].tolist() for _ in range(3))]
    assert again == alone(model, UTTERANCES[0], 4)
