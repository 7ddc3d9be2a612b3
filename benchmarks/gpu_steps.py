"""The steps of `gpu_check.py`: each takes the options and returns the figures of its JSON line."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qwen3tts_webui.bench.engine_under_test import (
    EngineUnderTest,
    PacketRecorder,
    benchmark_tokenizer,
    count_underruns,
    make_utterances,
    open_engine,
    synthesize,
)
from qwen3tts_webui.bench.report import percentiles
from qwen3tts_webui.engine import (
    KV_LENGTH,
    CudaCapture,
    CudaGraphRunner,
    CudaTimer,
    Engine,
    GraphShape,
    ModelRunner,
    SlotAssignment,
    configure_cuda,
)
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.model.sampling import SamplingBounds
from qwen3tts_webui.model.synthetic import disable_eos, synthetic_config, synthetic_model
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

Options = Any  # the flags of gpu_check, or a `Shared`
ROOT = Path(__file__).resolve().parent.parent
FRAMES = 25


# what is measured


def engine_flags(options: Options, **changes: Any) -> argparse.Namespace:
    """As the flags of `qwen3tts-webui bench`."""
    size = "tiny" if options.tiny else options.size
    dtype = "bfloat16" if options.device != "cpu" else "float32"
    flags = {"synthetic": size, "model": None, "device": options.device, "dtype": dtype}
    return argparse.Namespace(**flags | {"slots": 4 if options.tiny else 64} | changes)


class Shared(contextlib.ExitStack):
    """The options, and what the steps of one process use in turn."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.__dict__.update(vars(options))
        self._target: EngineUnderTest | None = None
        self._runner: CudaGraphRunner | None = None

    def target(self) -> EngineUnderTest:
        """A ready engine."""
        if self._target is None:
            self._target = self.enter_context(open_engine(engine_flags(self)))
        return self._target

    def runner(self) -> CudaGraphRunner:
        """A runner without an engine, with all its graphs."""
        if self._runner is None:
            set_up(self)
            self._runner = make_runner(self, make_model(self), 4 if self.tiny else 64)
        return self._runner


def make_model(options: Options, dtype: str = "bfloat16") -> Qwen3TTS:
    spec = synthetic_config("tiny" if options.tiny else options.size)
    dtype = dtype if options.device != "cpu" else "float32"
    return disable_eos(synthetic_model(spec, benchmark_tokenizer(), device=options.device, dtype=dtype))


def make_runner(options: Options, model: Qwen3TTS, slots: int) -> CudaGraphRunner:
    """With all its graphs; on a CPU a graph is the work itself."""
    if options.device == "cpu":
        runner = CudaGraphRunner(model, slots=slots, kv_length=KV_LENGTH, capture=lambda work: work)
    else:
        capture = CudaCapture(model.device)
        runner = CudaGraphRunner(model, slots=slots, kv_length=KV_LENGTH, capture=capture, timer=CudaTimer())
    runner.prepare()
    return runner


def set_up(options: Options) -> None:
    if options.device != "cpu":
        configure_cuda(torch.device(options.device if ":" in options.device else "cuda:0"))


def repeated_ms(work: Callable[[], object], runs: int) -> dict[str, float]:
    """Wall time of `work`, which waits for its result, in milliseconds."""
    work()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - began))
    return percentiles(times, 3)


def runs_of(options: Options, number: int) -> int:
    return 2 if options.tiny else number


# the steps


def versions(options: Options) -> dict[str, object]:
    """What is there: the device, its copy rate, a C compiler and Python.h for Triton."""
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
    """From nothing to ready, then latencies of one listener after the other."""
    target = options.target()
    runner = target.engine._runner
    assert runner is not None
    found = dict(target.facts)
    found["memory_gib"] = round((target.engine.memory_bytes or 0) / 2**30, 2)
    if isinstance(runner, CudaGraphRunner):
        found |= {"graphs": runner.num_graphs, "fused": runner.model.talker.model.steps is not None}
    if options.device != "cpu":
        found["reserved_gib"] = round(torch.cuda.memory_reserved() / 2**30, 2)
    for packets, name in ((None, "latency"), (1, "latency_packets_of_1"), (8, "latency_packets_of_8")):
        found[name] = latencies(target.engine, runs_of(options, 30), packets)
    return found


