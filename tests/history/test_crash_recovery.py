"""Kill writers at random moments, many times: the history opens, and no file is partial."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest

from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.voices import SavedVoices

WRITER = """
import os
import sys
from pathlib import Path
import numpy as np
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.voices import SavedVoice

def write():
    history = HistoryStore(Path(sys.argv[1]), quota_bytes=2_000_000)
    pcm = np.ones(12_000, dtype=np.float32)
    number = 0
    while True:
        print(number, flush=True)
        number += 1
        with history.begin() as writer:
            for start in range(0, 12_000, 1_000):
                writer.write(pcm[start : start + 1_000])
            writer.commit({"text": f"number {number}", "samples": 12_000})
        entries = history.entries(limit=50)
        if number % 3 == 0:
            history.delete(entries[-1].id)
        if number % 5 == 0:
            history.set_starred(entries[0].id)
        voice = history.voices.save(SavedVoice(name=f"voice {number}"))
        history.voices.rename(voice.id, "renamed")
        if number % 2:
            history.voices.delete(voice.id)

for line in sys.stdin:
    if (writer := os.fork()) == 0:
        write()
    print("writer", writer, flush=True)
    print("ended", os.waitpid(writer, 0)[1], flush=True)
"""


def kill_during_write(writers: subprocess.Popen[str], rounds: int, after_s: float) -> None:
    """Start a writer, and kill it `after_s` seconds after it has completed `rounds` rounds."""
    assert writers.stdin is not None and writers.stdout is not None
    writers.stdin.write("start\n")
    writers.stdin.flush()
    words = iter(writers.stdout.readline, "")
    seen: list[str] = []
    while f"{rounds}\n" not in seen or not (started := [line for line in seen if line.startswith("writer")]):
        seen.append(next(words))
    time.sleep(after_s)
    os.kill(int(started[0].split()[1]), signal.SIGKILL)
    assert next(line for line in words if line.startswith("ended")) == f"ended {int(signal.SIGKILL)}\n"


def check_complete(folder: Path) -> int:
    history = HistoryStore(folder)
    try:
        entries = history.entries(limit=10_000)
        audio = {path.stem for path in folder.glob("*.wav")}
        assert audio == {path.stem for path in folder.glob("*.json")} == {entry.id for entry in entries}
        for entry in entries:
            with wave.open(str(entry.path)) as wav:
                assert wav.getnframes() == entry.report["samples"] == 12_000
            assert entry.path.stat().st_size == entry.num_bytes
            assert json.loads(entry.path.with_suffix(".json").read_bytes()) == entry.report
        assert not list(folder.rglob("*.part"))
        for voice in (folder / "voices").iterdir():
            assert SavedVoices(folder / "voices").get(voice.stem).name
        assert history._database._query("PRAGMA integrity_check") == [("ok",)]
        return len(entries)
    finally:
        history.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_crash_at_any_moment_leaves_complete_files_and_a_consistent_history(tmp_path):
    moment = random.Random(0)
    kept = []
    command = [sys.executable, "-c", WRITER, str(tmp_path)]  # imports once and forks a writer for each round
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, cwd=Path(__file__).parents[2]) as writers:
        for _ in range(12):
            kill_during_write(writers, rounds=moment.randrange(4), after_s=moment.uniform(0, 0.1))
            kept.append(check_complete(tmp_path))
        assert writers.stdin is not None
        writers.stdin.close()
    assert max(kept) > 5
