"""OpenAI's own Python client, pointed at this machine.

pip install openai
python examples/openai_client.py [http://127.0.0.1:7860]
"""

import sys

from openai import OpenAI

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"


def main() -> None:
    client = OpenAI(base_url=f"{URL}/v1", api_key="not-needed-on-this-machine")
    wish = {
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "input": "The tide is coming in. We should go back.",
        "instructions": "A young woman, bright and a little breathless, in a hurry.",
    }
    client.audio.speech.create(**wish, response_format="mp3").write_to_file("tide.mp3")

    num_bytes = 0
    with client.audio.speech.with_streaming_response.create(**wish, response_format="pcm") as answer:
        for block in answer.iter_bytes(768):
            num_bytes += len(block)
    print(f"tide.mp3, and {num_bytes / 48_000:.2f} seconds streamed")


if __name__ == "__main__":
    main()
