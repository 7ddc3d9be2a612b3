"""Speak on a telephone call: answer Twilio's media stream with G.711 audio from this server.

    python examples/twilio_media_stream.py [http://127.0.0.1:7860] [8765]

Point a <Connect><Stream url="wss://YOUR-HOST/"/></Connect> of your TwiML at this program, through a proxy with TLS. It
speaks one greeting; a real agent would open an utterance for each reply.
"""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8765
GREETING = "Thank you for calling. How can I help you?"


async def speak(text: str, call: ServerConnection, stream_sid: str) -> None:
    """Send `text` to the call as it is generated, then a mark, which Twilio returns once it was played."""
    async with connect(URL.replace("http", "ws", 1) + "/ws/tts") as tts:
        await tts.send(json.dumps({"type": "open", "voice": "alloy", "format": "mulaw", "audio": "base64"}))
        await tts.send(json.dumps({"type": "text", "text": text}))
        await tts.send(json.dumps({"type": "close"}))
        async for message in tts:
            event = json.loads(message)
            if event["type"] == "audio":
                media = {"event": "media", "streamSid": stream_sid, "media": {"payload": event["audio"]}}
                await call.send(json.dumps(media))
            elif event["type"] in ("done", "error"):
                break
    await call.send(json.dumps({"event": "mark", "streamSid": stream_sid, "mark": {"name": "spoken"}}))


async def answer(call: ServerConnection) -> None:
    """Serve one call until Twilio ends its stream."""
    speaking = None
    try:
        async for message in call:
            event = json.loads(message)
            if event["event"] == "start":
                speaking = asyncio.create_task(speak(GREETING, call, event["start"]["streamSid"]))
            elif event["event"] == "stop":
                break
    except ConnectionClosed:
        pass
    finally:
        if speaking is not None:
            speaking.cancel()


async def main() -> None:
    async with serve(answer, "127.0.0.1", PORT) as server:
        print(f"Listening on ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
