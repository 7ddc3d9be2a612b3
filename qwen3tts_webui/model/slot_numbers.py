"""What a slot must know of a new utterance, as one row of integers: one copy to the device seats any number of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.model.prompt import Prompt
from qwen3tts_webui.model.sampling import RuleValues, rule_values
from qwen3tts_webui.model.spec import ModelSpec
from qwen3tts_webui.types import Sampling

SEAT_NUMBERS = 15


def seat_numbers(prompt: Prompt, sampling: Sampling, seed: int, spec: ModelSpec) -> npt.NDArray[np.int64]:
    """What `FrameState.seat` takes for one utterance, (SEAT_NUMBERS,): whole numbers, and reals by their 64 bits."""
    first = rule_values(
        greedy=sampling.greedy,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        num_codes=spec.talker.vocab_size,
    )
    rest = rule_values(
        greedy=sampling.greedy,
        temperature=sampling.subtalker_temperature,
        top_k=sampling.subtalker_top_k,
        top_p=sampling.subtalker_top_p,
        num_codes=spec.predictor.codebook_size,
    )
    begun = (len(prompt.text), len(prompt.passage), len(prompt.trailing), int(prompt.open), 1, seed)
    return _seat_numbers(begun, sampling.repetition_penalty, first, rest)


def no_seat() -> npt.NDArray[np.int64]:
    """As `seat_numbers`, for a slot in which nobody speaks."""
    greedy = rule_values(greedy=True, temperature=1.0, top_k=1, top_p=1.0, num_codes=1)
    return _seat_numbers((0,) * 6, 1.0, greedy, greedy)


def _seat_numbers(begun: tuple[int, ...], penalty: float, first: RuleValues, rest: RuleValues) -> npt.NDArray[np.int64]:
    numbers = np.zeros(SEAT_NUMBERS, np.int64)
    reals = numbers.view(np.float64)
    numbers[:6], reals[6] = begun, penalty
    for start, (temperature, top_k, top_p, noise) in ((7, first), (11, rest)):
        numbers[start] = top_k
        reals[start + 1 : start + 4] = temperature, top_p, noise
    return numbers
