"""The health check of the image: exit code 0 once the engine is ready. Standard library only."""

import os
import urllib.request

port = os.environ.get("QWEN3TTS_PORT", "7860")
with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=4):  # raises for any status but 2xx
    pass
