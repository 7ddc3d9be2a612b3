"""Fused steps and draws equal torch's, row by row: in Triton's interpreter on a CPU, compiled where there is a GPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from qwen3tts_webui.model import load_model
from qwen3tts_webui.model.cuda import fused_sampler as sampler_module
from qwen3tts_webui.model.cuda import startup_check
from qwen3tts_webui.model.cuda.fused_frames import FusedFrames
from qwen3tts_webui.model.cuda.fused_sampler import check_sampler, fused_sampler
from qwen3tts_webui.model.cuda.fused_stack import FusedStack
from qwen3tts_webui.model.cuda.gemv_stack import GemvStack
from qwen3tts_webui.model.cuda.startup_check import check_steps, fuse_steps
from qwen3tts_webui.model.talker.layers import Stack
from qwen3tts_webui.types import NUM_CODEBOOKS, Utterance
from tests.support.decoder_stack import CONFIG, LENGTH, by_torch, make_stack, some_kv, some_rows
from tests.support.golden_cases import GOLDEN
from tests.support.triton_compiler import ARCHITECTURES, assert_compiles

pytest.importorskip("triton")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture
def stack() -> Stack:
    return make_stack().to(DEVICE)


def as_pairs(starts: list[int], time: int) -> tuple[Tensor, Tensor]:
    """Slot and position of each row, in order."""
    slots = torch.arange(len(starts)).repeat_interleave(time)
    return slots, (torch.tensor(starts)[:, None] + torch.arange(time)).flatten()


@torch.inference_mode()
@pytest.mark.parametrize(
    ("starts", "time"),
    [([0], 1), ([8], 1), ([3, 0, 7], 1), ([0], 2), ([0, 5, 7], 2), ([2, 6], 3)],
    ids=str,
)
@pytest.mark.parametrize("tiles", [True, False])
def test_a_step_equals_the_layers(stack: Stack, starts: list[int], time: int, tiles: bool) -> None:
    slots, positions = as_pairs(starts, time)
    rows = some_rows(len(slots))
    exact_kv, kv = some_kv(), some_kv().to(DEVICE)
    exact = by_torch(stack.cpu(), rows, slots, positions, exact_kv)[time - 1 :: time]
    steps = FusedStack(stack.to(DEVICE), LENGTH, tiles=tiles)
    got = steps(rows.view(len(starts), time, -1).to(DEVICE), torch.tensor(starts, device=DEVICE), kv)
    torch.testing.assert_close(got.cpu(), exact, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(kv.cpu(), exact_kv, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_a_row_does_not_depend_on_the_batch(stack: Stack) -> None:
    """Attention only: the matrix products are torch's."""
    steps = FusedStack(stack, LENGTH)
    starts = torch.tensor([8, 1, 4], device=DEVICE)
    qkv = torch.randn(3, (CONFIG.num_heads + 2 * CONFIG.num_kv_heads) * CONFIG.head_dim).to(DEVICE)
    scale = stack.layers[0].self_attn.qk_scale[[0, -1]]
    together, alone = some_kv()[0].to(DEVICE), some_kv()[0].to(DEVICE)
    seen = steps._attend(qkv, scale, starts, together, 1)
    assert torch.equal(steps._attend(qkv[:1], scale, starts[:1], alone, 1), seen[:1])
    assert torch.equal(together[:, 0], alone[:, 0])


@torch.inference_mode()
def test_starts_may_be_expanded(stack: Stack) -> None:
    steps = FusedStack(stack, LENGTH)
    rows, kvs = some_rows(3)[:, None].to(DEVICE), [some_kv().to(DEVICE) for _ in range(2)]
    one_for_all = torch.tensor([4], device=DEVICE).expand(3)
    assert torch.equal(steps(rows, one_for_all, kvs[0]), steps(rows, one_for_all.contiguous(), kvs[1]))
    assert torch.equal(*kvs)


@torch.inference_mode()
def test_later_positions_are_masked(stack: Stack) -> None:
    """The cache has other speech, even NaN, from the position on; it must not count."""
    clean, dirty = some_kv().to(DEVICE), some_kv().to(DEVICE)
    dirty[:, :, :, :, 3:] = float("nan")
    steps, rows, starts = FusedStack(stack, LENGTH), some_rows(1)[:, None].to(DEVICE), torch.tensor([3], device=DEVICE)
    assert torch.equal(steps(rows, starts, dirty), steps(rows, starts, clean))


