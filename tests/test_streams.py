"""The hand-over: nothing lost, nothing late, and a cancel from anywhere."""

import asyncio
import threading

import numpy as np
import pytest

from qwen3tts_webui.errors import NumericalError, SynthesisError
from qwen3tts_webui.streams import EventLoopNotifier, PcmStream, TextQueue
from qwen3tts_webui.types import SAMPLE_RATE, Pcm, SynthesisResult, Timings

SPOKEN = SynthesisResult(num_samples=3, finish_reason="stop", timings=Timings())


def block(value: float, num_samples: int = 1) -> Pcm:
    return np.full(num_samples, value, dtype=np.float32)


def test_iteration_gives_the_blocks_in_order_and_ends() -> None:
    stream = PcmStream()
    stream.put(block(1))
    stream.put(block(2))
    stream.finish(SPOKEN)
    assert [float(pcm[0]) for pcm in stream] == [1, 2]
    assert stream.result is SPOKEN


def test_a_failure_comes_after_the_sound_before_it() -> None:
    stream = PcmStream()
    stream.put(block(1))
    stream.fail(NumericalError(where="sound", dtype="float16"))
    heard = []
    with pytest.raises(NumericalError):
        for pcm in stream:
            heard.append(float(pcm[0]))
    assert heard == [1]


def test_a_strangers_exception_is_wrapped() -> None:
    stream = PcmStream()
    stream.fail(ValueError("/home/secret"))
    with pytest.raises(SynthesisError) as caught:
        stream.read()
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_first_ending_counts() -> None:
    stream = PcmStream()
    stream.finish(SPOKEN)
    stream.fail(SynthesisError())
    assert list(stream) == []


def test_what_comes_after_the_end_is_dropped() -> None:
    stream = PcmStream()
    stream.finish(SPOKEN)
    stream.put(block(1))
    assert stream.read() is None


def test_full_is_advice_and_ends_when_sound_is_taken() -> None:
    stream = PcmStream(capacity_s=1)
    stream.put(block(1, SAMPLE_RATE))
    stream.put(block(2, SAMPLE_RATE))
    assert stream.is_backpressured and stream.buffered_s == 2
    stream.read()
    assert stream.is_backpressured
    stream.read()
    assert not stream.is_backpressured


def test_cancel_drops_what_is_buffered_and_tells_the_engine() -> None:
    stream = PcmStream()
    told = []
    stream.watch(lambda: told.append(stream.cancelled))
    stream.put(block(1))
    stream.cancel()
    assert stream.cancelled and stream.buffered_s == 0 and list(stream) == []
    assert told == [True]


def test_a_failure_after_cancel_is_not_raised() -> None:
    stream = PcmStream()
    stream.cancel()
    stream.fail(SynthesisError())
    assert stream.read() is None


def test_who_watches_after_the_cancel_is_told_at_once() -> None:
    stream = PcmStream()
    stream.cancel()
    told = []
    stream.watch(lambda: told.append(True))
    assert told == [True]


def test_who_listens_late_is_told_at_once() -> None:
    stream = PcmStream()
    stream.put(block(1))
    told = []
    stream.set_data_callback(lambda: told.append(True))
    assert told == [True]


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


def test_wait_for_room_returns_when_sound_is_taken() -> None:
    stream = PcmStream(capacity_s=0.001)
    stream.put(block(1, 100))
    assert not stream.wait_for_room(0.0)
    thread = threading.Thread(target=stream.read)
    thread.start()
    assert stream.wait_for_room(10)
    thread.join()


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
        stream.finish(SPOKEN)

    thread = threading.Thread(target=engine)
    thread.start()
    assert [int(pcm[0]) async for pcm in stream] == list(range(num_blocks))
    thread.join()


async def test_a_second_async_for_goes_on_where_the_first_was_left() -> None:
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


async def test_a_burst_of_wakes_is_one_action() -> None:
    runs = []
    waker = EventLoopNotifier(asyncio.get_running_loop(), lambda: runs.append(True), lambda: None)
    for _ in range(10):
        waker()
    await asyncio.sleep(0)
    assert runs == [True]
    waker()
    await asyncio.sleep(0)
    assert runs == [True, True]


def test_a_listener_whose_loop_is_gone_has_left() -> None:
    stream = PcmStream()
    loop = asyncio.new_event_loop()
    loop.close()
    stream.set_data_callback(EventLoopNotifier(loop, lambda: None, stream.cancel))
    stream.put(block(1))
    assert stream.cancelled


def test_text_queue_is_bounded_and_gives_all_at_once() -> None:
    feed = TextQueue(limit=5)
    assert feed.write("abc") and not feed.write("def")
    assert feed.waiting == 3
    assert feed.take() == "abc" and feed.take() == ""
    assert feed.write("def")


def test_text_queue_says_when_it_closes_and_keeps_what_was_written() -> None:
    feed = TextQueue()
    told = []
    feed.watch(lambda: told.append(feed.closed))
    feed.write("abc")
    feed.close()
    assert told == [False, True]
    assert not feed.write("d")
    assert feed.take() == "abc"
