"""The real preview voice over the WebSocket: each clause is heard before the next one is written."""

from __future__ import annotations

import numpy as np

from qwen3tts_webui.audio import from_s16le
from qwen3tts_webui.preview import PreviewSynthesizer
from tests.server.test_websocket import Talk
from tests.support.server import connect, run_server


def loudness(sound: bytes) -> float:
    return float(np.sqrt(np.mean(from_s16le(sound) ** 2)))


def test_each_clause_is_heard_before_the_next_is_written(voice: PreviewSynthesizer) -> None:
    with run_server(voice) as url, connect(url.replace("http", "ws") + "/ws/tts") as connection:
        talk = Talk(connection)
        talk.say("open", language="en", seed=1)
        for piece in ("Good mor", "ning, every", "one"):  # the first clause is whole, the second is not
            talk.say("text", text=piece)
        talk.until("started")
        while len(talk.sound.get(0, b"")) < 2 * 12_000:
            talk.hear()
        first_clause = talk.sound[0]
        talk.say("text", text=".\n")
        first = talk.until("timings", index=0)
        talk.say("text", text="See you soon.\n")
        second = talk.until("timings", index=1)
        talk.say("close")
        done = talk.until("done")
    opened, samples = talk.events[0], talk.sound[0]
    assert opened["preview"] and "not Qwen3-TTS" in opened["engine_label"]
    assert len(first_clause) < 2 * first["num_samples"] and second["start_sample"] == first["num_samples"]
    assert (done["finish_reason"], 2 * done["num_samples"]) == ("stop", len(samples))
    for heard in (first_clause, samples[2 * second["start_sample"] :]):
        assert loudness(heard) > 0.01
