"""The codec decoder equals the official one for any packet sizes and any batch."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from qwen3tts_webui.errors import CheckpointError
from qwen3tts_webui.model.codec.decoder import CodecDecoder, load_codec
from qwen3tts_webui.model.config.config_reader import read_config
from qwen3tts_webui.model.config.model_config import CodecConfig
from qwen3tts_webui.model.synthetic import RELEASED_CODEC

GOLDEN = Path(__file__).parents[2] / "golden" / "codec"
STRIDE = 61
CPU = torch.device("cpu")
ALL = slice(None)


def load(folder: Path = GOLDEN) -> CodecDecoder:
    config = read_config(GOLDEN)
    return load_codec(folder, CodecConfig.from_config(config.content, config.file), CPU)


@pytest.fixture(scope="module")
def decoder() -> CodecDecoder:
    return load()


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "sound.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def codes(golden: dict[str, np.ndarray]) -> torch.Tensor:
    """(1, 16, 340)"""
    return torch.from_numpy(golden["codes"].astype(np.int64)).T[None]


def packets(decoder: CodecDecoder, codes: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    state = decoder.new_state(1)
    return torch.cat([decoder.decode(part, state, ALL) for part in codes.split(sizes, dim=2)], dim=1)


def distance(a: torch.Tensor, b: torch.Tensor | np.ndarray) -> float:
    return float((a - torch.as_tensor(b)).abs().max())


def test_whole_equals_the_official_decoder_sample_by_sample(
    decoder: CodecDecoder, golden: dict[str, np.ndarray], codes: torch.Tensor
) -> None:
    sound = decoder.decode_whole(codes[..., :3])
    assert sound.shape == (1, 3 * 1920)
    assert distance(sound[0], golden["beginning"]) < 2e-6


def test_whole_equals_the_official_undivided_decode_at_any_length(
    decoder: CodecDecoder, golden: dict[str, np.ndarray], codes: torch.Tensor
) -> None:
    assert distance(decoder.decode_whole(codes)[0, ::STRIDE], golden["strided"]) < 2e-6


def test_the_official_decoder_differs_beyond_300_frames(golden: dict[str, np.ndarray]) -> None:
    difference = np.abs(golden["official_strided"] - golden["strided"])
    limit = 300 * 1920 // STRIDE
    assert difference[:limit].max() < 2e-6 < 1e-4 < difference[limit:].max()


def test_loud_audio_is_clipped(golden: dict[str, np.ndarray], decoder: CodecDecoder, codes: torch.Tensor) -> None:
    assert decoder.decode_whole(codes).abs().max() == 1.0 == np.abs(golden["strided"]).max()


@pytest.mark.parametrize(
    "sizes", [[1] * 60, [4] * 15, [7, 1, 1, 30, 21], [25, 25, 10], [59, 1], [1, 2, 4, 8, 45]], ids=str
)
def test_packets_equal_the_whole(decoder: CodecDecoder, codes: torch.Tensor, sizes: list[int]) -> None:
    codes = codes[..., :60]
    assert distance(packets(decoder, codes, sizes), decoder.decode_whole(codes)) < 2e-6


def test_streams_at_different_positions_share_a_batch(decoder: CodecDecoder, codes: torch.Tensor) -> None:
    early, late = codes[..., :40], codes[..., 100:140]
    state = decoder.new_state(3)
    late_sound = [decoder.decode(late[..., :31], state, torch.tensor([1]))]
    both = decoder.decode(torch.cat([early[..., :4], late[..., 31:35]]), state, torch.tensor([2, 1]))
    late_sound.append(both[1:])
    late_sound.append(decoder.decode(late[..., 35:], state, torch.tensor([1])))
    early_sound = torch.cat([both[:1], decoder.decode(early[..., 4:], state, torch.tensor([2]))], dim=1)
    assert distance(early_sound, decoder.decode_whole(early)) < 2e-6
    assert distance(torch.cat(late_sound, dim=1), decoder.decode_whole(late)) < 2e-6


def test_slice_and_indices_are_the_same_rows(decoder: CodecDecoder, codes: torch.Tensor) -> None:
    batch = torch.cat([codes[..., :9], codes[..., 9:18]])
    by_slice, by_index = decoder.new_state(4), decoder.new_state(4)
    for part in batch.split(3, dim=2):
        a = decoder.decode(part, by_slice, slice(1, 3))
        b = decoder.decode(part, by_index, torch.tensor([1, 2]))
        assert torch.equal(a, b)
    assert by_slice.position.tolist() == by_index.position.tolist() == [0, 9, 9, 0]


def test_other_rows_are_unchanged(decoder: CodecDecoder, codes: torch.Tensor) -> None:
    state = decoder.new_state(2)
    decoder.decode(codes[..., :5], state, torch.tensor([0]))
    before = [tensor[0].clone() for tensor in (state.flat, state.position)]
    decoder.decode(codes[..., 5:30], state, torch.tensor([1]))
    assert all(torch.equal(old, tensor[0]) for old, tensor in zip(before, (state.flat, state.position), strict=True))


def test_reset_row_is_a_new_stream(decoder: CodecDecoder, codes: torch.Tensor) -> None:
    state = decoder.new_state(1)
    decoder.decode(codes[..., :50], state, ALL)
    state.reset(torch.tensor([0]))
    assert torch.equal(decoder.decode(codes[..., 50:60], state, ALL), decoder.decode_whole(codes[..., 50:60]))


def test_a_reset_clears_nan(decoder: CodecDecoder, codes: torch.Tensor) -> None:
    state = decoder.new_state(1)
    for tensor in (*state.contexts, *state.keys, *state.values):
        tensor.fill_(float("nan"))
    assert decoder.decode(codes[..., :2], state, ALL).isnan().all()
    state.reset(ALL)
    assert torch.equal(decoder.decode(codes[..., :2], state, ALL), decoder.decode_whole(codes[..., :2]))


def test_a_moved_stream_continues(decoder: CodecDecoder, codes: torch.Tensor) -> None:
    state = decoder.new_state(3)
    first = decoder.decode(codes[..., :11], state, torch.tensor([2]))
    state.move(2, 0)
    rest = decoder.decode(codes[..., 11:30], state, torch.tensor([0]))
    assert distance(torch.cat([first, rest], dim=1), decoder.decode_whole(codes[..., :30])) < 2e-6


def test_a_later_frame_changes_no_earlier_sample(decoder: CodecDecoder, codes: torch.Tensor) -> None:
    other = codes[..., :12].clone()
    other[..., 11] = (other[..., 11] + 1) % decoder.config.codebook_size
    a, b = decoder.decode_whole(codes[..., :12]), decoder.decode_whole(other)
    assert torch.equal(a[:, : 11 * 1920], b[:, : 11 * 1920])
    assert not torch.equal(a, b)


def test_state_tensors_are_never_replaced(decoder: CodecDecoder, codes: torch.Tensor) -> None:
    state = decoder.new_state(2)
    places = [(tensor.data_ptr(), tensor.shape) for tensor in (state.flat, state.position)]
    decoder.decode(codes[..., :30], state, torch.tensor([1]))
    state.reset(slice(0, 2))
    state.move(0, 1)
    assert [(tensor.data_ptr(), tensor.shape) for tensor in (state.flat, state.position)] == places


def test_released_size_has_the_official_number_of_parameters() -> None:
    with torch.device("meta"):
        decoder = CodecDecoder(RELEASED_CODEC)
    sizes = [parameter.numel() for parameter in decoder.parameters()]
    unused = 2 * 512 * 256  # the quantizer's two input projections
    assert (len(sizes) + 2, sum(sizes) + unused) == (271, 114_323_137)


def test_state_of_the_released_size_is_5_2_megabytes() -> None:
    with torch.device("meta"):
        decoder = CodecDecoder(RELEASED_CODEC)
        decoder.fold()
        state = decoder.new_state(1)
    assert round(state.nbytes / 1e6, 1) == 5.2


def test_missing_tensor_is_named(tmp_path: Path) -> None:
    content = load_file(GOLDEN / "model.safetensors")
    del content["decoder.decoder.2.block.3.act1.alpha"]
    save_file(content, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert caught.value.params["key"] == "decoder.decoder.2.block.3.act1.alpha"


def test_unknown_tensor_is_an_error(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    save_file(
        load_file(GOLDEN / "model.safetensors") | {"decoder.more": torch.zeros(1)}, tmp_path / "model.safetensors"
    )
    with pytest.raises(CheckpointError) as caught:
        load(tmp_path)
    assert caught.value.params["key"] == "decoder.more"


def test_falls_back_to_plain_convolution_with_a_warning(
    codes: torch.Tensor, decoder: CodecDecoder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delattr(torch._C._nn, "mkldnn_reorder_conv2d_weight")
    plain = load()
    assert "the codec is slower" in caplog.text
    assert distance(plain.decode_whole(codes[..., :20]), decoder.decode_whole(codes[..., :20])) < 2e-6
