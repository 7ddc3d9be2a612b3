"""The error of int8, measured on forced codes against the same weights before quantization."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from qwen3tts_webui.model import load_model
from qwen3tts_webui.model.cpu.jit import numba_available
from qwen3tts_webui.model.cpu.packed_linear import compare_logits
from qwen3tts_webui.model.loading.quantization_error import upcast
from tests.support.golden_cases import GOLDEN
from tests.support.teacher_forcing import teacher_forced_logits


def test_equal_weights_have_no_error() -> None:
    talker = load_model(GOLDEN / "design", device="cpu", dtype="float32").talker
    logits = teacher_forced_logits(talker)
    agreement = compare_logits(teacher_forced_logits(talker), logits)
    assert logits.shape == (256, 64)
    assert (agreement.argmax_agreement, agreement.error, agreement.rows) == (1.0, 0.0, 256)


def test_upcast_is_undone_afterwards() -> None:
    linear = torch.nn.Linear(4, 2).bfloat16()
    module, x = torch.nn.Sequential(linear), torch.ones(1, 4)
    with upcast(module):
        wide = module(x)
    assert wide.dtype == torch.float32
    assert "forward" not in vars(linear)
    assert module(x.bfloat16()).dtype == torch.bfloat16


@pytest.mark.skipif(not numba_available(), reason="numba is not installed")
@pytest.mark.parametrize(("kind", "agrees", "error"), [("int8", 0.9, 0.1), ("int4", 0.8, 0.2)])
def test_quantization_error_is_logged(kind: str, agrees: float, error: float, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        talker = load_model(GOLDEN / "design", device="cpu", dtype=kind).talker
    assert talker.quantization_error is not None
    assert talker.quantization_error.argmax_agreement > agrees and 0.0 < talker.quantization_error.error < error
    assert f"{kind}: " in talker.kernel_choice
    assert "greedy codes" in caplog.text
    exact = load_model(GOLDEN / "design", device="cpu", dtype="float32").talker
    assert (exact.quantization_error, exact.kernel_choice) == (None, "")
    # what was measured on the way is what the whole talker does
    whole = compare_logits(teacher_forced_logits(talker), teacher_forced_logits(exact))
    assert whole.argmax_agreement > agrees - 0.05 and 0.0 < whole.error < 1.2 * error


@pytest.mark.skipif(not numba_available(), reason="numba is not installed")
def test_cached_weights_equal_the_quantized_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("qwen3tts_webui.model.cpu.packed_cache.cache_folder", lambda _name: tmp_path)
    monkeypatch.setattr("qwen3tts_webui.model.cpu.packed_cache._MIN_CACHED_BYTES", 0)
    first = load_model(GOLDEN / "design", device="cpu", dtype="int8").talker
    (kept,) = tmp_path.iterdir()
    with caplog.at_level(logging.INFO):
        second = load_model(GOLDEN / "design", device="cpu", dtype="int8").talker
    assert "packed weights read" in caplog.text
    assert torch.equal(teacher_forced_logits(second), teacher_forced_logits(first))
    assert second.quantization_error == first.quantization_error
    broken = bytearray(kept.read_bytes())
    broken[-100] ^= 1
    kept.write_bytes(broken)
    third = load_model(GOLDEN / "design", device="cpu", dtype="int8").talker
    assert "not usable" in caplog.text
    assert torch.equal(teacher_forced_logits(third), teacher_forced_logits(first))
    assert kept.read_bytes() != broken
