"""The client of the step `load` of `gpu_check.py`: send requests at each of the rates, and print the results.

python -m benchmarks.gpu_load_client HOST PORT RATES SECONDS FRAMES
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from qwen3tts_webui.bench.load import send_requests, summarize


def main(host: str, port: str, rates: str, length: str, frames: str) -> None:
    rows = []
    for rate in (float(rate) for rate in rates.split(",")):
        speech_s = int(frames) * 0.08
        asyncio.run(send_requests((host, int(port)), rate, 1.5, seconds=speech_s, seed=1_000))
        began = time.monotonic()
        records = asyncio.run(send_requests((host, int(port)), rate, float(length), seconds=speech_s, seed=0))
        rows.append(summarize(rate, 0, records, time.monotonic() - began))
    print(json.dumps(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
