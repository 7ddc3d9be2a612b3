"""Streams between an engine and a listener: nothing lost, nothing late, and cancel from any thread."""

import asyncio
import threading

import numpy as np
import pytest

from qwen3tts_webui.errors import NumericalError, SynthesisError
from qwen3tts_webui.streams import EventLoopNotifier, PcmStream, TextQueue
from qwen3tts_webui.types import SAMPLE_RATE, Pcm, SynthesisResult, Timings

RESULT = SynthesisResult(num_samples=3, finish_reason="stop", timings=Timings())


def block(value: float, num_samples: int = 1) -> Pcm:
    return np.full(num_samples, value, dtype=np.float32)


def test_iteration_yields_the_blocks_in_order_and_ends() -> None:
    stream = PcmStream()
    stream.put(block(1))
    stream.put(block(2))
    stream.finish(RESULT)
    assert [float(pcm[0]) for pcm in stream] == [1, 2]
    assert stream.result is RESULT


def test_a_failure_is_raised_after_the_audio_before_it() -> None:
    stream = PcmStream()
    stream.put(block(1))
    stream.fail(NumericalError(where="audio", dtype="float16"))
    heard = []
    with pytest.raises(NumericalError):
        for pcm in stream:
            heard.append(float(pcm[0]))
    assert heard == [1]


def test_a_foreign_exception_is_wrapped() -> None:
    stream = PcmStream()
    stream.fail(ValueError("/home/secret"))
    with pytest.raises(SynthesisError) as caught:
        stream.read()
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_first_ending_counts() -> None:
    stream = PcmStream()
    stream.finish(RESULT)
    stream.fail(SynthesisError())
    assert list(stream) == []


def test_blocks_after_the_end_are_dropped() -> None:
    stream = PcmStream()
    stream.finish(RESULT)
    stream.put(block(1))
    assert stream.read() is None


def test_backpressure_is_advisory_and_ends_when_audio_is_read() -> None:
    stream = PcmStream(capacity_s=1)
    stream.put(block(1, SAMPLE_RATE))
    stream.put(block(2, SAMPLE_RATE))
    assert stream.is_backpressured
    stream.read()
    assert stream.is_backpressured
    stream.read()
    assert not stream.is_backpressured


def test_cancel_drops_the_buffer_and_notifies_the_engine() -> None:
    stream = PcmStream()
    calls = []
    stream.watch(lambda: calls.append(stream.cancelled))
    stream.put(block(1))
    stream.cancel()
    assert stream.cancelled and list(stream) == []
    assert calls == [True]


def test_a_failure_after_cancel_is_not_raised() -> None:
    stream = PcmStream()
    stream.cancel()
    stream.fail(SynthesisError())
    assert stream.read() is None


def test_a_watcher_after_a_cancel_is_called_at_once() -> None:
    stream = PcmStream()
    stream.cancel()
    calls = []
    stream.watch(lambda: calls.append(True))
    assert calls == [True]


def test_a_late_data_callback_is_called_at_once() -> None:
    stream = PcmStream()
    stream.put(block(1))
    calls = []
    stream.set_data_callback(lambda: calls.append(True))
    assert calls == [True]


def test_cancel_from_another_thread_ends_a_waiting_for() -> None:
    stream = PcmStream()
    ended = threading.Event()

    def listen() -> None:
        assert list(stream) == []
        ended.set()

    thread = threading.Thread(target=listen)
    thread.start()
    stream.cancel()
    assert ended.wait(10)
    thread.join()


def test_a_read_joins_blocks_up_to_a_minimum() -> None:
    stream = PcmStream()
    for value in (1, 2, 3):
        stream.put(block(value, 2))
    first = stream.read(3)
    assert first is not None and first.tolist() == [1, 1, 2, 2]
    rest = stream.read()
    assert rest is not None and rest.tolist() == [3, 3]


async def test_cancel_from_another_thread_ends_a_waiting_async_for() -> None:
    stream = PcmStream()

    async def listen() -> list[Pcm]:
        return [pcm async for pcm in stream]

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    threading.Thread(target=stream.cancel).start()
    assert await asyncio.wait_for(listening, 10) == []


async def test_async_for_loses_nothing_from_a_busy_thread() -> None:
    num_blocks = 5_000
    stream = PcmStream()

    def engine() -> None:
        for number in range(num_blocks):
            stream.put(block(number))
        stream.finish(RESULT)

    thread = threading.Thread(target=engine)
    thread.start()
    assert [int(pcm[0]) async for pcm in stream] == list(range(num_blocks))
    thread.join()


async def test_a_second_async_for_continues_where_the_first_stopped() -> None:
    stream = PcmStream()
    stream.put(block(1))
    first = aiter_of(stream)
    assert float((await first.__anext__())[0]) == 1
    second = aiter_of(stream)
    waiting = asyncio.ensure_future(second.__anext__())
    await asyncio.sleep(0)
    await first.aclose()  # late, as the garbage collector would
    stream.put(block(2))
    assert float((await asyncio.wait_for(waiting, 10))[0]) == 2
    await second.aclose()


def aiter_of(stream: PcmStream):  # type: ignore[no-untyped-def]
    return stream.__aiter__()


async def test_a_burst_of_notifications_is_one_action() -> None:
    runs = []
    notifier = EventLoopNotifier(asyncio.get_running_loop(), lambda: runs.append(True), lambda: None)
    for _ in range(10):
        notifier()
    await asyncio.sleep(0)
    assert runs == [True]
    notifier()
    await asyncio.sleep(0)
    assert runs == [True, True]


def test_a_closed_event_loop_cancels_the_stream() -> None:
    stream = PcmStream()
    loop = asyncio.new_event_loop()
    loop.close()
    stream.set_data_callback(EventLoopNotifier(loop, lambda: None, stream.cancel))
    stream.put(block(1))
    assert stream.cancelled


def test_a_text_queue_is_bounded_and_returns_everything_at_once() -> None:
    queue = TextQueue(limit=5)
    assert queue.write("abc") and not queue.write("def")
    assert queue.pending_chars == 3
    assert queue.take() == "abc" and queue.take() == ""
    assert queue.write("def")


def test_a_text_queue_reports_its_end_and_keeps_what_was_written() -> None:
    queue = TextQueue()
    calls = []
    queue.watch(lambda: calls.append(queue.closed))
    queue.write("abc")
    queue.close()
    assert calls == [False, True]
    assert not queue.write("d")
    assert queue.take() == "abc"
