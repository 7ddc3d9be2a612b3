"""The steps of `gpu_check.py`: each takes the options and returns the figures of its JSON line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from gpu_kernel_steps import kernels
from gpu_runner_steps import parity, profile, steps
from gpu_shared import ROOT, Options, engine_flags, frames_of, repeated_ms, runs_of

from qwen3tts_webui.bench.engine_under_test import (
    PacketRecorder,
    count_underruns,
    make_utterances,
    open_engine,
    synthesize,
)
from qwen3tts_webui.bench.report import percentiles
from qwen3tts_webui.engine import CudaGraphRunner, Engine
from qwen3tts_webui.types import SAMPLE_RATE, Pcm


def versions(options: Options) -> dict[str, object]:
    """Report the device, its copy rate, and the C compiler and Python.h that Triton needs."""
    found: dict[str, object] = {
        "torch": torch.__version__,
        "c_compiler": shutil.which("gcc") or shutil.which("clang"),
        "python_h": (Path(sysconfig.get_paths()["include"]) / "Python.h").exists(),
    }
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader"]
        found["nvidia_smi"] = subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip()
    if options.device != "cpu":
        source = torch.randn(1 << 30, device=options.device)
        target = torch.empty_like(source)

        def copy() -> None:
            target.copy_(source)
            torch.cuda.synchronize()

        milliseconds = repeated_ms(copy, 10)["p50"]
        found["copy_tb_s"] = round(2 * source.nbytes / milliseconds / 1e9, 2)
    return found


def start(options: Options) -> dict[str, object]:
    """Measure the start until ready, then the latencies of single streams."""
    target = options.target()
    runner = target.engine._loader.runner
    assert runner is not None
    found = dict(target.facts)
    found["memory_gib"] = round((target.engine.memory_bytes or 0) / 2**30, 2)
    if isinstance(runner, CudaGraphRunner):
        found |= {"graphs": runner.num_graphs, "fused": runner.model.talker.model.steps is not None}
    if options.device != "cpu":
        found["reserved_gib"] = round(torch.cuda.memory_reserved() / 2**30, 2)
    for packets, name in ((None, "latency"), (1, "latency_packets_of_1"), (8, "latency_packets_of_8")):
        found[name] = latencies(target.engine, options, 30, packets)
    return found


def latencies(engine: Engine, options: Options, runs: int, packet_frames: int | None) -> dict[str, object]:
    """Return milliseconds of first PCM, its parts by the device's clock, and a frame with its share of a packet."""
    frames = frames_of(options)
    synthesize(engine, make_utterances(1, frames=frames, frames_per_packet=packet_frames))
    jobs = make_utterances(runs_of(options, runs), frames=frames, frames_per_packet=packet_frames)
    recorders = [synthesize(engine, [job])[0] for job in jobs]
    timings = [recorder.wait() for recorder in recorders]
    speed = [t.frames_per_second for t in timings if t.frames_per_second]
    return {
        "first_pcm_ms": percentiles([1e3 * recorder.arrivals[0][0] for recorder in recorders], 2),
        "prefill_ms": percentiles([t.prefill_ms for t in timings if t.prefill_ms is not None], 2),
        "codec_ms": percentiles([t.codec_ms for t in timings if t.codec_ms is not None], 2),
        "frame_ms": percentiles([1e3 / one for one in speed], 3),
        "frames_per_second": percentiles(speed, 1),
        "underruns": sum(count_underruns(recorder.arrivals)[0] for recorder in recorders),
    }


