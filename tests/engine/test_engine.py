"""The engine with its thread: submit, wake, switch, overflow, close. test_core.py tests the steps one by one."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace

import pytest
import torch

from qwen3tts_webui.engine.model_runner import FrameRows, ModelRunner, SlotAssignment
from qwen3tts_webui.errors import (
    Busy,
    CheckpointError,
    EngineStopped,
    InsufficientMemory,
    InvalidValue,
    NotReady,
    NumericalError,
)
from qwen3tts_webui.hardware import DeviceChoice
from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.model.decode_state import SlotStatus
from qwen3tts_webui.model.sampling import SamplingBounds
from qwen3tts_webui.streams import PcmStream, TextQueue
from qwen3tts_webui.types import SAMPLE_RATE, Voice
from tests.support.engine import (
    CHECKPOINT,
    GREEDY,
    KV_LENGTH,
    LONG,
    PLAIN,
    RecordingSink,
    assert_matches_reference,
    load_runner,
    running_engine,
    submit,
)
from tests.support.wait import wait_until

ENDLESS = replace(LONG, seed=14, max_frames=400)  # ends after many frames, or never

LoadRunner = Callable[[DeviceChoice], ModelRunner]


@pytest.fixture(scope="module")
def shared(model: Qwen3TTS) -> LoadRunner:
    """Loads nothing, as the model is loaded already. For tests that do not switch the dtype."""
    return lambda choice: ModelRunner(model, slots=4, kv_length=KV_LENGTH)


class Gate:
    """Loading that waits until the test opens it."""

    def __init__(self, load: LoadRunner) -> None:
        self._load = load
        self.open = threading.Event()

    def __call__(self, choice: DeviceChoice) -> ModelRunner:
        assert self.open.wait(60)
        return self._load(choice)


def test_output_equals_the_reference(model: Qwen3TTS, shared: LoadRunner) -> None:
    utterances = [PLAIN, LONG, GREEDY, replace(LONG, seed=6), replace(LONG, seed=12), replace(PLAIN, seed=1)]
    with running_engine(model, shared) as running:
        sinks = submit(running, *utterances)
        for utterance, sink in zip(utterances, sinks, strict=True):
            assert_matches_reference(model, utterance, sink.wait())
        wait_until(lambda: running.load.running == running.load.queued == 0)


def test_info(model: Qwen3TTS, custom: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared) as running:
        info = running.info
    assert (info.name, info.preview, info.model, info.model_type) == ("qwen3-tts", False, "tiny", "voice_design")
    assert (info.device, info.dtype, info.slots) == ("cpu", "float32", 4)
    assert info.languages == ("zh", "en", "ja", "de", "fr", "ru")
    assert {"description", "continuation", "text_streaming", "seed", "precision"} <= info.features
    assert "speaker" not in info.features


def test_requests_while_loading_wait_and_include_the_warmup(model: Qwen3TTS, shared: LoadRunner) -> None:
    gate = Gate(shared)
    with running_engine(model, gate, wait=False) as running:
        (sink,) = submit(running, PLAIN)
        assert not running.ready and running.load.queued == 1 and running.info.slots == 0
        gate.open.set()
        assert_matches_reference(model, PLAIN, sink.wait())
        assert sink.result is not None and sink.result.timings.includes_warmup
        (later,) = submit(running, PLAIN)
        assert later.wait().result is not None and not later.result.timings.includes_warmup  # type: ignore[union-attr]


def test_a_full_queue_rejects_all_of_a_batch(model: Qwen3TTS, shared: LoadRunner) -> None:
    gate = Gate(shared)
    with running_engine(model, gate, wait=False, queue_size=3) as running:
        first = submit(running, PLAIN, GREEDY)
        with pytest.raises(Busy) as rejected:
            submit(running, PLAIN, GREEDY)
        assert rejected.value.params["waiting"] == 2
        assert 1 <= int(str(rejected.value.params["retry_after_s"])) <= 60
        assert running.load.queued == 2
        first[0].cancel()  # cancelled requests do not count
        submit(running, PLAIN, GREEDY)
        gate.open.set()


def test_an_invalid_request_is_rejected_at_once(model: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared) as running:
        with pytest.raises(Exception, match="speaker"):
            submit(running, PLAIN, replace(PLAIN, voice=Voice(speaker="ryan")))
        assert running.load.queued == 0


@pytest.mark.parametrize(
    "error",
    [
        CheckpointError(file="model.safetensors", key="talker.x", problem="the tensor is missing"),
        InsufficientMemory(needed_gib=9.0, free_gib=1.0, device="cpu", hint="Use another device."),
    ],
)
def test_a_loading_error_is_reported(model: Qwen3TTS, error: Exception) -> None:
    gate = Gate(lambda choice: (_ for _ in ()).throw(error))
    with running_engine(model, gate, wait=False) as running:
        (waiting,) = submit(running, PLAIN)
        gate.open.set()
        waiting.wait()
        with pytest.raises(NotReady) as rejected:
            submit(running, PLAIN)
        for error_of_request in (waiting.error, rejected.value):
            assert isinstance(error_of_request, NotReady)
            assert str(error).rstrip(".") in str(error_of_request)
        assert running.failure is error and not running.ready


# listeners


def test_a_slow_listener_does_not_delay_others(model: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared) as running:
        slow = PcmStream(capacity_s=0.1)
        running.submit([(LONG, slow)])
        wait_until(lambda: slow.is_backpressured)
        others = submit(running, LONG, GREEDY, replace(LONG, seed=6))
        for sink in others:
            sink.wait()
        assert not slow.ended
        made = slow.read(min_samples=1 << 30)
        assert made is not None and len(made) < 0.5 * SAMPLE_RATE
        assert len(made) + sum(map(len, slow)) == len(others[0].audio)  # reading wakes the engine


def test_cancelling_frees_the_slot(model: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared) as running:
        streams = [PcmStream() for _ in range(6)]
        running.submit([(ENDLESS, stream) for stream in streams])
        wait_until(lambda: running.load.running == 4)
        for stream in streams:
            stream.cancel()
        wait_until(lambda: running.load.running == 0 and running.load.queued == 0)
        assert all(stream.result is not None and stream.result.finish_reason == "cancelled" for stream in streams)


def test_text_from_another_thread_wakes_the_engine(model: Qwen3TTS, shared: LoadRunner) -> None:
    whole = replace(LONG, text_mode="streaming")
    with running_engine(model, shared) as running:
        text_stream = TextQueue()
        (sink,) = submit(running, replace(LONG, text="", text_stream=text_stream))
        for word in LONG.text.split(" "):
            assert text_stream.write(word if word == "Hello" else f" {word}")
        text_stream.close()
        assert_matches_reference(model, whole, sink.wait())


def test_submitting_and_cancelling_from_many_threads(model: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared, queue_size=200) as running:
        streams: list[PcmStream] = []

        def client(number: int) -> None:
            for number_of_request in range(4):
                stream = PcmStream()
                running.submit([(replace(PLAIN, seed=number, max_frames=2, client=str(number)), stream)])
                streams.append(stream)
                if (number + number_of_request) % 3 == 0:
                    stream.cancel()
                else:
                    assert sum(map(len, stream)) > 0

        threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        wait_until(lambda: running.load.running == running.load.queued == 0)
        assert len(streams) == 24 and all(stream.ended for stream in streams)


# changing the dtype


def test_half_precision_takes_less_memory_and_the_queue_is_kept(model: Qwen3TTS) -> None:
    with running_engine(model) as running:
        running_sinks = submit(running, *[replace(LONG, seed=seed) for seed in range(4)])
        wait_until(lambda: running.load.running == 4)
        future = running.switch("bfloat16")
        waiting = submit(running, GREEDY, PLAIN)
        switched = future.result(60)
        assert all(sink.ended.is_set() for sink in running_sinks)  # running utterances end first
        assert (switched.before, switched.after) == ("float32", "bfloat16")
        for sink in waiting:
            assert sink.wait().error is None
        wait_until(lambda: running.ready)
        assert running.info.dtype == "bfloat16"
        assert running.switch("float32").result(60).bytes_after == switched.bytes_before


def test_half_precision_halves_the_language_model(model: Qwen3TTS) -> None:
    """The released codec stays float32 and is a small part; in the tiny checkpoint it is a large one."""
    sizes = {}
    for dtype in ("float32", "bfloat16", "float16"):
        half = load_model(CHECKPOINT, device="cpu", dtype=dtype)
        runner = ModelRunner(half, slots=1, kv_length=KV_LENGTH)
        half.codec = torch.nn.Module()  # type: ignore[assignment]
        sizes[dtype] = runner.nbytes - runner.codec_state.nbytes
    assert sizes["bfloat16"] < 0.6 * sizes["float32"]
    assert sizes["float16"] < 0.6 * sizes["float32"]


def test_a_dtype_that_cannot_be_loaded_changes_nothing(model: Qwen3TTS) -> None:
    def load(choice: DeviceChoice) -> ModelRunner:
        if choice.dtype == "bfloat16":
            raise InsufficientMemory(needed_gib=9.0, free_gib=1.0, device="cpu", hint="Use another device.")
        return load_runner(choice)

    with running_engine(model, load) as running:
        future = running.switch("bfloat16")
        (waiting,) = submit(running, LONG)
        assert isinstance(future.exception(60), InsufficientMemory)
        assert_matches_reference(model, LONG, waiting.wait())
        assert running.info.dtype == "float32"


def test_a_device_that_fails_in_a_change_fails_all_requests(model: Qwen3TTS) -> None:
    loaded: list[str] = []

    def load(choice: DeviceChoice) -> ModelRunner:
        loaded.append(choice.dtype)
        if len(loaded) > 1:
            raise CheckpointError(file="model.safetensors", key="", problem="the file cannot be read")
        return load_runner(choice)

    with running_engine(model, load) as running:
        running_sinks = submit(running, ENDLESS)
        future = running.switch("bfloat16")
        waiting = submit(running, PLAIN)
        running_sinks[0].cancel()
        assert isinstance(future.exception(60), NotReady)
        assert isinstance(waiting[0].wait().error, NotReady)
        assert loaded == ["float32", "bfloat16", "float32"]


def test_a_change_can_be_withdrawn_and_excludes_another(model: Qwen3TTS) -> None:
    with running_engine(model) as running:
        (sink,) = submit(running, ENDLESS)
        wait_until(lambda: bool(sink.packets))
        future = running.switch("bfloat16")
        with pytest.raises(NotReady):
            running.switch("float16")
        assert future.cancel()
        sink.cancel()
        (sink,) = submit(running, PLAIN)
        assert_matches_reference(model, PLAIN, sink.wait())
        assert running.info.dtype == "float32"
        with pytest.raises(CancelledError):
            future.result(0)


def test_an_unknown_dtype_is_rejected(model: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared) as running, pytest.raises(InvalidValue, match="float16"):
        running.switch("fp8")  # type: ignore[arg-type]


# memory of an idle model


def test_an_idle_model_is_unloaded_and_loaded_again_for_the_next_request(model: Qwen3TTS) -> None:
    gate = Gate(load_runner)
    gate.open.set()
    with running_engine(model, gate, idle_unload_s=0.2) as running:
        (sink,) = submit(running, PLAIN)
        wait_until(lambda: running.load_state.state == "unloaded")
        assert_matches_reference(model, PLAIN, sink.wait())
        assert (running.memory_bytes, running.info.slots, running.ready) == (0, 0, True)
        gate.open.clear()
        (sink,) = submit(running, LONG)
        assert running.load_state.state == "waking"
        load_s = running.load_state.load_s
        assert load_s is not None and load_s > 0
        gate.open.set()
        assert_matches_reference(model, LONG, sink.wait())
        assert sink.result is not None and sink.result.timings.includes_warmup


def test_a_paused_utterance_keeps_the_model_loaded(model: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared, idle_unload_s=0.01) as running:
        text_stream = TextQueue()
        (sink,) = submit(running, replace(LONG, text="", text_stream=text_stream))
        wait_until(lambda: running.load.queued == 1)
        assert text_stream.write(LONG.text)
        text_stream.close()
        assert_matches_reference(model, replace(LONG, text_mode="streaming"), sink.wait())


def test_a_model_that_cannot_be_loaded_again_fails_its_requests_and_is_tried_for_the_next(model: Qwen3TTS) -> None:
    taken: list[bool] = []

    def load(choice: DeviceChoice) -> ModelRunner:
        if taken:
            raise InsufficientMemory(needed_gib=9.0, free_gib=1.0, device="cpu", hint="Use another device.")
        return load_runner(choice)

    with running_engine(model, load, idle_unload_s=0.01) as running:
        wait_until(lambda: running.load_state.state == "unloaded")
        taken.append(True)
        (sink,) = submit(running, PLAIN)
        assert isinstance(sink.wait().error, NotReady) and "9.0 GiB" in str(sink.error)
        taken.clear()
        assert_matches_reference(model, PLAIN, submit(running, PLAIN)[0].wait())


def test_a_suspended_engine_finishes_its_utterances_and_keeps_its_queue(model: Qwen3TTS) -> None:
    with running_engine(model) as running:
        (first,) = submit(running, LONG)
        wait_until(lambda: bool(first.packets))
        suspension = running.suspend()
        (second,) = submit(running, PLAIN)
        suspension.result(60)
        assert_matches_reference(model, LONG, first)
        assert (running.memory_bytes, running.load_state.state, running.load.queued) == (0, "unloaded", 1)
        running.resume()
        assert_matches_reference(model, PLAIN, second.wait())
        running.suspend().result(60)
        submit(running, PLAIN)
        running.close()


def test_the_dtype_of_an_unloaded_model_can_be_changed(model: Qwen3TTS) -> None:
    with running_engine(model, idle_unload_s=0.01) as running:
        wait_until(lambda: running.load_state.state == "unloaded")
        assert running.switch("bfloat16").result(60).after == "bfloat16"


# invalid numbers


class Overflowing(ModelRunner):
    """Reports invalid numbers for the seed 66 while it computes in float16."""

    def prefill(self, group: Sequence[SlotAssignment], bounds: SamplingBounds) -> FrameRows:
        rows = super().prefill(group, bounds)
        for row, assignment in enumerate(group):
            if assignment.seed == 66 and self.model.dtype == torch.float16:
                rows[row, -1] = SlotStatus.INVALID
                self.state.done[assignment.slot] = True
        return rows


def load_overflowing(choice: DeviceChoice) -> ModelRunner:
    return Overflowing(load_model(CHECKPOINT, device="cpu", dtype=choice.dtype), slots=4, kv_length=KV_LENGTH)


def test_after_an_overflow_in_float16_the_request_is_retried_in_a_wider_dtype(
    model: Qwen3TTS, caplog: pytest.LogCaptureFixture
) -> None:
    with running_engine(model, load_overflowing, dtype="float16", bf16=False) as running:
        victim = replace(LONG, seed=66)
        others = submit(running, replace(LONG, seed=6), victim, victim)
        for sink in others:
            assert sink.wait().error is None
        assert_matches_reference(model, victim, others[1])  # in float32
        assert running.info.dtype == "float32"
    assert "continuing in float32" in caplog.text


def test_the_fallback_happens_once(model: Qwen3TTS) -> None:
    with running_engine(model, load_overflowing, dtype="float16", bf16=False) as running:
        assert submit(running, replace(LONG, seed=66))[0].wait().error is None
        assert running.switch("float16").result(60).after == "float16"  # requested again
        (sink,) = submit(running, replace(LONG, seed=66))
        assert isinstance(sink.wait().error, NumericalError)
        assert running.info.dtype == "float16"


def test_an_overflow_in_the_warmup_selects_a_wider_dtype(model: Qwen3TTS) -> None:
    def load(choice: DeviceChoice) -> ModelRunner:
        runner = load_runner(choice)
        if choice.dtype == "float16":
            runner.model.talker.codec_head.weight.fill_(torch.nan)
        return runner

    with running_engine(model, load, dtype="float16", bf16=True) as running:
        assert running.info.dtype == "bfloat16"


def test_failing_requests_do_not_end_the_engine(model: Qwen3TTS) -> None:
    class Poisoned(ModelRunner):
        def prefill(self, group: Sequence[SlotAssignment], bounds: SamplingBounds) -> FrameRows:
            if any(assignment.seed == 66 for assignment in group):
                raise RuntimeError("poison")
            return super().prefill(group, bounds)

    with running_engine(model, lambda choice: Poisoned(model, slots=4, kv_length=KV_LENGTH)) as running:
        for _ in range(3):
            assert all(sink.wait().error is not None for sink in submit(running, *[replace(PLAIN, seed=66)] * 5))
        assert_matches_reference(model, LONG, submit(running, LONG)[0].wait())


def test_a_lost_device_ends_the_engine_with_an_error(model: Qwen3TTS) -> None:
    class Dying(ModelRunner):
        def prefill(self, group: Sequence[SlotAssignment], bounds: SamplingBounds) -> FrameRows:
            if not dead:
                return super().prefill(group, bounds)
            raise RuntimeError("CUDA error: unspecified launch failure")

    dead: list[bool] = []
    with running_engine(model, lambda choice: Dying(model, slots=4, kv_length=KV_LENGTH)) as running:
        dead.append(True)
        sinks = submit(running, *[PLAIN] * 20)
        assert all(sink.wait().error is not None for sink in sinks)
        wait_until(lambda: running.failure is not None)
        with pytest.raises(NotReady):
            submit(running, PLAIN)


# closing


def test_closing_fails_running_requests(model: Qwen3TTS, shared: LoadRunner) -> None:
    before = set(threading.enumerate())
    with running_engine(model, shared) as running:
        sinks = submit(running, *[replace(ENDLESS, seed=seed) for seed in range(9)])
        wait_until(lambda: running.load.running == 4)
        running.close()
        assert all(sink.num_endings == 1 for sink in sinks)
        assert {type(sink.error) for sink in sinks if sink.result is None} == {EngineStopped}
        assert set(threading.enumerate()) <= before
        with pytest.raises(NotReady):
            submit(running, PLAIN)
        running.close()


def test_closing_with_grace_finishes_running_requests(model: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared) as running:
        (sink,) = submit(running, LONG)
        wait_until(lambda: bool(sink.packets))
        running.close(grace_s=60)
        assert_matches_reference(model, LONG, sink)


def test_the_grace_period_ends(model: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared) as running:
        text_stream = TextQueue()  # never written
        (sink,) = submit(running, replace(PLAIN, text="", text_stream=text_stream))
        running.close(grace_s=0.05)
        assert isinstance(sink.error, EngineStopped)


def test_closing_while_a_change_is_pending(model: Qwen3TTS) -> None:
    with running_engine(model) as running:
        (sink,) = submit(running, ENDLESS)
        wait_until(lambda: bool(sink.packets))
        future = running.switch("bfloat16")
        running.close()
        assert isinstance(future.exception(0), EngineStopped)
        assert sink.num_endings == 1


def test_closing_releases_the_memory(model: Qwen3TTS) -> None:
    runners: list[ModelRunner] = []

    def load(choice: DeviceChoice) -> ModelRunner:
        runners.append(load_runner(choice))
        return runners[0]

    with running_engine(model, load):
        pass
    gc.collect()
    assert not hasattr(runners[0], "model") and not hasattr(runners[0], "state")


def test_submitting_while_it_closes(model: Qwen3TTS, shared: LoadRunner) -> None:
    with running_engine(model, shared) as running:
        sinks: list[RecordingSink] = []

        def client() -> None:
            while True:
                try:
                    sinks.extend(submit(running, replace(PLAIN, max_frames=1)))
                except NotReady:
                    return
                except Busy:
                    threading.Event().wait(0.005)

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(sinks) > 8)
        running.close()
        for thread in threads:
            thread.join(60)
        assert all(sink.num_endings == 1 for sink in sinks)