def latencies(engine: Engine, runs: int, packet_frames: int | None) -> dict[str, object]:
    """Milliseconds of first PCM, of its parts by the device's clock, and of a frame with its share of packets."""
    synthesize(engine, make_utterances(1, frames=FRAMES, frames_per_packet=packet_frames))
    jobs = make_utterances(runs, frames=FRAMES, frames_per_packet=packet_frames)
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
    """The tests that need a GPU, and those that a GPU may break."""
    files = [
        "tests/engine/test_cuda_graph_runner.py",
        "tests/engine/test_host_transfer.py",
        "tests/model/cuda/test_fused_stack.py",
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
    command += [f"--junitxml={options.out / 'junit.xml'}", "--timeout=100"]
    if options.tiny:
        command += ["-k", "three_are_padded or a_step_equals", *files[:1]]
    else:
        command += ["-m", "gpu or not slow", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    print(done.stdout[-4000:], done.stderr[-1000:])
    return {"exit": done.returncode, "summary": done.stdout.strip().splitlines()[-1:]}


def parity(options: Options) -> dict[str, object]:
    """Whether graphs say what their eager twin says, and from which frame on a full batch differs from one alone."""
    runner = options.runner()
    model = runner.model
    frames = 4 if options.tiny else 25
    twin = ModelRunner(model, slots=1, kv_length=KV_LENGTH)
    found: dict[str, object] = {"fused": model.talker.model.steps is not None}
    alone = run_codes(runner, 1, frames)
    eager = run_codes(twin, 1, frames)
    found["graph_equals_eager"] = bool((alone == eager).all())
    found["first_differing_frame"] = {}
    for batch in [size for size in (2, 4, 8, 16, 32, 64) if size <= runner.slots]:
        differs = (run_codes(runner, batch, frames)[:, 0] != alone[:, 0]).any(axis=1)
        found["first_differing_frame"] |= {str(batch): int(differs.argmax()) if differs.any() else None}
    if model.talker.model.steps is not None and options.device != "cpu":
        kept = disable_kernels(model)
        layers = run_codes(ModelRunner(model, slots=1, kv_length=KV_LENGTH), 1, frames)
        restore_kernels(model, kept)
        differs = (layers[:, 0] != alone[:, 0]).any(axis=1)
        found["layers_differ_from_frame"] = int(differs.argmax()) if differs.any() else None
    return found


def disable_kernels(model: Qwen3TTS) -> tuple[Any, ...]:
    talker = model.talker
    kept = talker.model.steps, talker.code_predictor.model.steps, talker.fused_sampler, talker.model.prompts
    talker.model.steps = talker.code_predictor.model.steps = talker.fused_sampler = talker.model.prompts = None
    return kept


def restore_kernels(model: Qwen3TTS, kept: tuple[Any, ...]) -> None:
    talker = model.talker
    talker.model.steps, talker.code_predictor.model.steps, talker.fused_sampler, talker.model.prompts = kept


def run_codes(runner: ModelRunner, batch: int, frames: int) -> np.ndarray[Any, Any]:
    """Codes (frames, batch, 16) of utterances with the seeds 0, 1, ..."""
    bounds = SamplingBounds.of([make_utterances(1, frames=1)[0].sampling], runner.model.config.talker.vocab_size)
    longest = len(assignments(runner, 1)[0].prompt.text)
    rows = [prefill_all(runner, batch, bounds)]
    rows += [runner.step(batch, longest + count + 1, bounds) for count in range(frames - 1)]
    for slot in range(batch):
        runner.release(slot)
    return np.stack(rows)[:, :, :16]


def assignments(runner: ModelRunner, batch: int) -> list[SlotAssignment]:
    model = runner.model
    jobs = make_utterances(batch, frames=FRAMES)
    prompts = [model.prompts.build(job, model.encode_prompt(job)[0], streaming=False) for job in jobs]
    return [
        SlotAssignment(slot, prompt, job.sampling, job.seed)
        for slot, (prompt, job) in enumerate(zip(prompts, jobs, strict=True))
    ]


def prefill_all(runner: ModelRunner, batch: int, bounds: SamplingBounds) -> np.ndarray[Any, Any]:
    group = assignments(runner, batch)
    return np.concatenate([runner.prefill(group[at : at + 32], bounds) for at in range(0, batch, 32)])


def steps(options: Options) -> dict[str, object]:
    """Device and wall time of a frame at several lengths, of prompts and of packets, for 1, 16 and 64 listeners."""
    runner = options.runner()
    bounds = SamplingBounds(max_top_k=64, uses_top_p=False)
    found: dict[str, object] = {"frame": {}, "prompt": {}, "packet": {}}
    batches = (1, 4) if options.tiny else (1, 4, 16, 64)
    runs = runs_of(options, 30)
    for batch in batches:
        prefill_all(runner, batch, bounds)
        for length in (100, 500, 1000, 2000):
            runner.state.positions[:batch] = length
            found["frame"] |= {f"{batch} x {length} rows": timed(runner, GraphShape("step", batch, 0), (), runs)}
        for size in (1, 2, 4, 8):
            codes = np.zeros((batch, 16, size), np.int64)
            values = (np.arange(batch), codes)
            found["packet"] |= {f"{batch} x {size}": timed(runner, GraphShape("packet", batch, size), values, runs)}
        for slot in range(batch):
            runner.release(slot)
    for batch, rows in ((1, 32), (1, 64), (1, 96), (1, 256), (4, 64), (16, 64)):
        if batch <= runner.slots:
            values = runner._prompt_inputs([], size=batch, length=rows, spare=runner.slots)
            found["prompt"] |= {f"{batch} x {rows}": timed(runner, GraphShape("prompt", batch, rows), values, runs)}
    return found


def timed(runner: CudaGraphRunner, shape: GraphShape, values: Sequence[Any], runs: int) -> dict[str, float | None]:
    """Medians in milliseconds: by the device's clock, and with the copies there and back."""
    found = runner._find(shape.kind, shape.batch, shape.length, SamplingBounds(max_top_k=64, uses_top_p=False))
    if found is None:
        return {}
    device: list[float] = []

    def replay() -> None:
        runner._replay(found[1], values)
        device.append(1e3 * (runner.device_s or 0.0))

    wall = repeated_ms(replay, runs)
    return {"device_ms": percentiles(device, 3)["p50"], "wall_ms": wall["p50"]}


def throughput(options: Options) -> dict[str, object]:
    """Frames a second of 1 to 64 utterances that begin together."""
    rows = []
    frames = 10 if options.tiny else 50
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
    """50 listeners who play in real time: all in one moment, and one every 60 ms."""
    count, frames = (4, 10) if options.tiny else (50, 75)
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

    rates, length = ("5", 2.0) if options.tiny else ("1,10", 12.0)
    frames = 5 if options.tiny else 38
    with run_server(options.target().engine) as (host, port):
        command = [sys.executable, "-m", "benchmarks.gpu_steps", host, port, rates, length, frames]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=75, cwd=ROOT)
    print(done.stderr[-2000:])
    done.check_returncode()
    rows = json.loads(done.stdout.strip().splitlines()[-1])
    (options.out / "load.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return {"rates": rows}


def load_client(host: str, port: str, rates: str, length: str, frames: str) -> None:
    """The other process: send requests at each of the rates, and print the results."""
    import asyncio

    from qwen3tts_webui.bench.load import send_requests, summarize

    rows = []
    for rate in (float(rate) for rate in rates.split(",")):
        speech_s = int(frames) * 0.08
        asyncio.run(send_requests((host, int(port)), rate, 1.5, seconds=speech_s, seed=1_000))
        began = time.monotonic()
        records = asyncio.run(send_requests((host, int(port)), rate, float(length), seconds=speech_s, seed=0))
        rows.append(summarize(rate, 0, records, time.monotonic() - began))
    print(json.dumps(rows))


def memory(options: Options) -> dict[str, object]:
    """What the engine holds in each type with the same slots, and the process on the device."""
    kinds = ("float32",) if options.device == "cpu" else ("bfloat16", "float16", "float32")
    rows = []
    with open_engine(engine_flags(options, slots=4 if options.tiny else 16)) as target:
        for kind in kinds:
            if target.engine.info.dtype != kind:
                target.engine.switch(kind).result()
            synthesize(target.engine, make_utterances(1, frames=10))
            row: dict[str, object] = {"dtype": target.engine.info.dtype}
            row["held_gib"] = round((target.engine.memory_bytes or 0) / 2**30, 3)
            if options.device != "cpu":
                free, total = torch.cuda.mem_get_info()
                row["used_gib"] = round((total - free) / 2**30, 3)
            row["latency"] = latencies(target.engine, runs_of(options, 5), None)
            rows.append(row)
    return {"types": rows}


def faster(options: Options) -> dict[str, object]:
    """faster-qwen3-tts and ours on the same weights, in packets of 8 frames and of 1."""
    import against_faster

    return against_faster.compare(options.device, "tiny" if options.tiny else options.size, runs_of(options, 5))


def profile(options: Options) -> dict[str, object]:
    """The kernels of five frames of one listener, and of five packets."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    runner = options.runner()
    runs = runs_of(options, 5)
    bounds = SamplingBounds(max_top_k=64, uses_top_p=False)
    prefill_all(runner, 1, bounds)
    activity = ProfilerActivity.CPU if options.device == "cpu" else ProfilerActivity.CUDA
    found: dict[str, object] = {}
    works: dict[str, Callable[[], object]] = {
        "frame": lambda: runner.step(1, 100, bounds),
        "packet": lambda: runner.decode([0], np.zeros((1, 1, 16), np.int64)),
        "prompt": lambda: prefill_all(runner, 1, bounds),
    }
    with (options.out / "profile.txt").open("w", encoding="utf-8") as file:
        for name, work in works.items():
            with profiler(activities=[activity]) as seen:
                for _ in range(runs):
                    work()
            events = seen.key_averages()
            by = "self_cpu_time_total" if options.device == "cpu" else "self_device_time_total"
            file.write(f"== {name}\n{events.table(sort_by=by, row_limit=40, max_name_column_width=70)}\n")
            found[f"{name}_kernels"] = sum(event.count for event in events) // runs
            found[f"{name}_kernel_ms"] = round(sum(getattr(event, by) for event in events) / (1e3 * runs), 3)
    return found


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
}

if __name__ == "__main__":
    load_client(*sys.argv[1:])
