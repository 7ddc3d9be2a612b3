"""`say` with a recording: the codes, ids and audio that the official package makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from qwen3tts_webui.cli import main
from tests.golden.recordings import recording
from tests.support.cloning import FakeRecognizer
from tests.support.golden_cases import GOLDEN
from tests.support.golden_clones import BASE


def say(folder: Path, *flags: str, model: Path = BASE) -> int:
    machine = ["--device", "cpu", "--dtype", "float32"]
    return main(["say", "--model", str(model), *machine, "--output", str(folder / "out.wav"), *flags])


def clip(folder: Path, seconds: float, rate: int = 24_000) -> str:
    path = folder / "clip.wav"
    soundfile.write(path, recording(seconds, rate), rate, subtype="PCM_16")
    return str(path)


@pytest.mark.parametrize("name", ["icl", "icl_16k", "xvector_whole"])
def test_say_clones_a_recording_as_officially(tmp_path: Path, name: str) -> None:
    with np.load(BASE / "cases" / f"{name}.npz") as content:
        official = dict(content)
    request = json.loads(str(official["request"]))
    reference = ["--ref-audio", clip(tmp_path, request["seconds"], request.get("sample_rate", 24_000))]
    reference += ["--ref-text", request["ref_text"]] if "ref_text" in request else ["--x-vector-only"]
    mode = "whole" if request.get("whole") else "streaming"
    flags = ["--text", request["text"], "--language", request["language"], "--text-mode", mode, "--greedy"]
    flags += ["--max-frames", str(len(official["codes"])), "--codes", str(tmp_path / "codes.npz"), "--wav-float"]
    assert say(tmp_path, *flags, *reference) == 0
    with np.load(tmp_path / "codes.npz") as content:
        ours = dict(content)
    assert ours["codes"].tolist() == official["codes"].tolist()
    assert ours["input_ids"].tolist() == official["input_ids"].tolist()
    assert np.abs(ours["x_vector"] - official["x_vector"]).max() < 1e-5
    if "ref_text" in request:
        assert ours["ref_codes"].tolist() == official["ref_codes"].tolist()
        assert ours["ref_ids"].tolist() == official["ref_ids"].tolist()
    else:
        assert "ref_codes" not in ours
    if "sound" in official:
        sound, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
        assert np.abs(sound - official["sound"]).max() < 2e-5


def test_the_transcript_is_recognized_where_none_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = FakeRecognizer("What was said.")
    monkeypatch.setattr("qwen3tts_webui.recognition.find_recognizer", lambda choice: recognizer)
    flags = ["--text", "Hi.", "--greedy", "--max-frames", "2", "--ref-audio", clip(tmp_path, 1.0)]
    codes = [tmp_path / "recognized.npz", tmp_path / "given.npz"]
    assert say(tmp_path, *flags, "--codes", str(codes[0])) == 0
    assert "Recognized by Fake ears: What was said." in capsys.readouterr().out
    assert say(tmp_path, *flags, "--codes", str(codes[1]), "--ref-text", "What was said.") == 0
    ids = [np.load(file)["ref_ids"].tolist() for file in codes]
    assert ids[0] == ids[1]
    assert recognizer.heard == [(24_000, "auto")]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--ref-text", "Hi."], "--ref-text"),
        (["--x-vector-only"], "--x-vector-only"),
        (["--ref-audio", "clip.wav", "--recognizer", "off"], "[verify]"),
        (["--ref-audio", "clip.wav", "--recognizer", "nowhere"], "[verify]"),
        (["--ref-audio", "nowhere.wav", "--x-vector-only"], "--ref-audio"),
        ([], "recording to clone"),
    ],
)
def test_flags_that_do_not_belong_together_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], expected: str
) -> None:
    assert say(tmp_path, "--text", "Hi.", *flags) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert "Traceback" not in error
    assert not (tmp_path / "out.wav").exists()


def test_a_file_that_is_no_audio_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clip.wav").write_text("not audio")
    assert say(tmp_path, "--text", "Hi.", "--ref-audio", str(tmp_path / "clip.wav"), "--x-vector-only") == 2
    assert "WAV, FLAC, MP3" in capsys.readouterr().err


def test_another_checkpoint_cannot_clone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--text", "Hi.", "--ref-audio", clip(tmp_path, 0.9), "--x-vector-only"]
    assert say(tmp_path, *flags, model=GOLDEN / "design") == 2
    assert "Base checkpoint" in capsys.readouterr().err
