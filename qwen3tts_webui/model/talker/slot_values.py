"""Scalars of a new utterance as one row of integers, so that one copy to the device starts any number of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.model.config.model_config import ModelConfig
from qwen3tts_webui.model.prompt.builder import Prompt
from qwen3tts_webui.model.sampling import SamplingValues, sampling_values
from qwen3tts_webui.types import Sampling

NUM_SLOT_VALUES = 15


def slot_values(prompt: Prompt, sampling: Sampling, seed: int, config: ModelConfig) -> npt.NDArray[np.int64]:
    """Input of `DecodeState.load_slot` for one utterance, (NUM_SLOT_VALUES,): integers, and floats by their 64 bits."""
    first = sampling_values(
        greedy=sampling.greedy,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        num_codes=config.talker.vocab_size,
    )
    rest = sampling_values(
        greedy=sampling.greedy,
        temperature=sampling.subtalker_temperature,
        top_k=sampling.subtalker_top_k,
        top_p=sampling.subtalker_top_p,
        num_codes=config.predictor.codebook_size,
    )
    header = (len(prompt.text), len(prompt.acoustic_prompt), len(prompt.trailing), int(prompt.open), 1, seed)
    return _slot_values(header, sampling.repetition_penalty, first, rest)


def idle_slot_values() -> npt.NDArray[np.int64]:
    """As `slot_values`, for an idle slot."""
    greedy = sampling_values(greedy=True, temperature=1.0, top_k=1, top_p=1.0, num_codes=1)
    return _slot_values((0,) * 6, 1.0, greedy, greedy)


def _slot_values(
    header: tuple[int, ...], penalty: float, first: SamplingValues, rest: SamplingValues
) -> npt.NDArray[np.int64]:
    values = np.zeros(NUM_SLOT_VALUES, np.int64)
    floats = values.view(np.float64)
    values[:6], floats[6] = header, penalty
    for start, (temperature, top_k, top_p, noise_scale) in ((7, first), (11, rest)):
        values[start] = top_k
        floats[start + 1 : start + 4] = temperature, top_p, noise_scale
    return values
