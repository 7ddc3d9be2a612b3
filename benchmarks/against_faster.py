"""faster-qwen3-tts and ours on one GPU, with the same random weights of full size, in turns.

    python benchmarks/against_faster.py [--size 1.7B|0.6B] [--runs 5]

Needs CUDA and the packages faster-qwen3-tts and qwen-tts-hf (`scripts/gpu-wheels` carries them). Both make packets of 8
frames and of 1; "first_pcm_ms" is the time until the caller has the first packet, "frames_per_second" counts whole
utterances with the audio. Medians; the last line is JSON.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import json
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

from against_official import TINY, make_checkpoint

from qwen3tts_webui.bench.engine_under_test import PacketRecorder, time_until_ready
from qwen3tts_webui.engine import start_engine
from qwen3tts_webui.types import Utterance, Voice

TEXT = "Good evening and welcome back. Tonight we talk about the weather and about what it does to people."
FRAMES = 48
Speak = Callable[[int], Iterator[int]]
"""Frames per packet -> the samples of each packet, as it arrives"""


def compare(device: str, size: str, runs: int, frames: int = FRAMES) -> dict[str, Any]:
    """Measure both sides with packets of 8 frames and of 1; only ours without CUDA."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as scratch:
        folder = TINY
        if size != "tiny":
            folder = Path(scratch) / "model"
            make_checkpoint(folder, size, device)
        sides: dict[str, Speak] = {}
        found: dict[str, Any] = {"size": size, "frames": frames}
        if device != "cpu":
            sides["faster-qwen3-tts"] = their_side(folder, device, frames)
        engine = start_engine(folder, device=device, dtype="bfloat16" if device != "cpu" else "float32", slots=1)
        with closing(engine):
            time_until_ready(engine)
            sides["ours"] = our_side(engine, frames)
            for packet in (8, 1):
                found[f"packets_of_{packet}"] = measure(sides, packet, runs)
    return found


def measure(sides: dict[str, Speak], packet: int, runs: int) -> dict[str, Any]:
    for speak in sides.values():
        list(speak(packet))  # warm-up
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, speak in sides.items():
            figures[name].append(one_run(speak(packet)))
    return {
        name: {
            "first_pcm_ms": round(statistics.median(first for first, _ in values), 2),
            "frames_per_second": round(statistics.median(speed for _, speed in values), 1),
        }
        for name, values in figures.items()
    }


def one_run(packets: Iterator[int]) -> tuple[float, float]:
    began = time.perf_counter()
    samples = next(packets)
    first = time.perf_counter() - began
    samples += sum(packets)
    return 1e3 * first, samples / 1920 / (time.perf_counter() - began)


def our_side(engine: Any, frames: int) -> Speak:
    def speak(packet: int) -> Iterator[int]:
        recorder = Packets()
        voice = Voice(speaker="ryan")
        job = Utterance(text=TEXT, language="en", voice=voice, seed=1, max_frames=frames, frames_per_packet=packet)
        engine.submit([(job, recorder)])
        return recorder.packets()

    return speak


class Packets(PacketRecorder):
    """A sink that yields each packet as it arrives."""

    def packets(self) -> Iterator[int]:
        count = 0
        while True:
            ended = self.ended.is_set()
            while count < len(self.arrivals):
                yield self.arrivals[count][1]
                count += 1
            if ended:
                self.wait()
                return
            time.sleep(0.0001)


def their_side(folder: Path, device: str, frames: int) -> Speak:
    stub_what_is_not_used()
    import torch
    from faster_qwen3_tts import FasterQwen3TTS
    from transformers import MimiConfig

    if not hasattr(MimiConfig, "rope_theta"):  # transformers 5 moved it, but their package reads it
        MimiConfig.rope_theta = 10_000.0

    model = FasterQwen3TTS.from_pretrained(str(folder), device=device, dtype=torch.bfloat16)

    def speak(packet: int) -> Iterator[int]:
        request = {"text": TEXT, "speaker": "ryan", "language": "English"}
        for audio, _, _ in model.generate_custom_voice_streaming(**request, max_new_tokens=frames, chunk_size=packet):
            yield len(audio)

    return speak


def stub_what_is_not_used() -> None:
    """Their package imports libraries for cloning that this measurement never calls."""
    for name, members in {"sox": (), "librosa": (), "librosa.filters": ("mel",)}.items():
        try:
            __import__(name)
        except Exception:  # absent, or incompatible with the installed numpy
            module = types.ModuleType(name)
            module.__spec__ = importlib.machinery.ModuleSpec(name, None)
            for member in members:
                setattr(module, member, None)
            sys.modules[name] = module


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["1.7B", "0.6B"], default="1.7B")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    from qwen3tts_webui.bench.report import environment

    result = compare(options.device, options.size, options.runs)
    print(json.dumps({"benchmark": "against_faster", **result, **environment()}))


if __name__ == "__main__":
    main()
