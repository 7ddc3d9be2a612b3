"""Generate several lines at the same time, each into its own file as soon as it is complete.

python examples/batch.py [http://127.0.0.1:7860]
"""

import base64
import json
import sys
from pathlib import Path

import requests

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"
LINES = ["Halt! Who goes there?", "Only a traveler, sir.", "Then pass, and be quick."]


def main() -> None:
    body = {"text": LINES, "voice_desc": "A gruff guard of about fifty, low pitch.", "format": "flac", "language": "en"}
    headers = {"Accept": "application/x-ndjson"}
    with requests.post(f"{URL}/api/tts", json=body, headers=headers, stream=True, timeout=120) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            message = json.loads(line)
            if message["type"] == "audio":
                Path(f"line-{message['index']}.flac").write_bytes(base64.b64decode(message["audio"]))
            elif message["type"] == "done":
                print(f"line {message['index']}: {message['num_samples'] / 24_000:.2f} seconds")
            else:
                print(f"line {message['index']}: {message['message']}")


if __name__ == "__main__":
    main()
