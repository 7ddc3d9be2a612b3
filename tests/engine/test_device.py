"""What follows from a machine, by tables of machines that we do not have."""

import pytest

from qwen3tts_webui.engine.device import Gpu, Machine, choose, computes_bf16, ensure_fits, free_bytes, look, wider
from qwen3tts_webui.errors import InsufficientMemory, InvalidValue

GIB = 2**30


def gpu(major: int, minor: int = 0, free_gib: int = 16) -> Gpu:
    return Gpu(name="Test GPU", capability=(major, minor), free_bytes=free_gib * GIB, total_bytes=24 * GIB)


@pytest.mark.parametrize(
    ("machine", "device", "dtype"),
    [
        pytest.param(Machine(gpus=(gpu(9),)), "cuda:0", "bfloat16", id="Hopper"),
        pytest.param(Machine(gpus=(gpu(8),)), "cuda:0", "bfloat16", id="capability 8.0"),
        pytest.param(Machine(gpus=(gpu(7, 5),)), "cuda:0", "float16", id="T4"),
        pytest.param(Machine(gpus=(gpu(9),), mps=True), "cuda:0", "bfloat16", id="CUDA before MPS"),
        pytest.param(Machine(mps=True, cpu_bf16=True), "mps", "float16", id="Apple"),
        pytest.param(Machine(), "cpu", "float32", id="plain CPU"),
        pytest.param(Machine(cpu_bf16=True), "cpu", "bfloat16", id="CPU with native bf16"),
    ],
)
def test_auto(machine: Machine, device: str, dtype: str) -> None:
    choice = choose(machine)
    assert (choice.device, choice.dtype, choice.codec_dtype) == (device, dtype, "float32")
    assert device in choice.reason and dtype in choice.reason


def test_asked_for_is_what_you_get() -> None:
    choice = choose(Machine(gpus=(gpu(9), gpu(7))), device="cuda:1", dtype="float32")
    assert (choice.device, choice.dtype) == ("cuda:1", "float32")


def test_int8_is_offered_on_a_cpu() -> None:
    assert choose(Machine(cores=4), device="cpu", dtype="int8").threads == 4


@pytest.mark.parametrize(
    ("device", "dtype", "named"),
    [("cuda", "auto", "cpu"), ("cuda:x", "auto", "cpu"), ("tpu", "auto", "cpu"), ("cpu", "fp8", "bfloat16")],
)
def test_what_the_machine_has_not(device: str, dtype: str, named: str) -> None:
    with pytest.raises(InvalidValue, match=named):
        choose(Machine(), device=device, dtype=dtype)


def test_int8_is_refused_on_a_gpu() -> None:
    with pytest.raises(InvalidValue, match="float16 on cuda"):
        choose(Machine(gpus=(gpu(9),)), dtype="int8")


@pytest.mark.parametrize(
    ("dtype", "bf16", "fallback"),
    [
        ("float16", True, "bfloat16"),
        ("float16", False, "float32"),
        ("bfloat16", True, "float32"),
        ("float32", True, None),
    ],
)
def test_fallback_after_invalid_numbers(dtype: str, bf16: bool, fallback: str | None) -> None:
    assert wider(dtype, bf16=bf16) == fallback  # type: ignore[arg-type]


def test_what_does_not_fit_is_refused_before_loading() -> None:
    machine = Machine(gpus=(gpu(8, free_gib=4),))
    choice = choose(machine)
    ensure_fits(machine, choice, {"weights": 2 * GIB, "caches": GIB // 2})
    with pytest.raises(InsufficientMemory, match=r"needs 4\.0 GiB on cuda:0, but 3\.0 GiB are free"):
        ensure_fits(machine, choice, {"weights": 3 * GIB, "caches": GIB})


def test_this_machine_can_be_read() -> None:
    machine = look()
    assert machine.cores >= 1
    assert free_bytes(machine, "cpu") > 0


def test_the_type_of_the_gpu_is_not_that_of_the_cpu() -> None:
    turing = Gpu(name="T4", capability=(7, 5), free_bytes=1, total_bytes=1)
    ampere = Gpu(name="A10", capability=(8, 6), free_bytes=1, total_bytes=1)
    machine = Machine(gpus=(turing, ampere), cpu_bf16=True)
    assert [computes_bf16(machine, device) for device in ("cuda:0", "cuda:1", "cpu", "mps")] == [
        False,
        True,
        True,
        False,
    ]
