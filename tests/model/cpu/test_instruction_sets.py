"""Older and newer processors: the engine runs with fewer instructions, and newer ones are compiled where they exist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from qwen3tts_webui.model import load_model
from qwen3tts_webui.model.cpu.jit import numba_available
from tests.support.golden_cases import GOLDEN
from tests.support.teacher_forcing import teacher_forced_logits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not numba_available(), reason="numba is not installed"),
]

ROOT = Path(__file__).resolve().parents[3]

SCORES = """
import sys
import torch
from qwen3tts_webui.model import load_model
from tests.support.teacher_forcing import teacher_forced_logits
from tests.support.golden_cases import GOLDEN
talker = load_model(GOLDEN / "design", device="cpu", dtype=sys.argv[1]).talker
torch.save({"logits": teacher_forced_logits(talker), "choice": talker.kernel_choice}, sys.argv[2])
"""

ASSEMBLY = """
import sys
from numba import njit, types
from qwen3tts_webui.model.cpu import jit
assert jit.numba_available()
from qwen3tts_webui.model.cpu.integer_kernels import MATH, _product
from qwen3tts_webui.model.cpu.integer_linear import known_instructions
tags = {"madd": types.int16, "vnni_256": types.int32, "vnni_512": types.int64}
whole, row, rows = types.int64, types.float32[::1], types.float32[:, ::1]
widest = tags[known_instructions()[0]]
quantized, sums = types.int16[:, ::1], types.int32[:, :, ::1]
arrays = whole, whole, row, quantized, sums, row, rows, whole, whole
product = njit((getattr(types, sys.argv[1]), widest, types.float64, *arrays), fastmath=MATH)(_product)
print(product.inspect_asm(product.signatures[0]))
"""

AVX2 = "+sse4.2,+avx,+avx2,+fma,+f16c,+bmi,+bmi2"
AVX512 = AVX2 + ",+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512cd"
OLD = {
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "ATEN_CPU_CAPABILITY": "default",
    "NUMBA_CPU_NAME": "x86-64",
    "NUMBA_CPU_FEATURES": "",
}
PLAIN_AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": AVX2,
}


def run(script: str, *args: str, **environment: str) -> str:
    made = os.environ | environment | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script, *args], env=made, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize(  # each instruction set and each dtype once: compiling takes most of the time
    ("environment", "kind"),
    [pytest.param(OLD, "int8", id="SSE2-int8"), pytest.param(PLAIN_AVX2, "int4", id="AVX2-int4")],
)
def test_instruction_sets_give_equal_results(tmp_path: Path, environment: dict[str, str], kind: str) -> None:
    run(SCORES, kind, str(tmp_path / "logits"), **environment)
    got = torch.load(tmp_path / "logits")
    expected = teacher_forced_logits(load_model(GOLDEN / "design", device="cpu", dtype=kind).talker)
    assert "step madd" in got["choice"]
    assert (got["logits"].argmax(1) == expected.argmax(1)).float().mean() > 0.98
    assert (got["logits"] - expected).abs().max() < 0.05 * expected.std()


@pytest.mark.parametrize(
    ("name", "features", "register", "weights"),
    [
        pytest.param("alderlake", AVX2 + ",+avxvnni", "%ymm", "int8", id="AVX-VNNI"),
        pytest.param("znver5", AVX512 + ",+avx512vnni,+avxvnni", "%zmm", "uint8", id="AVX512-VNNI"),
    ],
)
def test_byte_products_use_the_processors_instructions(name: str, features: str, register: str, weights: str) -> None:
    lines = run(ASSEMBLY, weights, NUMBA_CPU_NAME=name, NUMBA_CPU_FEATURES=features).splitlines()
    products = [line for line in lines if "vpdpbusd" in line and register in line]
    assert len(products) > 8
    assert not [line for line in lines if "vpmaddubsw" in line]  # it saturates
