"""Exit code 0 when the program can speak: what Docker asks every few seconds. Standard library only."""

import os
import urllib.request

port = os.environ.get("QWEN3TTS_PORT", "7860")
with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=4):  # any other status than 2xx raises
    pass