def tests(options: Options) -> dict[str, object]:
    """Run the tests that need a GPU, and those that a GPU may break."""
    files = [
        "tests/engine/test_cuda_graph_runner.py",
        "tests/engine/test_host_transfer.py",
        "tests/model/cuda/test_fused_stack.py",
        "tests/model/cuda/test_gemv_stack.py",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
    command += [f"--junitxml={options.out / 'junit.xml'}", "--timeout=100"]
    if options.tiny:
        command.append(f"{files[1]}::test_a_result_does_not_change_with_later_ones")
    else:
        command += ["-m", "gpu or not slow", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    print(done.stdout[-4000:], done.stderr[-1000:])
    return {"exit": done.returncode, "summary": done.stdout.strip().splitlines()[-1:]}


def throughput(options: Options) -> dict[str, object]:
    """Measure frames per second of 1 to 64 utterances that start together."""
    rows = []
    frames = frames_of(options, 50)
    engine = options.target().engine
    batch = 1
    while batch <= engine.info.slots:
        jobs = make_utterances(batch, frames=frames)
        best = min(seconds(lambda jobs=jobs: synthesize(engine, jobs)) for _ in range(2))  # type: ignore[misc]
        speed = batch * frames / best
        gain = speed / float(rows[0]["frames_per_second"]) if rows else 1.0
        rows.append({"batch": batch, "frames_per_second": round(speed, 1), "gain": round(gain, 2)})
        batch *= 2
    return {"frames": frames, "batches": rows}


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@dataclass(eq=False, slots=True)
class Player(PacketRecorder):
    """A listener that plays in real time, and exerts backpressure while it has two seconds of audio."""

    on_capacity: Callable[[], None] = field(default=lambda: None)

    def watch(self, on_capacity: Callable[[], None]) -> None:
        self.on_capacity = on_capacity

    def put(self, pcm: Pcm) -> None:
        PacketRecorder.put(self, pcm)
        self.is_backpressured = self._ahead_s() > 2.0
        if self.is_backpressured:
            timer = threading.Timer(1.0, self._play)
            timer.daemon = True
            timer.start()

    def _play(self) -> None:
        self.is_backpressured = False
        self.on_capacity()

    def _ahead_s(self) -> float:
        made = sum(samples for _, samples in self.arrivals) / SAMPLE_RATE
        return made - (time.perf_counter() - self.started_at - self.arrivals[0][0])


def streams(options: Options) -> dict[str, object]:
    """Measure 50 streams played in real time: all started at once, and one every 60 ms."""
    count, frames = 4 if options.tiny else 50, frames_of(options, 75)
    found: dict[str, object] = {"streams": count, "frames": frames}
    engine = options.target().engine
    synthesize(engine, make_utterances(1, frames=5))
    for name, pause_s in (("burst", 0.0), ("staggered", 0.06)):
        jobs = make_utterances(count, frames=frames)
        players = []
        if not pause_s:
            players = [Player() for _ in jobs]
            engine.submit(list(zip(jobs, players, strict=True)))
        for job in jobs if pause_s else ():
            players.append(Player())
            engine.submit([(job, players[-1])])
            time.sleep(pause_s)
        for player in players:
            player.wait()
        dry = [count_underruns(player.arrivals) for player in players]
        found[name] = {
            "first_pcm_ms": percentiles([1e3 * player.arrivals[0][0] for player in players], 1),
            "underruns": sum(number for number, _ in dry),
            "silence_s": round(sum(silence for _, silence in dry), 3),
        }
    return found


def load(options: Options) -> dict[str, object]:
    """Poisson arrivals over HTTP; the client is another process."""
    from qwen3tts_webui.bench.load import run_server  # only here: it needs the packages of the server

    rates, length = ("5", 1.0) if options.tiny else ("1,10", 12.0)
    frames = frames_of(options, 38)
    with run_server(options.target().engine) as (host, port):
        command = [sys.executable, "-m", "benchmarks.gpu_load_client", host, port, rates, length, frames]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=75, cwd=ROOT)
    print(done.stderr[-2000:])
    done.check_returncode()
    rows = json.loads(done.stdout.strip().splitlines()[-1])
    (options.out / "load.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return {"rates": rows}


def memory(options: Options) -> dict[str, object]:
    """Measure the memory of the engine in each dtype with the same slots, and of the process on the device."""
    kinds = ("float32",) if options.device == "cpu" else ("bfloat16", "float16", "float32")
    rows = []
    with open_engine(engine_flags(options, slots=4 if options.tiny else 16)) as target:
        for kind in kinds:
            if target.engine.info.dtype != kind:
                target.engine.switch(kind).result()
            synthesize(target.engine, make_utterances(1, frames=frames_of(options, 10)))
            row: dict[str, object] = {"dtype": target.engine.info.dtype}
            row["held_gib"] = round((target.engine.memory_bytes or 0) / 2**30, 3)
            if options.device != "cpu":
                free, total = torch.cuda.mem_get_info()
                row["used_gib"] = round((total - free) / 2**30, 3)
            row["latency"] = latencies(target.engine, options, 5, None)
            rows.append(row)
    return {"types": rows}


def faster(options: Options) -> dict[str, object]:
    """Compare with faster-qwen3-tts on the same weights, in packets of 8 frames and of 1."""
    import against_faster

    return against_faster.compare(
        options.device, "tiny" if options.tiny else options.size, runs_of(options, 5), frames_of(options, 48)
    )


STEPS: dict[str, Callable[[Options], dict[str, object]]] = {
    "versions": versions,
    "start": start,
    "tests": tests,
    "parity": parity,
    "steps": steps,
    "throughput": throughput,
    "streams": streams,
    "load": load,
    "memory": memory,
    "faster": faster,
    "profile": profile,
    "kernels": kernels,
}
