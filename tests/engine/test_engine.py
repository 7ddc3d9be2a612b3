"""The engine with its thread: submit, wake, switch, overflow, close. What is said is tested turn by turn elsewhere."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import replace

import pytest
import torch

from qwen3tts_webui.engine.device import Choice
from qwen3tts_webui.engine.model_runner import Rows, Runner, Seating
from qwen3tts_webui.errors import (
    Busy,
    CheckpointError,
    EngineStopped,
    InsufficientMemory,
    InvalidValue,
    NotReady,
    NumericalError,
)
from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.model.decode_step import SlotStatus
from qwen3tts_webui.model.sampling import SamplingBounds
from qwen3tts_webui.streams import PcmStream, TextQueue
from qwen3tts_webui.types import SAMPLE_RATE, Voice
from tests.support.engine import (
    CHECKPOINT,
    GREEDY,
    KV_LENGTH,
    LONG,
    PLAIN,
    Listener,
    ask,
    assert_as_alone,
    engine,
    load_runner,
    until,
)

ENDLESS = replace(LONG, seed=14, max_frames=400)  # ends by itself after many frames, or never


@pytest.fixture(scope="module")
def shared(model: Qwen3TTS) -> Callable[[Choice], Runner]:
    """Loads nothing: the model is there already. For tests that do not switch."""
    return lambda choice: Runner(model, slots=4, kv_length=KV_LENGTH)


class Gate:
    """Loading that waits until the test lets it go on."""

    def __init__(self, load: Callable[[Choice], Runner]) -> None:
        self._load = load
        self.open = threading.Event()

    def __call__(self, choice: Choice) -> Runner:
        assert self.open.wait(60)
        return self._load(choice)


def test_what_the_engine_says_is_what_one_alone_says(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    utterances = [PLAIN, LONG, GREEDY, replace(LONG, seed=6), replace(LONG, seed=12), replace(PLAIN, seed=1)]
    with engine(model, shared) as running:
        listeners = ask(running, *utterances)
        for utterance, listener in zip(utterances, listeners, strict=True):
            assert_as_alone(model, utterance, listener.wait())
        until(lambda: running.load.running == running.load.queued == 0)


def test_who_speaks(model: Qwen3TTS, custom: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    with engine(model, shared) as running:
        info = running.info
    assert (info.name, info.preview, info.model, info.model_type) == ("qwen3-tts", False, "tiny", "voice_design")
    assert (info.device, info.dtype, info.slots) == ("cpu", "float32", 4)
    assert info.languages == ("zh", "en", "ja", "de", "fr", "ru")
    assert {"description", "continuation", "text_streaming", "seed", "precision"} <= info.features
    assert "speaker" not in info.features


def test_what_is_asked_while_loading_waits_and_is_cold(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    gate = Gate(shared)
    with engine(model, gate, wait=False) as running:
        (listener,) = ask(running, PLAIN)
        assert not running.ready and running.load.queued == 1 and running.info.slots == 0
        gate.open.set()
        assert_as_alone(model, PLAIN, listener.wait())
        assert listener.spoken is not None and listener.spoken.timings.includes_warmup
        (later,) = ask(running, PLAIN)
        assert later.wait().spoken is not None and not later.spoken.timings.includes_warmup  # type: ignore[union-attr]


def test_a_full_queue_refuses_all_of_a_list_before_anything_is_spent(
    model: Qwen3TTS, shared: Callable[[Choice], Runner]
) -> None:
    gate = Gate(shared)
    with engine(model, gate, wait=False, queue_size=3) as running:
        first = ask(running, PLAIN, GREEDY)
        with pytest.raises(Busy) as refused:
            ask(running, PLAIN, GREEDY)
        assert refused.value.params["waiting"] == 2
        assert 1 <= int(str(refused.value.params["retry_after_s"])) <= 60
        assert running.load.queued == 2
        first[0].leave()  # who has left takes no place
        ask(running, PLAIN, GREEDY)
        gate.open.set()


def test_a_request_that_cannot_be_spoken_is_refused_at_once(
    model: Qwen3TTS, shared: Callable[[Choice], Runner]
) -> None:
    with engine(model, shared) as running:
        with pytest.raises(Exception, match="speaker"):
            ask(running, PLAIN, replace(PLAIN, voice=Voice(speaker="ryan")))
        assert running.load.queued == 0


@pytest.mark.parametrize(
    "error",
    [
        CheckpointError(file="model.safetensors", key="talker.x", problem="the tensor is missing"),
        InsufficientMemory(needed_gib=9.0, free_gib=1.0, device="cpu", hint="Use another device."),
    ],
)
def test_an_engine_that_cannot_load_says_why(model: Qwen3TTS, error: Exception) -> None:
    gate = Gate(lambda choice: (_ for _ in ()).throw(error))
    with engine(model, gate, wait=False) as running:
        (waiting,) = ask(running, PLAIN)
        gate.open.set()
        waiting.wait()
        with pytest.raises(NotReady) as refused:
            ask(running, PLAIN)
        for told in (waiting.error, refused.value):
            assert isinstance(told, NotReady)
            assert str(error).rstrip(".") in str(told)
        assert running.failure is error and not running.ready


# listeners that come and go


def test_a_slow_listener_holds_nobody_up(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    with engine(model, shared) as running:
        slow = PcmStream(capacity_s=0.1)
        running.submit([(LONG, slow)])
        until(lambda: slow.is_backpressured)
        others = ask(running, LONG, GREEDY, replace(LONG, seed=6))
        for listener in others:
            listener.wait()
        assert not slow.ended
        made = slow.read(min_samples=1 << 30)
        assert made is not None and len(made) < 0.5 * SAMPLE_RATE
        assert len(made) + sum(map(len, slow)) == len(others[0].sound)  # reading wakes the engine


def test_one_who_leaves_frees_the_slot(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    with engine(model, shared) as running:
        streams = [PcmStream() for _ in range(6)]
        running.submit([(ENDLESS, stream) for stream in streams])
        until(lambda: running.load.running == 4)
        for stream in streams:
            stream.cancel()
        until(lambda: running.load.running == 0 and running.load.queued == 0)
        assert all(stream.result is not None and stream.result.finish_reason == "cancelled" for stream in streams)


def test_text_from_another_thread_wakes_the_engine(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    whole = replace(LONG, text_mode="streaming")
    with engine(model, shared) as running:
        feed = TextQueue()
        (listener,) = ask(running, replace(LONG, text="", text_stream=feed))
        for word in LONG.text.split(" "):
            assert feed.write(word if word == "Hello" else f" {word}")
        feed.close()
        assert_as_alone(model, whole, listener.wait())


def test_submitting_and_leaving_from_many_threads(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    with engine(model, shared, queue_size=200) as running:
        streams: list[PcmStream] = []

        def client(number: int) -> None:
            for turn in range(4):
                stream = PcmStream()
                running.submit([(replace(PLAIN, seed=number, max_frames=2, client=str(number)), stream)])
                streams.append(stream)
                if (number + turn) % 3 == 0:
                    stream.cancel()
                else:
                    assert sum(map(len, stream)) > 0

        threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        until(lambda: running.load.running == running.load.queued == 0)
        assert len(streams) == 24 and all(stream.ended for stream in streams)


# changing the type


def test_half_precision_takes_less_memory_and_those_who_wait_are_served(model: Qwen3TTS) -> None:
    with engine(model) as running:
        speaking = ask(running, *[replace(LONG, seed=seed) for seed in range(4)])
        until(lambda: running.load.running == 4)
        future = running.switch("bfloat16")
        waiting = ask(running, GREEDY, PLAIN)
        switched = future.result(60)
        assert all(listener.ended.is_set() for listener in speaking)  # it drained first
        assert (switched.before, switched.after) == ("float32", "bfloat16")
        for listener in waiting:
            assert listener.wait().error is None
        until(lambda: running.ready)
        assert running.info.dtype == "bfloat16"
        assert running.switch("float32").result(60).bytes_after == switched.bytes_before


def test_half_precision_halves_what_the_language_model_holds(model: Qwen3TTS) -> None:
    """The released codec stays float32 and is a small part; in the tiny checkpoint it is a large one."""
    sizes = {}
    for dtype in ("float32", "bfloat16", "float16"):
        half = load_model(CHECKPOINT, device="cpu", dtype=dtype)
        runner = Runner(half, slots=1, kv_length=KV_LENGTH)
        half.codec = torch.nn.Module()  # type: ignore[assignment]
        sizes[dtype] = runner.nbytes - runner.sound.nbytes
    assert sizes["bfloat16"] < 0.6 * sizes["float32"]
    assert sizes["float16"] < 0.6 * sizes["float32"]


def test_a_type_that_cannot_be_loaded_leaves_things_as_they_were(model: Qwen3TTS) -> None:
    def load(choice: Choice) -> Runner:
        if choice.dtype == "bfloat16":
            raise InsufficientMemory(needed_gib=9.0, free_gib=1.0, device="cpu", hint="Use another device.")
        return load_runner(choice)

    with engine(model, load) as running:
        future = running.switch("bfloat16")
        (waiting,) = ask(running, LONG)
        assert isinstance(future.exception(60), InsufficientMemory)
        assert_as_alone(model, LONG, waiting.wait())
        assert running.info.dtype == "float32"


def test_a_device_that_dies_in_a_change_tells_everyone(model: Qwen3TTS) -> None:
    opened: list[str] = []

    def load(choice: Choice) -> Runner:
        opened.append(choice.dtype)
        if len(opened) > 1:
            raise CheckpointError(file="model.safetensors", key="", problem="the file cannot be read")
        return load_runner(choice)

    with engine(model, load) as running:
        speaking = ask(running, ENDLESS)
        future = running.switch("bfloat16")
        waiting = ask(running, PLAIN)
        speaking[0].leave()
        assert isinstance(future.exception(60), NotReady)
        assert isinstance(waiting[0].wait().error, NotReady)
        assert opened == ["float32", "bfloat16", "float32"]


def test_a_wish_can_be_taken_back_and_two_are_one_too_many(model: Qwen3TTS) -> None:
    with engine(model) as running:
        (speaking,) = ask(running, ENDLESS)
        until(lambda: bool(speaking.packets))
        future = running.switch("bfloat16")
        with pytest.raises(NotReady):
            running.switch("float16")
        assert future.cancel()
        speaking.leave()
        (listener,) = ask(running, PLAIN)
        assert_as_alone(model, PLAIN, listener.wait())
        assert running.info.dtype == "float32"
        with pytest.raises(CancelledError):
            future.result(0)


def test_a_type_that_nobody_knows_is_refused(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    with engine(model, shared) as running, pytest.raises(InvalidValue, match="float16"):
        running.switch("fp8")  # type: ignore[arg-type]


# invalid numbers


class Overflowing(Runner):
    """Finds every prompt of the seed 66 broken, as long as it computes in float16."""

    def prefill(self, group: Sequence[Seating], reach: SamplingBounds) -> Rows:
        rows = super().prefill(group, reach)
        for row, seating in enumerate(group):
            if seating.seed == 66 and self.model.dtype == torch.float16:
                rows[row, -1] = SlotStatus.INVALID
                self.state.done[seating.slot] = True
        return rows


def load_overflowing(choice: Choice) -> Runner:
    return Overflowing(load_model(CHECKPOINT, device="cpu", dtype=choice.dtype), slots=4, kv_length=KV_LENGTH)


def test_float16_that_overflows_goes_on_wider_and_tries_again(
    model: Qwen3TTS, caplog: pytest.LogCaptureFixture
) -> None:
    with engine(model, load_overflowing, dtype="float16", bf16=False) as running:
        victim = replace(LONG, seed=66)
        others = ask(running, replace(LONG, seed=6), victim, victim)
        for listener in others:
            assert listener.wait().error is None
        assert_as_alone(model, victim, others[1])  # in float32, as if nothing had been
        assert running.info.dtype == "float32"
    assert "going on in float32" in caplog.text


def test_it_widens_once(model: Qwen3TTS) -> None:
    with engine(model, load_overflowing, dtype="float16", bf16=False) as running:
        assert ask(running, replace(LONG, seed=66))[0].wait().error is None
        assert running.switch("float16").result(60).after == "float16"  # somebody insists
        (listener,) = ask(running, replace(LONG, seed=66))
        assert isinstance(listener.wait().error, NumericalError)
        assert running.info.dtype == "float16"


def test_float16_that_cannot_say_its_first_words_opens_wider(model: Qwen3TTS) -> None:
    def load(choice: Choice) -> Runner:
        runner = load_runner(choice)
        if choice.dtype == "float16":
            runner.model.talker.codec_head.weight.fill_(torch.nan)
        return runner

    with engine(model, load, dtype="float16", bf16=True) as running:
        assert running.info.dtype == "bfloat16"


def test_poisonous_requests_do_not_end_the_engine(model: Qwen3TTS) -> None:
    class Poisoned(Runner):
        def prefill(self, group: Sequence[Seating], reach: SamplingBounds) -> Rows:
            if any(seating.seed == 66 for seating in group):
                raise RuntimeError("poison")
            return super().prefill(group, reach)

    with engine(model, lambda choice: Poisoned(model, slots=4, kv_length=KV_LENGTH)) as running:
        for _ in range(3):
            assert all(sink.wait().error is not None for sink in ask(running, *[replace(PLAIN, seed=66)] * 5))
        assert_as_alone(model, LONG, ask(running, LONG)[0].wait())


def test_a_device_that_is_lost_ends_the_engine_with_words(model: Qwen3TTS) -> None:
    class Dying(Runner):
        def prefill(self, group: Sequence[Seating], reach: SamplingBounds) -> Rows:
            if not dead:
                return super().prefill(group, reach)
            raise RuntimeError("CUDA error: unspecified launch failure")

    dead: list[bool] = []
    with engine(model, lambda choice: Dying(model, slots=4, kv_length=KV_LENGTH)) as running:
        dead.append(True)
        listeners = ask(running, *[PLAIN] * 20)
        assert all(listener.wait().error is not None for listener in listeners)
        until(lambda: running.failure is not None)
        with pytest.raises(NotReady):
            ask(running, PLAIN)


# the end


def test_closing_in_mid_speech_tells_everyone(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    before = set(threading.enumerate())
    with engine(model, shared) as running:
        listeners = ask(running, *[replace(ENDLESS, seed=seed) for seed in range(9)])
        until(lambda: running.load.running == 4)
        running.close()
        assert all(listener.endings == 1 for listener in listeners)
        assert {type(listener.error) for listener in listeners if listener.spoken is None} == {EngineStopped}
        assert set(threading.enumerate()) <= before
        with pytest.raises(NotReady):
            ask(running, PLAIN)
        running.close()


def test_closing_with_grace_lets_them_finish(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    with engine(model, shared) as running:
        (listener,) = ask(running, LONG)
        until(lambda: bool(listener.packets))
        running.close(grace_s=60)
        assert_as_alone(model, LONG, listener)


def test_grace_ends(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    with engine(model, shared) as running:
        feed = TextQueue()  # its writer never writes
        (listener,) = ask(running, replace(PLAIN, text="", text_stream=feed))
        running.close(grace_s=0.05)
        assert isinstance(listener.error, EngineStopped)


def test_closing_while_a_change_is_wished_for(model: Qwen3TTS) -> None:
    with engine(model) as running:
        (speaking,) = ask(running, ENDLESS)
        until(lambda: bool(speaking.packets))
        future = running.switch("bfloat16")
        running.close()
        assert isinstance(future.exception(0), EngineStopped)
        assert speaking.endings == 1


def test_closing_gives_the_memory_back(model: Qwen3TTS) -> None:
    held: list[Runner] = []

    def load(choice: Choice) -> Runner:
        held.append(load_runner(choice))
        return held[0]

    with engine(model, load):
        pass
    gc.collect()
    assert not hasattr(held[0], "model") and not hasattr(held[0], "state")


def test_many_submit_while_it_closes(model: Qwen3TTS, shared: Callable[[Choice], Runner]) -> None:
    with engine(model, shared) as running:
        listeners: list[Listener] = []

        def client() -> None:
            while True:
                try:
                    listeners.extend(ask(running, replace(PLAIN, max_frames=1)))
                except NotReady:
                    return
                except Busy:
                    threading.Event().wait(0.005)

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: len(listeners) > 8)
        running.close()
        for thread in threads:
            thread.join(60)
        assert all(listener.endings == 1 for listener in listeners)
