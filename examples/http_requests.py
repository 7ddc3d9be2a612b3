"""Generate a WAV file, then stream the same text.

python examples/http_requests.py [http://127.0.0.1:7860]
"""

import sys
from pathlib import Path

import requests

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"
BODY = {
    "text": "Good morning. The coffee is ready.",
    "language": "English",
    "voice_desc": "A calm old man, low and husky, slow and kind.",
    "seed": 7,
}


def main() -> None:
    response = requests.post(f"{URL}/api/tts", json=BODY | {"streaming": False}, timeout=120)
    response.raise_for_status()
    Path("good-morning.wav").write_bytes(response.content)
    print("engine:", response.headers["X-Engine-Label"])

    num_bytes = 0
    with requests.post(f"{URL}/api/tts", json=BODY | {"streaming": True}, stream=True, timeout=120) as response:
        response.raise_for_status()
        for chunk in response.iter_content(768):  # 16 ms: play it
            num_bytes += len(chunk)
    print(f"{num_bytes / 48_000:.2f} seconds, streamed")


if __name__ == "__main__":
    main()
