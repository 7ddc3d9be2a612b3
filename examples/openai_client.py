"""Use OpenAI's Python client with this server.

pip install openai
python examples/openai_client.py [http://127.0.0.1:7860]
"""

import sys

from openai import OpenAI

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"


def main() -> None:
    client = OpenAI(base_url=f"{URL}/v1", api_key="not-needed-locally")
    options = {
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "input": "The tide is coming in. We should go back.",
        "instructions": "A young woman, bright and a little breathless, in a hurry.",
    }
    client.audio.speech.create(**options, response_format="mp3").write_to_file("tide.mp3")

    num_bytes = 0
    with client.audio.speech.with_streaming_response.create(**options, response_format="pcm") as response:
        for chunk in response.iter_bytes(768):
            num_bytes += len(chunk)
    print(f"tide.mp3, and {num_bytes / 48_000:.2f} seconds streamed")


if __name__ == "__main__":
    main()
