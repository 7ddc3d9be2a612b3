"""The fused codec equals its layers: in Triton's interpreter on a CPU, compiled on a GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from qwen3tts_webui.model.codec import fused as fused_module
from qwen3tts_webui.model.codec.decoder import CodecDecoder
from qwen3tts_webui.model.codec.fused import FusedCodec, check_codec, fuse_codec
from qwen3tts_webui.model.synthetic import synthetic_config
from tests.support.triton_compiler import ARCHITECTURES, assert_compiles

pytest.importorskip("triton")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make_decoder(**sizes: Any) -> CodecDecoder:
    config = replace(synthetic_config("tiny").codec, num_layers=1, num_quantizers=3, **sizes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
        patch.setattr(torch.backends.cudnn, "allow_tf32", False)
        codec = CodecDecoder(config)
        source = torch.Generator().manual_seed(1)
        for name, weight in codec.named_parameters():
            scale = 0.3 if weight.dim() == 1 else 0.5 * weight[0].numel() ** -0.5
            weight.data = torch.randn(weight.shape, generator=source) * scale
            if ("norm" in name and name.endswith("weight")) or name.endswith("cluster_usage"):
                weight.data = 0.5 + torch.rand(weight.shape, generator=source)
        codec = codec.to(DEVICE).requires_grad_(False)
        codec.fold()
    codec.fused = None
    return codec


@pytest.fixture(scope="module")
def decoder() -> CodecDecoder:
    """Every stage twice, and channels in more than one block."""
    return make_decoder(upsample_rates=(2, 2), decoder_dim=32, latent_dim=80, sliding_window=6)


@pytest.fixture(scope="module")
def small() -> CodecDecoder:
    """Every stage once."""
    return make_decoder(upsample_rates=(2,), upsampling_ratios=(2,), decoder_dim=32, sliding_window=6)


@pytest.fixture(autouse=True)
def without_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def some_codes(decoder: CodecDecoder, batch: int, frames: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    shape = (batch, decoder.config.num_quantizers, frames)
    return torch.randint(decoder.config.codebook_size, shape, generator=source).to(DEVICE)


def at(*slots: int) -> Tensor:
    return torch.tensor(slots, device=DEVICE)


@torch.inference_mode()
def test_packets_in_a_row_equal_the_layers(decoder: CodecDecoder) -> None:
    """Streams in any order, a new one in a slot in between; the ring of 5 positions is overwritten."""
    fused, states = FusedCodec(decoder), [decoder.new_state(4) for _ in range(2)]
    rows = [at(2, 0), slice(0, 3), at(3, 1, 2)]
    for number, (frames, slots) in enumerate(zip([1, 2, 5], rows, strict=True)):
        codes = some_codes(decoder, 3 if number else 2, frames, number)
        exact, got = decoder.decode(codes, states[0], slots), fused(codes, states[1], slots)
        torch.testing.assert_close(got, exact, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(states[1].flat, states[0].flat, atol=2e-5, rtol=2e-5)
        assert torch.equal(states[1].position, states[0].position)
        if number == 1:
            for state in states:
                state.reset(at(1))


@torch.inference_mode()
@pytest.mark.filterwarnings("ignore:invalid value encountered in subtract")
def test_nan_stays_in_its_slot(small: CodecDecoder) -> None:
    fused, state, clean = FusedCodec(small), small.new_state(2), small.new_state(2)
    codes = some_codes(small, 2, 1)
    fused(codes, state, at(1, 0))
    clean.flat.copy_(state.flat)
    clean.position.copy_(state.position)
    state.flat[1] = float("nan")
    got = fused(codes, state, at(1, 0))
    assert got[0].isnan().all()
    assert torch.equal(got[1], fused(codes, clean, at(1, 0))[1])


@pytest.mark.slow
def test_the_check_accepts_correct_and_rejects_wrong_results(
    small: CodecDecoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused_module, "MAX_FUSED_FRAMES", 2)
    fused = FusedCodec(small)
    assert 0.0 < check_codec(small, fused) < 1e-5
    fused._table[:, 4] -= 1
    with pytest.raises(ArithmeticError, match="% off where"):
        check_codec(small, fused)


def test_the_layers_are_used_without_a_compiler(
    decoder: CodecDecoder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_compiler(*args: object) -> None:
        raise RuntimeError("Failed to find C compiler.\nMore words.")

    monkeypatch.setattr(FusedCodec, "__call__", no_compiler)
    assert not fuse_codec(decoder)
    assert decoder.fused is None
    assert "Failed to find C compiler." in caplog.text and "More words" not in caplog.text


COMPILE = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from qwen3tts_webui.model.codec import triton_kernels

FLAGS = dict(HAS_CONTEXT=True, HAS_NORM=False, HAS_BIAS=True, HAS_RESIDUAL=False, HAS_OUT=True, HAS_SNAKE=True,
             ACTIVATION="", TF32=sys.argv[1] != "75", SPLIT=False, ROWS=16, OUTS=32, INS=64)
WORDS = dict(slots="*i64", positions="*i64", codes="*i64", table="*i64", arrived="*i32", eps="fp32",
             softmax_scale="fp32")
TENSORS = ("x context norm weight bias residual frequency gain out active partial tables scale shift qkv frequencies "
           "keys values inputs flat").split()
KERNELS = [
    ("add_entries", dict(BLOCK=128)),
    ("causal_conv", FLAGS | dict(SPLIT=True)),
    ("causal_conv", FLAGS | dict(ROWS=64, INS=32, HAS_OUT=False)),
    ("causal_conv", FLAGS | dict(ROWS=64, OUTS=64, HAS_CONTEXT=False, HAS_RESIDUAL=True)),
    ("causal_conv", FLAGS | dict(HAS_CONTEXT=False, HAS_NORM=True, HAS_BIAS=False, HAS_SNAKE=False, ACTIVATION="gate")),
    ("causal_conv", FLAGS | dict(HAS_CONTEXT=False, SPLIT=True, HAS_SNAKE=False, ACTIVATION="gelu")),
    ("causal_conv", FLAGS | dict(OUTS=16, INS=32, ROWS=64, HAS_SNAKE=False, ACTIVATION="clamp")),
    ("convolve_channels", dict(TAPS=7, BLOCK=1024)),
    ("attend", dict(TF32=FLAGS["TF32"], TIMES=16, PAST=128, HALF=32, LANES=32)),
    ("advance", dict(FRAMES=64, BLOCK=32)),
]
for name, constants in KERNELS:
    kernel = getattr(triton_kernels, name)
    types = WORDS | dict.fromkeys(TENSORS, "*fp32")
    signature = {arg: "constexpr" if arg in constants else types.get(arg, "i32") for arg in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    made = triton.compile(source, target=GPUTarget("cuda", int(sys.argv[1]), 32), options={"num_stages": 4})
    assert made.asm["cubin"]
print("compiled")
"""


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_kernels_compile_for_other_gpus(architecture: int) -> None:
    """For Turing to Hopper, to machine code: the interpreter accepts what the compiler refuses."""
    assert_compiles(COMPILE, architecture)
