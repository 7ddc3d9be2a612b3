"""The steps of `gpu_check.py` that drive a runner without an engine: parity, step times and the profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gpu_shared import FRAMES, Options, repeated_ms, runs_of

from qwen3tts_webui.bench.engine_under_test import make_utterances
from qwen3tts_webui.bench.report import percentiles
from qwen3tts_webui.engine import KV_LENGTH, CudaGraphRunner, GraphShape, ModelRunner, SlotAssignment
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.model.sampling import SamplingBounds


def parity(options: Options) -> dict[str, object]:
    """Compare graphs with their eager twin, and a full batch with a single utterance (the first differing frame)."""
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
    kept = (
        talker.model.steps,
        talker.code_predictor.model.steps,
        talker.fused_sampler,
        talker.model.prompts,
        talker.fused_frames,
    )
    restore_kernels(model, (None,) * len(kept))
    return kept


def restore_kernels(model: Qwen3TTS, kept: tuple[Any, ...]) -> None:
    talker, predictor = model.talker, model.talker.code_predictor
    talker.model.steps, predictor.model.steps, talker.fused_sampler, talker.model.prompts, talker.fused_frames = kept


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
    """Measure device and wall time of frames at several lengths, of prompts and packets, for 1, 16 and 64 streams."""
    runner = options.runner()
    bounds = SamplingBounds(max_top_k=64, uses_top_p=False)
    found: dict[str, object] = {"frame": {}, "prompt": {}, "packet": {}, "overlap": {}}
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
        found["overlap"] |= {str(batch): overlapped(runner, batch, bounds, runs)}
        for slot in range(batch):
            runner.release(slot)
    for batch, rows in ((1, 32), (1, 64), (1, 96), (1, 256), (4, 64), (16, 64)):
        if batch <= runner.slots:
            values = runner._prompt_inputs([], size=batch, length=rows, spare=runner.slots)
            found["prompt"] |= {f"{batch} x {rows}": timed(runner, GraphShape("prompt", batch, rows), values, runs)}
    return found


def timed(runner: CudaGraphRunner, shape: GraphShape, values: Sequence[Any], runs: int) -> dict[str, float | None]:
    """Return medians in milliseconds: by the device's clock, and including the transfers."""
    found = runner._find(shape.kind, shape.batch, shape.length, SamplingBounds(max_top_k=64, uses_top_p=False))
    if found is None:
        return {}
    device: list[float] = []

    def replay() -> None:
        if shape.kind == "packet":
            runner._on_codec_stream(lambda: runner._start(found[1], values, runner._packets)())
        else:
            runner._start(found[1], values, runner._rows)()
        device.append(1e3 * (runner.device_s or 0.0))

    wall = repeated_ms(replay, runs)
    return {"device_ms": percentiles(device, 3)["p50"], "wall_ms": wall["p50"]}


def overlapped(runner: CudaGraphRunner, batch: int, bounds: SamplingBounds, runs: int) -> dict[str, float]:
    """Return wall milliseconds of a step and a packet of one frame, in turns and at the same time."""
    codes = np.zeros((batch, 1, 16), np.int64)

    def in_turns() -> None:
        runner.step(batch, 100, bounds)
        runner.decode(range(batch), codes)

    def at_once() -> None:
        wait = runner.start_step(batch, 100, bounds)
        runner.decode(range(batch), codes)
        wait()

    found: dict[str, float] = {}
    for name, work in (("in_turns_ms", in_turns), ("at_once_ms", at_once)):
        runner.state.positions[:batch] = 100
        found[name] = repeated_ms(work, runs)["p50"]
    return found


def profile(options: Options) -> dict[str, object]:
    """Profile the kernels of five frames of one stream, and of five packets."""
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
