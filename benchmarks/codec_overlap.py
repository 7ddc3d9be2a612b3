"""Whether a CPU is faster if it decodes a packet while it computes the next frames, full size and random weights.

    python benchmarks/codec_overlap.py [--size 0.6B] [--dtype int8] [--threads 2] [--codec-threads 1] [--runs 6]

"in turns": the frames of a packet, then the packet, each on all `--threads`. "at once": the packet in a second thread
on `--codec-threads` of them, and the frames on the others. The cases take turns in one process. Prints a table and,
last, one JSON line: least and median milliseconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from qwen3tts_webui.model.cpu import jit
from qwen3tts_webui.model.decode_state import DecodeState
from qwen3tts_webui.model.decode_step import StepShape, run_decode_step
from qwen3tts_webui.model.sampling import SamplingBounds
from qwen3tts_webui.model.synthetic import synthetic_config, synthetic_model, synthetic_tokenizer

PACKET_SIZES = (1, 4)
STEP = StepShape(1, 256, SamplingBounds(max_top_k=50, uses_top_p=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["0.6B", "1.7B"], default="0.6B")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "int8", "int4"], default="int8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--codec-threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=6)
    args = parser.parse_args()
    jit._CALL_LOCK = contextlib.nullcontext()  # only OpenMP allows two calls at once; the engine needs none
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model = synthetic_model(synthetic_config(args.size), synthetic_tokenizer(["hello"]), device="cpu", dtype=args.dtype)
    state = DecodeState.empty(model.talker, slots=1, kv_length=STEP.kv_length, text_length=8)
    stream = model.codec.new_state(1)
    other = ThreadPoolExecutor(1)
    other.submit(torch.set_num_threads, args.codec_threads).result()

    def frames(count: int) -> None:
        for _ in range(count):
            state.positions[0], state.done[0] = 100, False
            run_decode_step(model.talker, state, STEP)

    def packet(size: int) -> None:
        model.codec.decode(torch.zeros(1, 16, size, dtype=torch.int64), stream, slice(0, 1))

    def in_turns(size: int) -> None:
        frames(size)
        packet(size)

    def at_once(size: int) -> None:
        decoding = other.submit(packet, size)
        frames(size)
        decoding.result()

    split = args.threads - args.codec_threads
    cases: dict[str, tuple[int, Callable[[int], object]]] = {
        "frames": (args.threads, frames),
        "packet": (args.threads, packet),
        "in turns": (args.threads, in_turns),
        f"frames, {split} threads": (split, frames),
        f"packet, {args.codec_threads} threads": (split, lambda size: other.submit(packet, size).result()),
        "at once": (split, at_once),
    }
    taken: dict[str, list[float]] = {}
    for run in range(args.runs + 1):  # the first one warms up
        for size in PACKET_SIZES:
            for name, (threads, work) in cases.items():
                torch.set_num_threads(threads)
                began = time.perf_counter()
                work(size)
                if run:
                    taken.setdefault(f"{name}, {size}", []).append((time.perf_counter() - began) * 1e3)
    results = {
        name: {"least": round(min(times), 1), "median": round(statistics.median(times), 1)}
        for name, times in taken.items()
    }
    for name, times in results.items():
        print(f"{name:24} {times['least']:8.1f} / {times['median']:.1f} ms")
    facts = {"size": args.size, "dtype": args.dtype, "threads": args.threads, "codec_threads": args.codec_threads}
    machine = {"device": platform.machine(), "torch": torch.__version__, "date": date.today().isoformat()}
    load = {"load": round(os.getloadavg()[0], 1)}
    print(json.dumps({"benchmark": "codec_overlap", **facts, "milliseconds": results, **machine, **load}))


if __name__ == "__main__":
    main()