@torch.inference_mode()
@pytest.mark.parametrize("starts", [[0, 0], [2, 0], [3, 3]], ids=str)
def test_prompts_equal_the_layers(stack: Stack, starts: list[int]) -> None:
    """Of different lengths, into slots in any order, behind rows that are there already."""
    rows, lengths, slots = some_rows(2 * 5).view(2, 5, -1), [5, 3], [3, 1]
    exact_kv, kv = some_kv(), some_kv().to(DEVICE)
    exact = []
    for prompt, length, slot, start in zip(rows, lengths, slots, starts, strict=True):
        places = torch.arange(start, start + length)
        exact.append(by_torch(stack.cpu(), prompt[:length], torch.full((length,), slot), places, exact_kv)[-1])
    steps = FusedStack(stack.to(DEVICE), LENGTH)
    numbers = [torch.tensor(numbers, device=DEVICE) for numbers in (starts, lengths, slots)]
    got = steps.read(rows.to(DEVICE), numbers[0], numbers[1], kv, numbers[2])
    torch.testing.assert_close(got.cpu(), torch.stack(exact), atol=1e-5, rtol=1e-5)
    for slot, start, length in zip(slots, starts, lengths, strict=True):
        end = start + length
        torch.testing.assert_close(kv[:, :, slot, :, :end].cpu(), exact_kv[:, :, slot, :, :end], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pairs", [False, True])
def test_the_startup_check_accepts_correct_results(stack: Stack, pairs: bool) -> None:
    check_steps(stack, FusedStack(stack, LENGTH), pairs)


def test_the_startup_check_accepts_correct_draws() -> None:
    check_sampler(64, DEVICE)


def test_the_startup_check_rejects_wrong_results(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = FusedStack(stack, LENGTH)
    steps._cosines = steps._cosines.roll(1, 0)
    with pytest.raises(ArithmeticError, match="% off where"):
        check_steps(stack, steps, False)
    monkeypatch.setattr(sampler_module, "fused_sampler", lambda scores, *rest: fused_sampler(-scores, *rest))
    with pytest.raises(ArithmeticError, match="other codes"):
        check_sampler(64, DEVICE)


@pytest.mark.slow
def test_fused_frames_equal_the_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(GOLDEN / "design", device=str(DEVICE), dtype="float32")
    talker = model.talker
    utterance = Utterance(text="Hello there.", seed=3)

    def frames() -> list[list[int]]:
        return [row for packet in model.stream(utterance, max_frames=2) for row in packet.codes.tolist()]

    by_layers = frames()
    steps = FusedStack(talker.model, 64)
    steps.part_rows, steps.max_split = 16, 1
    monkeypatch.setattr(talker.model, "steps", steps)
    predictor = talker.code_predictor.model
    monkeypatch.setattr(predictor, "steps", GemvStack(predictor, NUM_CODEBOOKS, joined=True))
    monkeypatch.setattr(talker, "fused_frames", FusedFrames(talker))
    assert len(by_layers) == 2 and by_layers == frames()


@pytest.mark.skipif(DEVICE.type == "cuda", reason="there it is fused")
def test_the_layers_are_used_if_fusing_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    talker = load_model(GOLDEN / "design", device="cpu", dtype="float32").talker
    before = talker.model.steps, talker.fused_sampler

    def no_compiler(*args: object) -> None:
        raise RuntimeError("Failed to find C compiler.\nMore words.")

    monkeypatch.setattr(FusedStack, "__call__", no_compiler)
    assert not fuse_steps(talker)
    assert (talker.model.steps, talker.fused_sampler) == before
    assert "Failed to find C compiler." in caplog.text and "More words" not in caplog.text


def test_tensor_cores_are_skipped_if_results_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    talker = load_model(GOLDEN / "design", device=str(DEVICE), dtype="float32").talker
    attend = FusedStack._attend

    def wrong(self: FusedStack, *args: object) -> Tensor:
        seen: Tensor = attend(self, *args)  # type: ignore[arg-type]
        return -seen if self.tiles else seen

    monkeypatch.setattr(FusedStack, "_attend", wrong)
    monkeypatch.setattr(startup_check, "_CHECKED_POSITIONS", 6)
    assert fuse_steps(talker)
    steps = talker.model.steps
    assert isinstance(steps, FusedStack) and not steps.tiles
    assert talker.model.prompts is not None


def test_fuse_steps_replaces_both_stacks_and_the_sampler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_check, "_CHECKED_POSITIONS", 6)
    talker = load_model(GOLDEN / "design", device=str(DEVICE), dtype="float32").talker
    assert fuse_steps(talker)
    assert isinstance(talker.model.steps, FusedStack)
    assert isinstance(talker.code_predictor.model.steps, FusedStack)
    assert talker.fused_sampler is fused_sampler
    assert isinstance(talker.fused_frames, FusedFrames)


COMPILE = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from qwen3tts_webui.model.cuda import frame_kernels, product_kernels, prompt_kernels, sampling_kernel
from qwen3tts_webui.model.cuda import split_kernels, step_kernels

PRODUCT = dict(x="*bf16", weight="*bf16", residual="*bf16", out="*bf16")
ATTEND = dict(qkv="*bf16", scale="*fp32", cosines="*fp32", sines="*fp32", starts="*i64", keys="*bf16", values="*bf16",
              out="*bf16", eps="fp32", softmax_scale="fp32")
NORM = dict(x="*bf16", norm="*fp32", weight="*bf16", out="*bf16", eps="fp32")
TILES = dict(BATCH=16, OUTS=16, INS=256, WIDE=False)
STATE = dict(last_embedding="*bf16", text_table="*bf16", embedded="*bf16", table="*bf16", logits="*bf16", out="*fp32",
             penalty="*fp32", temperature="*fp32", top_p="*fp32", noise_scale="*fp32")
STATE |= dict.fromkeys(("text text_next text_length positions starts frames slots codes offsets top_k seeds").split(),
                       "*i64")
SLOT = dict(values="*i64", seed="*i64") | {
    f"{part}_{name}": kind
    for part in ("first", "rest")
    for name, kind in dict(top_k="*i64", temperature="*fp32", top_p="*fp32", noise_scale="*fp32").items()
}
STATE |= dict.fromkeys("text_open done paused active seen finite is_finite".split(), "*i8")
SHARED = {75: 64 << 10, 80: 163 << 10, 89: 99 << 10, 90: 227 << 10}  # bytes that a program may use
KERNELS = [
    ("add_rmsnorm", dict(x="*bf16", delta="*bf16", weight="*fp32", total="*bf16", out="*bf16", eps="fp32"),
     dict(HAS_DELTA=True, BLOCK=2048)),
    ("silu_mul", dict(gate_up="*bf16", out="*bf16"), dict(BLOCK=1024)),
    ("attend", ATTEND, dict(TIME=1, TIMES=16, GROUP=2, QUERIES=16, HALF=64, LANES=64, BLOCK=64, TILES=True)),
    ("attend", ATTEND, dict(TIME=2, TIMES=16, GROUP=2, QUERIES=16, HALF=64, LANES=64, BLOCK=16, TILES=True)),
    ("attend_parts", ATTEND | dict(sums="*fp32", statistics="*fp32", arrived="*i32"),
     dict(TIME=1, TIMES=16, GROUP=2, QUERIES=16, HALF=64, LANES=64, BLOCK=32, TILES=True)),
    ("attend_project", ATTEND | PRODUCT | dict(partial="*fp32", arrived="*i32"),  # has `attend` without TILES in it
     dict(TIME=1, TIMES=1, GROUP=2, QUERIES=2, HALF=64, LANES=64, BLOCK=16, OUTS=32)),
    ("linear", PRODUCT, dict(HAS_RESIDUAL=True, BATCH=16, OUTS=16, INS=512, WIDE=False)),
    ("norm_linear", NORM, TILES | dict(GATE=True, SCALES_FIRST=False)),
    ("norm_linear", NORM | dict(x="*fp32", weight="*fp16", out="*fp16"), TILES | dict(GATE=False, SCALES_FIRST=True)),
    ("begin_step", STATE, dict(BLOCK=2048)),
    ("mask_logits", STATE, dict(BLOCK=4096)),
    ("finish_frame", STATE, dict(GROUPS=16, BLOCK=2048)),
    ("load_slot", STATE | SLOT, dict(VALUES=15, GROUPS=16, BLOCK=1024)),
    ("embed_prompt", STATE | dict(out="*bf16", x_vectors="*bf16"), dict(GROUPS=16, BLOCK=2048)),
    ("place_rows", dict(qkv="*bf16", scale="*fp32", cosines="*fp32", sines="*fp32", starts="*i64", slots="*i64",
                        queries="*bf16", keys="*bf16", values="*bf16", eps="fp32"),
     dict(HEADS=16, KV_HEADS=8, ALL=32, HALF=64, LANES=64)),
    ("attend_rows", dict(queries="*bf16", starts="*i64", slots="*i64", keys="*bf16", values="*bf16", out="*bf16",
                         softmax_scale="fp32"),
     dict(HEADS=16, GROUP=2, DIM=128, LANES=128, ROWS=64, BLOCK=64)),
    ("sample", STATE, dict(BLOCK=2048, HAS_SLOTS=True, HAS_TABLE=True)),
]
for name, types, constants in KERNELS:
    modules = (step_kernels, split_kernels, product_kernels, prompt_kernels, sampling_kernel, frame_kernels)
    kernel = next(getattr(module, name) for module in modules if hasattr(module, name))
    signature = {arg: types.get(arg, "constexpr" if arg in constants else "i32") for arg in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    target = GPUTarget("cuda", int(sys.argv[1]), 32)
    if sys.argv[1] == "75" and "*bf16" in types.values():
        types = {arg: kind.replace("bf16", "fp16") for arg, kind in types.items()}  # Turing has no bfloat16
        signature = {arg: types.get(arg, kind) for arg, kind in signature.items()}
        source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    made = triton.compile(source, target=target, options={"enable_fp_fusion": True, "num_stages": 4})
    assert made.asm["cubin"] and made.metadata.shared <= SHARED[int(sys.argv[1])], name
print("compiled")
"""


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_kernels_compile_for_other_gpus(architecture: int) -> None:
    """For Turing to Hopper, to machine code: the interpreter lets pass what the compiler refuses."""
    assert_compiles(COMPILE, architecture)
