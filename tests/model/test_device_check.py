"""A device that this project has never run on is compared with the CPU; here the CPU stands for it, right and wrong."""

from __future__ import annotations

import pytest
import torch

from qwen3tts_webui.errors import ErrorDetail, ModelError
from qwen3tts_webui.model.codec.decoder import CodecDecoder
from qwen3tts_webui.model.device_check import check_device
from qwen3tts_webui.model.talker.talker import Talker


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_device_that_computes_correctly_passes(dtype: str) -> None:
    check_device("cpu", dtype)


@pytest.mark.parametrize(
    ("part", "method", "what"),
    [(Talker, "prefill", "a prompt"), (Talker, "step", "a step"), (CodecDecoder, "decode_whole", "audio")],
)
@pytest.mark.parametrize("wrong", [1.2, float("nan")])
def test_a_device_that_computes_wrongly_is_refused(
    part: type, method: str, what: str, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = getattr(part, method)
    calls = []

    def wrong_the_second_time(self: object, *args: object) -> torch.Tensor:
        calls.append(method)
        result: torch.Tensor = right(self, *args)
        return result if len(calls) == 1 else result.roll(1, -1) * wrong

    monkeypatch.setattr(part, method, wrong_the_second_time)
    with pytest.raises(ModelError, match=f"cpu computes wrong results.*{what}: .*use the processor") as caught:
        check_device("cpu", "float32")
    assert isinstance(caught.value.params["reason"], ErrorDetail)
