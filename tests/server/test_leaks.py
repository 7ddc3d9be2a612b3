"""Hundreds of clients that disconnect midway leave nothing behind: no slot, task, socket or thread."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
import threading

import psutil
import pytest

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app, make_server
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import RealTimeSynthesizer
from tests.support.wait import wait_until

OK = b"HTTP/1.1 200"


async def visit(port: int, *, leave: bool) -> bytes:
    """One streamed request; a client that disconnects does so after a few bytes of audio, or before any."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"text": "Hello there.\nAnd again.", "streaming": True}).encode()
    head = "POST /api/tts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    try:
        return await (reader.read(random.randrange(len(OK), 3_000)) if leave else reader.read())
    finally:
        writer.transport.abort()


@pytest.mark.slow
async def test_random_disconnects_leak_nothing() -> None:
    synthesizer = RealTimeSynthesizer(rate=20.0, num_frames=10, slots=32, queue_size=64)
    speech = Speech(synthesizer, Presets.load())
    settings = Settings(rate_limit="1000000/minute", client_streams=10_000)
    server = make_server(create_app(speech, settings), client_timeout_s=5)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]

    async def wave(count: int) -> list[bytes]:
        return list(await asyncio.gather(*(visit(port, leave=number % 10 < 3) for number in range(count))))

    def idle() -> bool:
        return not (synthesizer.load.running or synthesizer.load.queued or server.server_state.connections)

    def holdings() -> tuple[int, int, int]:
        """Tasks, file handles and threads; pools keep threads for the next work, as many as ever asked for."""
        gc.collect()
        pools = ("AnyIO worker", "asyncio_")
        threads = sum(not thread.name.startswith(pools) for thread in threading.enumerate())
        return len(server.server_state.tasks), psutil.Process().num_fds(), threads

    try:
        await wave(20)
        await asyncio.to_thread(wait_until, idle)
        before = holdings()
        for _ in range(8):
            answers = await wave(30)
            assert {answer[: len(OK)] for answer in answers if answer} == {OK}
            assert sum(answer.endswith(b"0\r\n\r\n") for answer in answers) == 21
        await asyncio.to_thread(wait_until, idle)
        # fewer is well: what an earlier test had left open may have ended meanwhile
        await asyncio.to_thread(
            wait_until, lambda: all(now <= then for now, then in zip(holdings(), before, strict=True))
        )
    finally:
        server.should_exit = True
        await asyncio.to_thread(thread.join)
        synthesizer.close()


@pytest.mark.slow
async def test_three_hundred_excess_requests_are_rejected_and_none_hangs() -> None:
    synthesizer = RealTimeSynthesizer(num_frames=100_000, slots=1, queue_size=0)
    speech = Speech(synthesizer, Presets.load())
    settings = Settings(rate_limit="1000000/minute", client_streams=10_000)
    server = make_server(create_app(speech, settings), grace_s=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    holder = asyncio.create_task(visit(port, leave=False))
    try:
        await asyncio.to_thread(wait_until, lambda: synthesizer.load.running == 1)
        answers = await asyncio.gather(*(visit(port, leave=False) for _ in range(300)))
        assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 429 Too Many Requests"}
        assert all(re.search(rb"\r\nretry-after: [1-9]\d*\r\n", answer) for answer in answers)
    finally:
        holder.cancel()
        server.should_exit = True
        await asyncio.to_thread(thread.join)
        synthesizer.close()
