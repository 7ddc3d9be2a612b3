"""Our model and a native CPU engine side by side: the same random weights of full size, text and threads, in turns.

    python benchmarks/against_native.py --vox VENV [--size 0.6B|1.7B] [--dtypes int8,int4] [--threads 2] [--rounds 3]
        [--official VENV] [--checkpoint DIR]

`--vox` names a venv with vox-tts (PyPI, Apache 2.0): our int8 and int4 are compared with its q8 and q4. `--official`
adds the official package in float32. Each side is a process of its own that loads once; then they synthesize in turns.
"frames_per_second" counts whole utterances including audio, in packets of four frames; "first_pcm_ms" is the first
packet, of one frame, and the whole utterance of the official package. "peak_gib" is the most memory that was resident,
loading included. Medians of the rounds; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

from against_official import FRAMES, OFFICIAL, PACKET, TEXT, WIDTHS, Side, make_checkpoint

from qwen3tts_webui.bench.report import environment

VOX_KINDS = {"int8": "q8", "int4": "q4", "bfloat16": ""}
VOX = """
import json, sys, time, vox
path, threads, frames, packet, text = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
engine = vox.Engine(path, device="cpu", threads=threads)
voice = engine.speaker_voice("ryan")
def speak(packet):
    return engine.stream(text, voice, language="english", max_frames=frames, chunk_frames=packet)
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    made = sum(len(part) for part in speak(packet)) / 1920
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    next(iter(speak(1)))
    first_ms = 1000 * (time.perf_counter() - start)
    print(json.dumps({"frames_per_second": made / seconds, "first_pcm_ms": first_ms}), flush=True)
"""


def build_vox_model(python: Path, folder: Path, kind: str) -> Path:
    """Return the checkpoint in the format of vox, created next to it on first use."""
    target = folder.with_name(f"{folder.name}.{kind or 'bf16'}.tmod")
    if not target.exists():
        quantize = ["--quant", kind] if kind else []
        command = [python, "-m", "vox", "build", "--model", folder, "--dtype", "bf16", *quantize, "--no-hash"]
        subprocess.run([*map(str, command), "-o", str(target)], check=True, stdout=subprocess.DEVNULL)
    return target


def start_sides(folder: Path, dtype: str, options: argparse.Namespace) -> dict[str, Side]:
    ours = [sys.executable, ROOT / "benchmarks" / "against_official.py", "--speak", folder, "--dtypes", dtype]
    sides = {"ours": Side([*ours, "--threads", options.threads])}
    if options.vox is not None:
        python = options.vox / "bin" / "python"
        model = build_vox_model(python, folder, VOX_KINDS[dtype])
        sides["vox-tts"] = Side([python, "-c", VOX, model, options.threads, FRAMES, PACKET, TEXT])
    if options.official is not None:
        command = [options.official / "bin" / "python", "-c", OFFICIAL, folder, "float32"]
        sides["official, float32"] = Side([*command, options.threads, FRAMES, TEXT])
    return sides


def compare(folder: Path, dtype: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run all sides in turns, after a warm-up round; return medians and peak memory."""
    sides = start_sides(folder, dtype, options)
    rounds = [{name: side.speak() for name, side in sides.items()} for _ in range(options.rounds + 1)][1:]
    results: dict[str, dict[str, float]] = {}
    for name, side in sides.items():
        found = {key: round(statistics.median(one[name][key] for one in rounds), 2) for key in rounds[0][name]}
        results[name] = found | {"peak_gib": round(peak_bytes(side.pid) / 2**30, 2)}
        side.end()
        print(f"{dtype:9s} {name:18s} {results[name]}", flush=True)
    return results


def peak_bytes(pid: int) -> int:
    """Return the peak resident memory of a process (Linux)."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vox", type=Path, help="a venv with vox-tts")
    parser.add_argument("--official", type=Path, help="a venv with the official package")
    parser.add_argument("--size", choices=sorted(WIDTHS), default="0.6B")
    parser.add_argument("--dtypes", default="int8", help=f"some of {', '.join(VOX_KINDS)}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--checkpoint", type=Path, help="where to keep the weights for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.checkpoint or Path(scratch) / "model"
        if not (folder / "model.safetensors").exists():
            make_checkpoint(folder, options.size)
        results = {dtype: compare(folder, dtype, options) for dtype in options.dtypes.split(",")}
    facts = {"size": options.size, "threads": options.threads, "frames": FRAMES, "rounds": options.rounds}
    print(json.dumps({"benchmark": "against_native", **facts, "results": results} | environment()))


if __name__ == "__main__":
    main()
