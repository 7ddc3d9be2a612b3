"""Our forward pass beside the official package: full-size random weights, the same text, the same number of threads.

    python benchmarks/model.py [--size 0.6B|1.7B] [--dtype float32|bfloat16|int8] [--threads 2] [--official VENV]

`--official` names a venv with the official package (tests/golden/make_golden.py makes one). The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TINY = ROOT / "tests" / "golden" / "custom_small"  # its config and its vocabulary, with the sizes replaced
TEXT = "Hello there, this is a short test of the speech model."
FRAMES = 16
WIDTHS = {"0.6B": (1024, 3072, "0b6"), "1.7B": (2048, 6144, "1b7")}
OFFICIAL = """
import json, sys, time, types, torch
sys.dont_write_bytecode = True
torch.set_num_threads(int(sys.argv[3]))
import transformers
for name in ("torchaudio", "torchaudio.compliance", "torchaudio.compliance.kaldi"):
    sys.modules.setdefault(name, types.ModuleType(name))
from qwen_tts import Qwen3TTSModel
model = Qwen3TTSModel.from_pretrained(sys.argv[1], dtype=getattr(torch, sys.argv[2]))
frames = int(sys.argv[4])
for _ in range(2):
    start = time.perf_counter()
    request = {"text": sys.argv[5], "speaker": "ryan", "language": "English"}
    sound, rate = model.generate_custom_voice(**request, max_new_tokens=frames)
    seconds = time.perf_counter() - start
print(json.dumps({"frames_per_second": len(sound[0]) / 1920 / seconds, "first_pcm_ms": seconds * 1000}))
"""


def make_checkpoint(folder: Path, size: str) -> None:
    """Write a checkpoint of the released sizes: the language model in bfloat16, the codec in float32."""
    import torch
    from safetensors.torch import save_file

    from qwen3tts_webui.model.codec_decoder import CodecDecoder
    from qwen3tts_webui.model.spec import read_spec
    from qwen3tts_webui.model.talker import Talker

    shutil.copytree(TINY, folder, ignore=shutil.ignore_patterns("cases", "*.safetensors"), dirs_exist_ok=True)
    hidden, inner, tag = WIDTHS[size]
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    talker = config["talker_config"]
    heads = {"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128}
    shift = 3072 - talker["vocab_size"]
    for key in [key for key, value in talker.items() if key.startswith("codec_") and isinstance(value, int)]:
        talker[key] += shift
    for section in ("codec_language_id", "spk_id"):
        talker[section] = {name: number + shift for name, number in talker[section].items()}
    talker.update(heads, hidden_size=hidden, intermediate_size=inner, num_hidden_layers=28, vocab_size=3072)
    talker.update(text_hidden_size=2048, text_vocab_size=151936)
    talker["rope_scaling"]["mrope_section"] = [24, 20, 20]
    predictor = talker["code_predictor_config"]
    predictor.update(heads, hidden_size=1024, intermediate_size=3072, num_hidden_layers=5, vocab_size=2048)
    predictor["layer_types"] = ["full_attention"] * 5
    config["tts_model_size"] = tag
    (folder / "config.json").write_text(json.dumps(config))
    codec = json.loads((folder / "speech_tokenizer" / "config.json").read_text())
    codec["decoder_config"].update(latent_dim=1024, codebook_dim=512, codebook_size=2048, hidden_size=512)
    codec["decoder_config"].update(intermediate_size=1024, num_hidden_layers=8, num_attention_heads=16, head_dim=64)
    codec["decoder_config"].update(num_key_value_heads=16, sliding_window=72, decoder_dim=1536)
    (folder / "speech_tokenizer" / "config.json").write_text(json.dumps(codec))

    spec = read_spec(folder)
    source = torch.Generator().manual_seed(0)

    def weights(module: torch.nn.Module, prefix: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        values = {}
        for name, old in module.state_dict().items():
            value = torch.ones(old.shape, dtype=dtype)
            if not name.endswith(("norm.weight", "cluster_usage")):
                spread = 1 / math.sqrt(math.prod(old.shape[1:])) if old.dim() > 1 else 0.02
                value.normal_(0, 0.02 if "embedding" in name else spread, generator=source)
            values[prefix + name] = value
        return values

    with torch.device("meta"):
        modules = Talker(spec), CodecDecoder(spec.codec)
    metadata = {"format": "pt"}
    save_file(weights(modules[0], "talker.", torch.bfloat16), folder / "model.safetensors", metadata=metadata)
    codec_file = folder / "speech_tokenizer" / "model.safetensors"
    save_file(weights(modules[1], "decoder.", torch.float32), codec_file, metadata=metadata)


def measure_ours(folder: Path, dtype: str, threads: int) -> dict[str, float]:
    """Load, speak twice, and tell of the second time."""
    import torch

    from qwen3tts_webui.model import load_model
    from qwen3tts_webui.types import Utterance, Voice

    torch.set_num_threads(threads)
    start = time.perf_counter()
    model = load_model(folder, device="cpu", dtype=dtype)
    load_s = time.perf_counter() - start
    utterance = Utterance(text=TEXT, language="English", voice=Voice(speaker="ryan"))
    for _ in range(2):
        start = time.perf_counter()
        speaking = model.speak(utterance, max_frames=FRAMES)
        frames = len(next(speaking).codes)
        first_ms = (time.perf_counter() - start) * 1000
        frames += sum(len(packet.codes) for packet in speaking)
        seconds = time.perf_counter() - start
    return {
        "frames_per_second": frames / seconds,
        "first_pcm_ms": first_ms,
        "load_s": load_s,
    }


def measure_official(python: Path, folder: Path, dtype: str, threads: int) -> dict[str, float]:
    arguments = [folder, "float32" if dtype == "int8" else dtype, threads, FRAMES + 1, TEXT]
    done = subprocess.run(
        [python, "-c", OFFICIAL, *map(str, arguments)], check=True, capture_output=True, text=True, timeout=500
    )
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=sorted(WIDTHS), default="0.6B")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "int8"], default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--official", type=Path, help="a venv with the official package")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        make_checkpoint(folder, options.size)
        ours = measure_ours(folder, options.dtype, options.threads)
        print("ours    ", {key: round(value, 3) for key, value in ours.items()})
        official = None
        if options.official is not None:
            official = measure_official(options.official / "bin" / "python", folder, options.dtype, options.threads)
            print("official", {key: round(value, 3) for key, value in official.items()})
    import torch

    record = {
        "benchmark": "model",
        "size": options.size,
        "dtype": options.dtype,
        "threads": options.threads,
        "ours": ours,
        "official": official,
        "device": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
