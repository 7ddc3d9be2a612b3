"""Measure the engine: latency, throughput, load, memory or cloning.

In: the measurement, and a checkpoint or random weights of a released size. Out: a table and one JSON line.
"""

from __future__ import annotations

import argparse
import importlib
import logging
from pathlib import Path

from qwen3tts_webui.cli.arguments import add_device_arguments, add_packet_size_argument, count

MEASUREMENTS = ("latency", "throughput", "load", "memory", "cloning")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `bench`."""
    parser.add_argument("what", choices=MEASUREMENTS)
    subject = parser.add_mutually_exclusive_group(required=True)
    subject.add_argument("--model", default=None, metavar="DIR", help="the folder of a Qwen3-TTS checkpoint")
    subject.add_argument(
        "--synthetic", default=None, choices=["1.7B", "0.6B"], help="random weights of that size, created in memory"
    )
    add_device_arguments(parser, default="auto")
    parser.add_argument("--dtypes", default="", metavar="A,B,...", help="memory: switch through these dtypes")
    parser.add_argument("--slots", type=count, default=0, metavar="N", help="parallel utterances; 0: as many as fit")
    parser.add_argument("--frames", type=count, default=50, metavar="N", help="length of each, in frames of 80 ms")
    parser.add_argument("--runs", type=count, default=5, metavar="N", help="number of runs; not for load and memory")
    add_packet_size_argument(parser, "latency: a fixed packet size", type=count, default=None)
    parser.add_argument("--rates", default="1", metavar="A,B,...", help="load: requests per second, one run each")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="load: length of a run")
    parser.add_argument("--warm-up", type=float, default=5.0, metavar="S", help="load: warm-up before each run")
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="load: runs at each rate")
    parser.add_argument("--output", type=Path, default=None, metavar="FILE", help="also write the JSON line here")


def run(args: argparse.Namespace) -> int:
    """Measure and report."""
    logging.basicConfig(level="WARNING", format="%(levelname)s %(name)s: %(message)s")
    importlib.import_module(f"qwen3tts_webui.bench.{args.what}").run(args)
    return 0
