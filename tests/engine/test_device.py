"""Probing this machine with torch."""

import pytest

from qwen3tts_webui.engine import probe_hardware
from qwen3tts_webui.engine.device import resolve_dtype
from qwen3tts_webui.errors import InvalidValue


def test_this_machine_can_be_probed() -> None:
    hardware = probe_hardware()
    assert hardware.cores >= 1
    assert hardware.free_bytes > 0


def test_auto_is_a_dtype_of_the_device() -> None:
    assert resolve_dtype("cpu", "auto") in ("float32", "bfloat16")
    assert resolve_dtype("cpu", "int8") == "int8"
    with pytest.raises(InvalidValue, match="float16 on cuda"):
        resolve_dtype("cuda:0", "int8")
