"""The measurements, on a tiny checkpoint: what they print is what programs read."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate import init_empty_weights
from torch import nn

from qwen3tts_webui.bench import cloning
from qwen3tts_webui.cli import main
from qwen3tts_webui.model.cloning.speaker_encoder import SpeakerEncoder
from qwen3tts_webui.model.codec.decoder import CodecDecoder
from qwen3tts_webui.model.codec.encoder import CodecEncoder
from qwen3tts_webui.model.synthetic import Size, synthetic_config, synthetic_tokenizer
from qwen3tts_webui.model.synthetic_encoders import with_encoders
from qwen3tts_webui.model.weights.module_loader import LOADING_LOCK

ROOT = Path(__file__).parents[2]
CHECKPOINT = str(ROOT / "tests" / "golden" / "design")
SHORT = ["--model", CHECKPOINT, "--device", "cpu", "--dtype", "float32", "--frames", "2", "--runs", "1"]


def run_bench(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    assert main(["bench", *argv]) == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return result


def test_latency(capsys: pytest.CaptureFixture[str]) -> None:
    result = run_bench(capsys, "latency", *SHORT)
    assert result["benchmark"] == "latency" and result["device"] == "cpu" and result["dtype"] == "float32"
    assert set(result["first_pcm_ms"]) == {"p50", "p95", "p99", "min", "max"}  # type: ignore[call-overload]


def test_throughput_goes_through_the_batches(capsys: pytest.CaptureFixture[str]) -> None:
    result = run_bench(capsys, "throughput", *SHORT, "--slots", "2")
    assert [row["batch"] for row in result["batches"]] == [1, 2]  # type: ignore[attr-defined]


def test_cloning_needs_a_base_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    base = str(ROOT / "tests" / "golden" / "base")
    result = run_bench(capsys, "cloning", *SHORT, "--model", base)
    assert result["seconds"] == 10.0
    assert {"x_vector_ms", "reference_ms", "first_pcm_icl_ms", "first_pcm_x_vector_ms"} <= set(result)
    assert main(["bench", "cloning", *SHORT]) == 2
    assert "Base checkpoint" in capsys.readouterr().err


def test_cloning_with_random_weights(capsys: pytest.CaptureFixture[str]) -> None:
    flags = argparse.Namespace(synthetic="tiny", model=None, device="cpu", dtype="float32", slots=1)
    for name, value in {"frames": 2, "runs": 1, "frames_per_packet": None, "output": None}.items():
        setattr(flags, name, value)
    cloning.run(flags)
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["model"] == "synthetic tiny Base"
    assert result["reference_ms"]["min"] > 0 and result["first_pcm_icl_ms"]["min"] > 0


@pytest.mark.parametrize(("size", "parameters"), [("0.6B", 8_854_336), ("1.7B", 12_001_088)])
def test_the_synthetic_encoders_have_the_released_sizes(size: Size, parameters: int) -> None:
    """Base minus CustomVoice, and the released codec file (docs/model.md, section 9)."""
    config = with_encoders(synthetic_config(size))
    assert config.speaker_encoder is not None and config.codec_encoder is not None
    with LOADING_LOCK, init_empty_weights():
        speaker_encoder = SpeakerEncoder(config.speaker_encoder)
        codec = CodecDecoder(config.codec), CodecEncoder(config.codec_encoder)
    assert count(speaker_encoder) == parameters
    unused_projections, unused_codebooks, flags = 4 * 256 * 512, 16 * (256 * 2048 + 2048), 32
    assert sum(map(count, codec)) == 170_557_441 - unused_projections - unused_codebooks - flags


def count(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.state_dict().values())


def test_memory_in_half_precision_is_less(capsys: pytest.CaptureFixture[str]) -> None:
    result = run_bench(capsys, "memory", *SHORT, "--dtypes", "float32,bfloat16")
    full, half = result["types"]  # type: ignore[misc]
    assert full["less_percent"] == 0.0 and half["dtype"] == "bfloat16"


def test_load_runs_with_the_real_server_and_without_gradio() -> None:
    script = f"""
import sys
class NoGradio:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("gradio", "gradio_client"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoGradio())
from qwen3tts_webui.cli import main
sys.exit(main(["bench", "load", *{SHORT!r}, "--rates", "4", "--seconds", "1", "--warm-up", "0.3"]))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    (row,) = result["rates"]
    assert row["errors"] == 0 and row["requests"] >= 1
    assert len(row["playable_ms"]) == 5


def test_one_of_checkpoint_and_synthetic_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "latency"])
    assert "--synthetic" in capsys.readouterr().err


def test_the_synthetic_sizes_are_the_released_ones() -> None:
    big, small = synthetic_config("1.7B"), synthetic_config("0.6B")
    assert (big.talker.stack.hidden_size, small.talker.stack.hidden_size) == (2048, 1024)
    assert big.talker.num_audio_codes == big.codec.codebook_size == 2048


def test_the_stand_in_tokenizer_knows_words() -> None:
    encoder = synthetic_tokenizer(["Good", "evening"])
    assert len(encoder.encode("Good evening")) == 2
    assert len(encoder.encode("\u665a")) == 3
