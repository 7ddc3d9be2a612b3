"""Our model and the official package side by side: the same random weights of full size, text and threads, in turns.

    python benchmarks/against_official.py --official VENV [--size 0.6B|1.7B] [--dtypes float32,bfloat16] [--rounds 3]
        [--checkpoint DIR]

`--official` names a venv with qwen-tts 0.1.1 (tests/golden/make_golden.py creates one). Each side is a process of its
own that loads once; then they synthesize in turns, the other one idle, so that both run under the same conditions. int8
is compared with the official float32. "frames_per_second" counts whole utterances including audio, ours in packets of
four frames; "first_pcm_ms" is the first packet of ours and the whole utterance of theirs, as it does not stream.
`--checkpoint` keeps the weights for the next run. Medians of the rounds; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
TINY = ROOT / "tests" / "golden" / "custom_small"  # its config and its vocabulary, with the sizes replaced
TEXT = "Hello there, this is a short test of the speech model."
FRAMES = 16
PACKET = 4
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
request = {"text": sys.argv[5], "speaker": "ryan", "language": "English", "max_new_tokens": int(sys.argv[4]) + 1}
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    sound, rate = model.generate_custom_voice(**request)
    seconds = time.perf_counter() - start
    print(json.dumps({"frames_per_second": len(sound[0]) / 1920 / seconds, "first_pcm_ms": seconds * 1000}), flush=True)
"""


def make_checkpoint(folder: Path, size: str, device: str = "cpu") -> None:
    """Write a checkpoint of the released sizes: the language model in bfloat16, the codec in float32.

    The weights are drawn on `device`.
    """
    import torch
    from safetensors.torch import save_file

    from qwen3tts_webui.model.codec.decoder import CodecDecoder
    from qwen3tts_webui.model.config.model_config import read_model_config
    from qwen3tts_webui.model.talker.talker import Talker

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

    spec = read_model_config(folder)
    source = torch.Generator(device).manual_seed(0)

    def weights(module: torch.nn.Module, prefix: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        values = {}
        for name, old in module.state_dict().items():
            value = torch.ones(old.shape, dtype=dtype, device=device)
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


def speak_ours(folder: Path, dtype: str, threads: int) -> None:
    """The process of our side: load, then synthesize once for each line of stdin and print the times."""
    from qwen3tts_webui.cli import configure_torch_env

    configure_torch_env()
    import torch

    from qwen3tts_webui.model import load_model
    from qwen3tts_webui.types import Utterance, Voice

    torch.set_num_threads(threads)
    model = load_model(folder, device="cpu", dtype=dtype)
    utterance = Utterance(text=TEXT, language="English", voice=Voice(speaker="ryan"))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        frames = sum(
            len(packet.codes) for packet in model.stream(utterance, frames_per_packet=PACKET, max_frames=FRAMES)
        )
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        next(model.stream(utterance, max_frames=FRAMES))
        first_ms = (time.perf_counter() - start) * 1000
        print(json.dumps({"frames_per_second": frames / seconds, "first_pcm_ms": first_ms}), flush=True)


class Side:
    """One of the two processes."""

    def __init__(self, command: Sequence[object]) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._read_until("ready")

    @property
    def pid(self) -> int:
        return self._process.pid

    def speak(self) -> dict[str, float]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        result: dict[str, float] = json.loads(self._read_until("{"))
        return result

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _read_until(self, start: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(start):
                return line
        raise SystemExit(f"a side ended with {self._process.wait()}: {self._process.args}")


def compare(folder: Path, python: Path, dtype: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run both sides in turns; return medians and our frames per second relative to the official package's."""
    ours = Side([sys.executable, __file__, "--speak", folder, "--dtypes", dtype, "--threads", options.threads])
    theirs_dtype = "float32" if dtype == "int8" else dtype
    official = Side([python, "-c", OFFICIAL, folder, theirs_dtype, options.threads, FRAMES, TEXT])
    ours.speak(), official.speak()  # warm-up
    if options.wait_for is not None:
        print(f"{dtype}: ready, waiting for {options.wait_for}", flush=True)
        while not options.wait_for.exists():
            time.sleep(0.1)
    rounds = [(ours.speak(), official.speak()) for _ in range(options.rounds)]
    ours.end()
    official.end()

    def median(side: int, key: str) -> float:
        return round(statistics.median(pair[side][key] for pair in rounds), 3)

    result = {
        name: {key: median(side, key) for key in ("frames_per_second", "first_pcm_ms")}
        for side, name in enumerate(("ours", "official"))
    }
    ratio = statistics.median(a["frames_per_second"] / b["frames_per_second"] for a, b in rounds)
    print(f"{dtype:9s} ours {result['ours']} official {result['official']} ratio {ratio:.2f}", flush=True)
    return result | {"ratio": round(ratio, 2), "official_dtype": theirs_dtype}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=Path, help="a venv with the official package")
    parser.add_argument("--size", choices=sorted(WIDTHS), default="0.6B")
    parser.add_argument("--dtypes", default="float32,bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--wait-for", type=Path, help="start measuring only once this file exists")
    parser.add_argument("--speak", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.speak is not None:
        speak_ours(options.speak, options.dtypes, options.threads)
        return
    if options.official is None:
        parser.error("--official is needed")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.checkpoint or Path(scratch) / "model"
        if not (folder / "model.safetensors").exists():
            make_checkpoint(folder, options.size)
        python = options.official / "bin" / "python"
        results = {dtype: compare(folder, python, dtype, options) for dtype in options.dtypes.split(",")}
    import torch

    record = {
        "benchmark": "against_official",
        "size": options.size,
        "threads": options.threads,
        "frames": FRAMES,
        "rounds": options.rounds,
        "results": results,
        "device": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
