"""A history on a network share: no shared memory, and several processes write at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from qwen3tts_webui.history.store import HistoryStore

WRITER = """
import sys
from pathlib import Path
import numpy as np
from qwen3tts_webui.history.store import Library

library = Library(Path(sys.argv[1]), network=True)
for number in range(10):
    library.add({"text": f"{sys.argv[2]} {number}"}, np.ones(240, dtype=np.float32))
library.close()
"""


def test_all_that_several_write_is_found_and_there_is_no_shared_memory(tmp_path: Path):
    library = HistoryStore(tmp_path, network=True)
    library.add({"text": "first"}, np.ones(240, dtype=np.float32))
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    library.add({"text": "last"}, np.ones(240, dtype=np.float32))
    assert library.count() == 22
    assert not list(tmp_path.glob("library.db-*"))
    library.close()


def test_a_history_that_was_local_can_become_shared(tmp_path: Path):
    local = HistoryStore(tmp_path)
    local.keep({"text": "before"}, np.ones(240, dtype=np.float32))
    local.close()
    shared = HistoryStore(tmp_path, network=True)
    assert [entry.report["text"] for entry in shared.entries()] == ["before"]
    shared.close()
    assert not list(tmp_path.glob("library.db-*"))
