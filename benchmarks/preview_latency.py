"""Latency of the preview voice, and its speed relative to real time.

    python benchmarks/preview_latency.py [--languages zh,en,ja,ru] [--runs 5]

Two sentences per language, the first with a comma. First PCM: from `submit` to the first packet received. Real-time
factor: time to generate all audio, divided by its duration. `silent_s`: seconds of silence for a client that plays from
the first packet on. The last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from qwen3tts_webui.preview import PreviewSynthesizer
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.types import SAMPLE_RATE, Utterance

FIRST_PCM_TARGET_MS, RTF_TARGET = 900, 0.8
TEXTS = {
    "zh": "今天早上我出门的时候，外面的阳光特别好。公园里有很多人在跑步，还有几个孩子在湖边放风筝。",
    "en": "When I left the house this morning, the sun was already shining. "  # prose: quoted
    "Many people were running in the park, and some children were flying kites by the lake.",
    "ja": "今朝家を出たとき、外はいい天気でした。公園では多くの人が走っていて、子供たちは凧を揚げていました。",
    "ko": "오늘 아침 집을 나설 때, 햇살이 좋았습니다. 공원에서는 많은 사람들이 달리고 있었습니다.",
    "de": "Als ich heute Morgen aus dem Haus ging, schien schon die Sonne. Im Park liefen viele Leute.",
    "fr": "Quand je suis sorti ce matin, le soleil brillait déjà. Dans le parc, beaucoup de gens couraient.",
    "ru": "Когда я вышел утром из дома, уже светило солнце. В парке бегало много людей.",
    "pt": "Quando saí de casa hoje de manhã, o sol já brilhava. No parque, muitas pessoas corriam.",
    "es": "Cuando salí de casa esta mañana, ya brillaba el sol. En el parque mucha gente corría junto al lago.",
    "it": "Quando sono uscito di casa stamattina, il sole splendeva già. Nel parco molte persone correvano.",
}


@dataclass(frozen=True)
class Run:
    """One utterance as a listener received it."""

    first_pcm_ms: float
    rtf: float
    silent_s: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--languages", default="zh,en,ja,ru")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    started = time.perf_counter()
    voice = PreviewSynthesizer()
    while not voice.ready:
        time.sleep(0.01)
    load_s = time.perf_counter() - started
    found: dict[str, dict[str, float]] = {}
    for language in arguments.languages.split(","):
        runs = [listen(voice, language) for _ in range(arguments.runs)]
        found[language] = {
            "first_pcm_ms": round(statistics.median(run.first_pcm_ms for run in runs), 1),
            "rtf": round(statistics.median(run.rtf for run in runs), 3),
            "silent_s": round(statistics.median(run.silent_s for run in runs), 3),
        }
        print(language, found[language])
    voice.close()
    missed = [
        code for code, run in found.items() if run["first_pcm_ms"] >= FIRST_PCM_TARGET_MS or run["rtf"] >= RTF_TARGET
    ]
    print(json.dumps(report(found, missed, load_s, arguments.runs)))
    return 1 if missed else 0


def listen(voice: PreviewSynthesizer, language: str) -> Run:
    """Synthesize the text once, and record when each packet arrived."""
    stream = PcmStream(capacity_s=120)
    asked = time.perf_counter()
    voice.submit([(Utterance(text=TEXTS[language], language=language), stream)])
    first = played_until = silent = 0.0
    samples = 0
    for packet in stream:
        now = time.perf_counter()
        if not samples:
            first = played_until = now
        silent += max(0.0, now - played_until)
        played_until = max(played_until, now) + len(packet) / SAMPLE_RATE
        samples += len(packet)
    took = time.perf_counter() - asked
    return Run((first - asked) * 1000, took / (samples / SAMPLE_RATE), silent)


def report(found: dict[str, dict[str, float]], missed: list[str], load_s: float, runs: int) -> dict[str, object]:
    return {
        "benchmark": "preview_latency",
        "languages": found,
        "targets": {"first_pcm_ms": FIRST_PCM_TARGET_MS, "rtf": RTF_TARGET},
        "missed": missed,
        "load_s": round(load_s, 2),
        "runs": runs,
        "load_average": round(os.getloadavg()[0], 2),
        "device": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: importlib.metadata.version(name) for name in ("onnxruntime", "numpy")},
        "date": datetime.date.today().isoformat(),
    }


if __name__ == "__main__":
    sys.exit(main())
