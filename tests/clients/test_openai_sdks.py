"""The OpenAI SDKs and what is built on them: Python, Node, litellm."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

TEXT = "Hello there, this is a test."
_NODE = """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.argv[2], apiKey: "none" });
const request = { model: "tts-1", voice: "alloy", input: process.argv[3], response_format: "pcm" };
const answer = await client.audio.speech.create(request);
let length = 0;
for await (const chunk of answer.body) length += chunk.length;
const models = await client.models.list();
console.log(JSON.stringify({ length, models: models.data.map((one) => one.id) }));
"""


def test_the_python_sdk_streams_and_saves(url: str, tmp_path: Path) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none")
    target = tmp_path / "speech.mp3"
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="coral", input=TEXT, instructions="Speak warmly."
    ) as answer:
        answer.stream_to_file(target)
    assert target.stat().st_size > 4_000
    wav = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="wav", speed=1.5)
    assert wav.content[:4] == b"RIFF"
    assert "tts-1" in [model.id for model in client.models.list()]
    with pytest.raises(openai.BadRequestError):
        client.audio.speech.create(model="tts-1", voice="alloy", input="")


def test_the_node_sdk(url: str, tmp_path: Path) -> None:
    modules = os.environ.get("QWEN3TTS_NODE_MODULES")
    if modules is None:
        pytest.skip("QWEN3TTS_NODE_MODULES is not set")
    (tmp_path / "node_modules").symlink_to(modules)
    script = tmp_path / "speak.mjs"
    script.write_text(_NODE, encoding="utf-8")
    done = subprocess.run(["node", script, f"{url}/v1", TEXT], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["length"] > 24_000 and "tts-1" in answer["models"]


def test_litellm(url: str) -> None:
    litellm = pytest.importorskip("litellm")
    answer = litellm.speech(model="openai/tts-1", voice="alloy", input=TEXT, api_base=f"{url}/v1", api_key="none")
    assert len(answer.content) > 4_000
