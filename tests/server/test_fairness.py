"""Clients that do not read take nothing from those that do: over HTTP, with an engine of a fixed rate."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.server.auth import ApiKeyStore
from tests.support.fakes import RealTimeSynthesizer
from tests.support.server import open_request, run_server
from tests.support.wait import wait_until

LONG = {"text": "A long story that nobody reads.", "streaming": True}


def test_six_unread_requests_do_not_delay_another_client(tmp_path: Path) -> None:
    store = ApiKeyStore(tmp_path / "keys.json")
    (_, greedy), (_, modest) = store.create(), store.create(weight=2.0)
    synthesizer = RealTimeSynthesizer(rate=400.0, num_frames=20_000, slots=2)
    with run_server(synthesizer, api_keys_file=tmp_path / "keys.json") as url:
        header = f"Authorization: Bearer {greedy}\r\n"
        unread = [open_request(url, LONG, header) for _ in range(6)]
        made: list[int] = []

        def stalled() -> bool:
            made.append(synthesizer.packets_made)
            return len(made) > 100 and made[-100] == made[-1] > 0

        wait_until(stalled)
        load = synthesizer.load
        assert load.running + load.queued == 6
        synthesizer.num_frames = 3
        headers = {"Authorization": f"Bearer {modest}"}
        answer = httpx.post(f"{url}/api/tts", json={"text": "Short.", "format": "pcm"}, headers=headers)
        assert answer.status_code == 200 and len(answer.content) == 3 * 1920 * 2
        assert [utterance.weight for utterance in synthesizer.utterances] == [1.0] * 6 + [2.0]
        load = synthesizer.load
        assert load.running + load.queued == 6, "the unread requests are still open"
        for connection in unread:
            connection.close()


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), 1e9])
def test_a_weight_has_limits(tmp_path: Path, weight: float) -> None:
    with pytest.raises(InvalidValue, match="weight"):
        ApiKeyStore(tmp_path / "keys.json").create(weight=weight)
