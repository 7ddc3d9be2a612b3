"""Weights: every key is accounted for, every fault names its file and key, memory peaks at the weights themselves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from qwen3tts_webui.errors import CheckpointError
from qwen3tts_webui.model.weights.module_loader import load_weights

CPU = torch.device("cpu")


class Tiny(nn.Module):
    """Two parameters, one stored buffer, one computed buffer."""

    computed: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("stored", torch.zeros(4))
        self.register_buffer("computed", torch.arange(5.0), persistent=False)


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"linear.weight": (2, 3), "linear.bias": (2,), "stored": (4,)}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def save(folder: Path, content: dict[str, torch.Tensor], name: str = "model.safetensors") -> Path:
    folder.mkdir(exist_ok=True)
    save_file(content, folder / name)
    return folder


def save_shards(folder: Path) -> Path:
    content = tensors()
    save(folder, {"linear.weight": content.pop("linear.weight")}, "model-00001-of-00002.safetensors")
    save(folder, content, "model-00002-of-00002.safetensors")
    places = {"linear.weight": "model-00001-of-00002.safetensors"}
    places |= dict.fromkeys(content, "model-00002-of-00002.safetensors")
    write_index(folder, places)
    return folder


def write_index(folder: Path, places: object) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def load(folder: Path, **options: object) -> Tiny:
    return load_weights(Tiny, folder, **({"device": CPU, "dtype": torch.float32} | options))  # type: ignore[arg-type]


def fault(folder: Path, **options: object) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        load(folder, **options)
    return caught.value


def test_single_file_fills_the_module(tmp_path: Path) -> None:
    module = load(save(tmp_path, tensors()))
    assert {name: value.tolist() for name, value in module.state_dict().items()} == {
        name: value.tolist() for name, value in tensors().items()
    }


def test_shards_fill_the_module(tmp_path: Path) -> None:
    module = load(save_shards(tmp_path))
    assert {name: value.tolist() for name, value in module.state_dict().items()} == {
        name: value.tolist() for name, value in tensors().items()
    }


def test_module_is_frozen_and_in_eval_mode(tmp_path: Path) -> None:
    module = load(save(tmp_path, tensors()))
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_computed_buffer_keeps_its_values(tmp_path: Path) -> None:
    assert load(save(tmp_path, tensors())).computed.tolist() == [0, 1, 2, 3, 4]


def test_half_precision_file_is_upcast_exactly(tmp_path: Path) -> None:
    half = {name: value.bfloat16() for name, value in tensors().items()}
    module = load(save(tmp_path, half))
    assert module.linear.weight.dtype == torch.float32
    assert torch.equal(module.linear.weight, half["linear.weight"].float())


def test_dtype_can_depend_on_the_name(tmp_path: Path) -> None:
    module = load(
        save(tmp_path, tensors()), dtype=lambda name, _: torch.float16 if name == "linear.weight" else torch.float32
    )
    assert module.linear.weight.dtype == torch.float16
    assert module.linear.bias.dtype == module.stored.dtype == torch.float32


def test_tensor_larger_than_the_staging_buffer_is_read_whole(tmp_path: Path) -> None:
    value = torch.arange(5_000_000, dtype=torch.float32).view(1, -1)
    save(tmp_path, {"weight": value})
    module = load_weights(lambda: nn.Linear(5_000_000, 1, bias=False), tmp_path, device=CPU, dtype=torch.float32)
    assert torch.equal(module.weight, value)


def test_released_keys_can_differ_from_the_modules_names(tmp_path: Path) -> None:
    module = load(
        save(tmp_path, {f"decoder.{key}": value for key, value in tensors().items()}), key_of=lambda n: f"decoder.{n}"
    )
    assert torch.equal(module.stored, tensors()["stored"])


def test_unused_keys_are_not_read(tmp_path: Path) -> None:
    extra = tensors() | {"encoder.weight": torch.zeros(9)}
    assert "encoder.weight" not in load(save(tmp_path, extra), unused=("encoder.",)).state_dict()


def test_unexpected_key_is_an_error(tmp_path: Path) -> None:
    error = fault(save(tmp_path, tensors() | {"encoder.weight": torch.zeros(9)}))
    assert error.params["key"] == "encoder.weight"
    assert error.params["file"] == tmp_path / "model.safetensors"


def test_missing_key(tmp_path: Path) -> None:
    content = tensors()
    del content["linear.bias"], content["linear.weight"]
    error = fault(save(tmp_path, content))
    assert str(error) == f"{tmp_path}: the tensor is missing (and 1 more) [linear.weight]"


def test_missing_key_is_named_as_released(tmp_path: Path) -> None:
    content = {f"decoder.{key}": value for key, value in tensors().items() if key != "stored"}
    assert fault(save(tmp_path, content), key_of=lambda n: f"decoder.{n}").params["key"] == "decoder.stored"


def test_wrong_shape(tmp_path: Path) -> None:
    error = fault(save(tmp_path, tensors() | {"stored": torch.zeros(5)}))
    assert error.params["key"] == "stored"
    assert error.params["problem"] == "the shape is [5], the config asks for [4]"


def test_integer_tensor(tmp_path: Path) -> None:
    error = fault(save(tmp_path, tensors() | {"stored": torch.zeros(4, dtype=torch.int64)}))
    assert error.params["key"] == "stored"
    assert "I64" in str(error)


def test_missing_folder(tmp_path: Path) -> None:
    assert fault(tmp_path / "absent").params["file"] == tmp_path / "absent"


def test_pickle_files_are_not_read(tmp_path: Path) -> None:
    torch.save(tensors(), tmp_path / "pytorch_model.bin")
    assert "never read" in str(fault(tmp_path))


@pytest.mark.parametrize("keep", [0, 5, 40, -1])
def test_truncated_file(tmp_path: Path, keep: int) -> None:
    file = save(tmp_path, tensors()) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    error = fault(tmp_path)
    assert error.params["file"] == file
    assert "truncated" in str(error)


def test_file_that_shrinks_after_its_header_was_read(tmp_path: Path) -> None:
    from qwen3tts_webui.model.weights.safetensors_reader import read_shards

    file = save(tmp_path, tensors()) / "model.safetensors"
    last = max(read_shards(tmp_path).values(), key=lambda tensor: tensor.offset)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(CheckpointError) as caught:
        list(last.chunks(torch.empty(64)))
    assert caught.value.params["key"] == last.key


def test_absent_shard(tmp_path: Path) -> None:
    (save_shards(tmp_path) / "model-00001-of-00002.safetensors").unlink()
    assert fault(tmp_path).params["file"] == tmp_path / "model-00001-of-00002.safetensors"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": 1}}', "\xff"])
def test_corrupt_index(tmp_path: Path, text: str) -> None:
    index = save_shards(tmp_path) / "model.safetensors.index.json"
    index.write_bytes(text.encode("latin-1"))
    assert fault(tmp_path).params["file"] == index


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/model.safetensors", "pytorch_model.bin"])
def test_index_may_only_name_safetensors_files_in_its_folder(tmp_path: Path, name: str) -> None:
    save(tmp_path / "here", {"other": torch.zeros(1)}, "a.safetensors")
    write_index(tmp_path / "here", {"linear.weight": name})
    assert fault(tmp_path / "here").params["key"] == "linear.weight"


def test_key_missing_from_its_shard(tmp_path: Path) -> None:
    save(tmp_path, {"stored": torch.zeros(4)}, "a.safetensors")
    write_index(tmp_path, {"stored": "a.safetensors", "linear.bias": "a.safetensors"})
    assert fault(tmp_path).params["key"] == "linear.bias"


def test_key_missing_from_the_index(tmp_path: Path) -> None:
    save(tmp_path, tensors(), "a.safetensors")
    write_index(tmp_path, {key: "a.safetensors" for key in tensors() if key != "stored"})
    assert fault(tmp_path).params["key"] == "stored"


_MEASURE = """
import sys, torch
from pathlib import Path
from torch import nn
from qwen3tts_webui.model.weights.module_loader import load_weights

def peak_kib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

def build():
    return nn.Sequential(*(nn.Linear(4096, 2048, bias=False) for _ in range(6)))

folder, dtype = Path(sys.argv[1]), getattr(torch, sys.argv[2])
load_weights(lambda: nn.Linear(8, 8, bias=False), folder / "small", device=torch.device("cpu"), dtype=dtype)
before = peak_kib()
module = load_weights(build, folder / "large", device=torch.device("cpu"), dtype=dtype)
weights = sum(value.nbytes for value in module.state_dict().values())
print((peak_kib() - before) * 1024 / weights)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak memory from Linux's /proc")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_memory_peaks_at_the_weights(tmp_path: Path, dtype: str) -> None:
    save(tmp_path / "small", {"weight": torch.zeros(8, 8)})
    save(tmp_path / "large", {f"{i}.weight": torch.full((2048, 4096), float(i)).bfloat16() for i in range(6)})
    command = [sys.executable, "-c", _MEASURE, str(tmp_path), dtype]
    ratio = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert 0.9 < ratio <= 1.15
