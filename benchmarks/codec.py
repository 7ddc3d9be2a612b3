"""Time of the codec decoder per packet, at the released size with random weights.

    flock /tmp/bench.lock python benchmarks/codec.py [--device cuda] [--threads 2] [--packets 1,2,4,8] [--streams 1,4]

Prints a table and, last, one JSON line: milliseconds for each (streams, frames), minimum and median of several runs on
a stream that has already begun.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from datetime import date
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from qwen3tts_webui.model.codec.decoder import CodecDecoder
from qwen3tts_webui.model.synthetic import RELEASED_CODEC


def random_decoder(device: torch.device) -> CodecDecoder:
    """A decoder of the released size, ready to run."""
    torch.manual_seed(0)
    with torch.device(device):
        decoder = CodecDecoder(RELEASED_CODEC)
    for name, parameter in decoder.named_parameters():
        if name.endswith(("cluster_usage", "scale", "gamma")):
            torch.nn.init.ones_(parameter.data)
        elif name.endswith(("alpha", "beta", "embedding_sum")):
            torch.nn.init.normal_(parameter.data, std=0.1)
    decoder.requires_grad_(False).eval().fold()
    return decoder


def measure(decoder: CodecDecoder, device: torch.device, streams: int, frames: int, runs: int) -> tuple[float, float]:
    """Return (minimum, median) milliseconds of one packet."""
    state = decoder.new_state(streams)
    codes = torch.randint(0, RELEASED_CODEC.codebook_size, (streams, 16, frames), device=device)
    times = []
    for _ in range(runs + 2):
        start = time.perf_counter()
        decoder.decode(codes, state, slice(None)).cpu()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times[2:]), statistics.median(times[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--packets", default="1,2,4,26")
    parser.add_argument("--streams", default="1")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    decoder = random_decoder(device)
    results = []
    for streams in map(int, options.streams.split(",")):
        for frames in map(int, options.packets.split(",")):
            least, median = measure(decoder, device, streams, frames, options.runs)
            results.append({"streams": streams, "frames": frames, "least_ms": round(least, 2), "ms": round(median, 2)})
            print(
                f"{streams:3d} streams, {frames:3d} frames: least {least:8.2f} ms, median {median:8.2f} ms", flush=True
            )
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    report = {"benchmark": "codec", "results": results, "device": name, "dtype": "float32", "threads": options.threads}
    print(json.dumps(report | {"torch": torch.__version__, "date": date.today().isoformat()}))


if __name__ == "__main__":
    main()
