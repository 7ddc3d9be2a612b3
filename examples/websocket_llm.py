"""Speak the output of a language model while it is being generated.

    python examples/websocket_llm.py [http://127.0.0.1:7860]

`fake_llm` yields words with delays; replace it with the stream of your model.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection, connect

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"
HEADER_BYTES = 12
ANSWER = "Of course. The museum opens at nine, and on Fridays it stays open until late."


async def fake_llm() -> AsyncIterator[str]:
    for word in ANSWER.split():
        await asyncio.sleep(0.02)
        yield word + " "


async def send_text(socket: ClientConnection) -> None:
    await socket.send(json.dumps({"type": "open", "voice_desc": "A friendly museum guide.", "language": "en"}))
    async for token in fake_llm():
        await socket.send(json.dumps({"type": "text", "text": token}))
    await socket.send(json.dumps({"type": "close"}))


async def main() -> None:
    num_bytes = 0
    async with connect(URL.replace("http", "ws", 1) + "/ws/tts") as socket:
        sender = asyncio.create_task(send_text(socket))
        async for message in socket:
            if isinstance(message, bytes):
                num_bytes += len(message) - HEADER_BYTES  # s16le, mono, 24 kHz: play it
                continue
            event = json.loads(message)
            if event["type"] == "segment":
                print("segment:", event["text"])
            elif event["type"] == "error":
                sys.exit(event["message"])
            elif event["type"] == "done":
                break
        await sender
    print(f"{num_bytes / 48_000:.2f} seconds")


if __name__ == "__main__":
    asyncio.run(main())
