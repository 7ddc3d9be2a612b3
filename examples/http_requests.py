"""A line of speech as a WAV file, then the same as it is being spoken.

python examples/http_requests.py [http://127.0.0.1:7860]
"""

import sys
from pathlib import Path

import requests

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"
WISH = {
    "text": "Good morning. The coffee is ready.",
    "language": "English",
    "voice_desc": "A calm old man, low and husky, slow and kind.",
    "seed": 7,
}


def main() -> None:
    answer = requests.post(f"{URL}/api/tts", json=WISH | {"streaming": False}, timeout=120)
    answer.raise_for_status()
    Path("good-morning.wav").write_bytes(answer.content)
    print("spoken by", answer.headers["X-Engine-Label"])

    num_bytes = 0
    with requests.post(f"{URL}/api/tts", json=WISH | {"streaming": True}, stream=True, timeout=120) as answer:
        answer.raise_for_status()
        for block in answer.iter_content(768):  # 16 ms: hand each to a sound card
            num_bytes += len(block)
    print(f"{num_bytes / 48_000:.2f} seconds, streamed")


if __name__ == "__main__":
    main()
