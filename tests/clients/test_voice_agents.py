"""Frameworks for voice agents, with their services for OpenAI's speech API pointed at the server."""

from __future__ import annotations

import asyncio

import pytest

TEXT = "Hello there, this is a test."


def test_pipecat(url: str) -> None:
    pytest.importorskip("pipecat")
    from pipecat.frames.frames import EndFrame, TTSAudioRawFrame, TTSSpeakFrame
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.runner import PipelineRunner
    from pipecat.pipeline.task import PipelineTask
    from pipecat.processors.frame_processor import FrameProcessor
    from pipecat.services.openai.tts import OpenAITTSService

    class Ear(FrameProcessor):
        def __init__(self) -> None:
            super().__init__()
            self.num_bytes = 0

        async def process_frame(self, frame: object, direction: object) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, TTSAudioRawFrame):
                self.num_bytes += len(frame.audio)
            await self.push_frame(frame, direction)

    async def speak() -> int:
        service = OpenAITTSService(api_key="none", base_url=f"{url}/v1", voice="alloy", model="tts-1")
        ear = Ear()
        task = PipelineTask(Pipeline([service, ear]))
        await task.queue_frames([TTSSpeakFrame(TEXT), EndFrame()])
        await asyncio.wait_for(PipelineRunner(handle_sigint=False).run(task), 120)
        return ear.num_bytes

    assert asyncio.run(speak()) > 24_000


def test_livekit_agents(url: str) -> None:
    openai = pytest.importorskip("livekit.plugins.openai")

    async def speak() -> int:
        voice = openai.TTS(model="tts-1", voice="alloy", base_url=f"{url}/v1", api_key="none")
        num_samples = 0
        async with voice.synthesize(TEXT) as stream:
            async for event in stream:
                num_samples += event.frame.samples_per_channel
        await voice.aclose()
        return num_samples

    assert asyncio.run(speak()) > 12_000
