"""A history on a network share: several processes write at once, without shared memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from qwen3tts_webui.history import HistoryStore

WRITER = """
import sys
from pathlib import Path
import numpy as np
from qwen3tts_webui.history import HistoryStore

history = HistoryStore(Path(sys.argv[1]), network=True)
for number in range(10):
    history.add({"text": f"{sys.argv[2]} {number}"}, np.ones(240, dtype=np.float32))
history.close()
"""


def test_several_processes_write_at_once_without_shared_memory(tmp_path: Path):
    history = HistoryStore(tmp_path, network=True)
    history.add({"text": "first"}, np.ones(240, dtype=np.float32))
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    history.add({"text": "last"}, np.ones(240, dtype=np.float32))
    assert history.count() == 22
    assert not list(tmp_path.glob("library.db-*"))
    history.close()


def test_a_local_history_can_become_shared(tmp_path: Path):
    local = HistoryStore(tmp_path)
    local.add({"text": "before"}, np.ones(240, dtype=np.float32))
    local.close()
    shared = HistoryStore(tmp_path, network=True)
    assert [entry.report["text"] for entry in shared.entries()] == ["before"]
    shared.close()
    assert not list(tmp_path.glob("library.db-*"))
