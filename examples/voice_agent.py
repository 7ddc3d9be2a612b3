"""A text-to-speech service for voice agents such as LiveKit and Pipecat: text in, 20 ms frames out.

    python examples/voice_agent.py [http://127.0.0.1:7860]

In Pipecat, yield `TTSAudioRawFrame(frame, 24_000, 1)` from `run_tts`; in LiveKit, `push` each frame to the emitter.
Leaving the loop early (the user interrupts) closes the connection, which cancels synthesis.
"""

import asyncio
import sys
from collections.abc import AsyncIterator

import httpx

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"


class QwenTTS:
    """One voice for a whole conversation: a description with a seed, or the id of a saved voice."""

    sample_rate = 24_000
    frame_bytes = 960  # 20 ms of s16le mono

    def __init__(self, url: str, *, voice_desc: str = "", voice: str | None = None, seed: int = 1) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=60)
        self._body = {"voice_desc": voice_desc, "voice": voice, "seed": seed, "streaming": True, "packet_ms": 20}

    async def run_tts(self, text: str) -> AsyncIterator[bytes]:
        """Yield the audio of a sentence in frames while it is generated; the last may be shorter."""
        async with self._client.stream("POST", "/api/tts", json=self._body | {"text": text}) as response:
            response.raise_for_status()
            async for frame in response.aiter_bytes(self.frame_bytes):
                yield frame

    async def aclose(self) -> None:
        await self._client.aclose()


async def main() -> None:
    tts = QwenTTS(URL, voice_desc="A patient support agent, warm and clear.")
    for sentence in ("I have found your order.", "It arrives on Thursday."):
        num_frames = 0
        async for _ in tts.run_tts(sentence):
            num_frames += 1
        print(f"{sentence} {num_frames} frames")
    await tts.aclose()


if __name__ == "__main__":
    asyncio.run(main())
