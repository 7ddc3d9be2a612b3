"""Measure the engine: latency, throughput, load or memory.

In: what to measure, on a checkpoint or on random weights of a released size. Out: a table and one JSON line.
"""

from __future__ import annotations

import argparse
import importlib
import logging
from pathlib import Path

MEASUREMENTS = ("latency", "throughput", "load", "memory")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `bench`."""
    parser.add_argument("what", choices=MEASUREMENTS)
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("--model", default=None, metavar="DIR", help="the folder of a Qwen3-TTS checkpoint")
    subject.add_argument(
        "--synthetic", default=None, choices=["1.7B", "0.6B"], help="random weights of that size, made in memory"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--dtype", default="auto", help="auto, float32, bfloat16, float16, int8, int4")
    parser.add_argument("--dtypes", default="", metavar="A,B,...", help="memory: go through these types")
    parser.add_argument("--slots", type=_count, default=0, metavar="N", help="utterances at once; 0: as many as fit")
    parser.add_argument("--frames", type=_count, default=50, metavar="N", help="length of each, in frames of 80 ms")
    parser.add_argument("--runs", type=_count, default=5, metavar="N", help="how often (latency, throughput)")
    parser.add_argument("--packet-frames", type=_count, default=None, metavar="N", help="latency: a fixed packet size")
    parser.add_argument("--rates", default="1", metavar="A,B,...", help="load: requests a second, one run each")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="load: length of a run")
    parser.add_argument("--warm-up", type=float, default=5.0, metavar="S", help="load: before each run")
    parser.add_argument("--seeds", type=_count, default=1, metavar="N", help="load: runs at each rate")
    parser.add_argument("--output", type=Path, default=None, metavar="FILE", help="keep the JSON line here, too")


def run(args: argparse.Namespace) -> int:
    """Measure and tell."""
    logging.basicConfig(level="WARNING", format="%(levelname)s %(name)s: %(message)s")
    importlib.import_module(f"..bench.{args.what}", __package__).run(args)
    return 0


def _count(text: str) -> int:
    """An argparse type: a whole number."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(text)
