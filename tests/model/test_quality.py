"""What int8 costs is measured on forced codes, against the same weights before they were rounded."""

from __future__ import annotations

import logging

import pytest
import torch

from qwen3tts_webui.model import load_model
from qwen3tts_webui.model.linear import compare, supports
from qwen3tts_webui.model.quality import forced_scores, widened
from tests.model.golden import GOLDEN


def test_the_same_weights_agree_entirely() -> None:
    talker = load_model(GOLDEN / "design", device="cpu", dtype="float32").talker
    scores = forced_scores(talker)
    agreement = compare(forced_scores(talker), scores)
    assert scores.shape == (256, 64)
    assert (agreement.equal_choices, agreement.error, agreement.rows) == (1.0, 0.0, 256)


def test_widened_linears_take_any_type_and_are_themselves_again() -> None:
    linear = torch.nn.Linear(4, 2).bfloat16()
    module, x = torch.nn.Sequential(linear), torch.ones(1, 4)
    with widened(module):
        wide = module(x)
    assert wide.dtype == torch.float32
    assert "forward" not in vars(linear)
    assert module(x.bfloat16()).dtype == torch.bfloat16


@pytest.mark.skipif(not supports("int8"), reason="this torch or this processor has no int8 linears")
def test_int8_is_never_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        talker = load_model(GOLDEN / "design", device="cpu", dtype="int8").talker
    assert talker.rounding is not None
    assert talker.rounding.equal_choices > 0.9 and 0.0 < talker.rounding.error < 0.1
    assert "greedy codes" in caplog.text
    assert load_model(GOLDEN / "design", device="cpu", dtype="float32").talker.rounding is None
