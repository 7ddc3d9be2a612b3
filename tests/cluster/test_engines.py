"""A replica loads all configured models before it takes requests, or says which one is missing."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from qwen3tts_webui.checkpoints import LocalStore
from qwen3tts_webui.cluster.engines import load_engines
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import CheckpointError, DownloadError
from tests.support.golden_cases import GOLDEN


def settings(folder: Path, *more: Path | str) -> Settings:
    also = tuple(map(str, more))
    return Settings(models=folder, model=str(GOLDEN / "design"), also_load=also, device="cpu", dtype="float32", slots=1)


def test_all_models_are_ready(tmp_path: Path) -> None:
    chosen = settings(tmp_path, GOLDEN / "base")
    with closing(load_engines(chosen, LocalStore(tmp_path))) as synthesizer:
        assert [engine.info.model_type for engine in synthesizer.engines] == ["voice_design", "base"]
        assert all(engine.ready for engine in synthesizer.engines)


@pytest.mark.parametrize("more", ["Qwen/Qwen3-TTS-12Hz-0.6B-Base", "damaged"])
def test_a_model_that_is_not_there_is_named_at_the_start(tmp_path: Path, more: str) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_text("{}")
    wanted = damaged if more == "damaged" else more
    with pytest.raises((DownloadError, CheckpointError), match=more):
        load_engines(settings(tmp_path, wanted), LocalStore(tmp_path, caches=()))
