"""Load time of a checkpoint on a CPU, and its memory: resident after loading, and the peak.

    python benchmarks/cpu_load.py FOLDER [--dtype int8] [--threads 2] [--fresh]

Run it twice: the first run quantizes and packs the weights, the second reads them from the cache. `--fresh` empties the
cache first. One JSON line: seconds from the start of the process (imports included) until the first frame.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
GIB = 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", default="int8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fresh", action="store_true")
    args = parser.parse_args()
    process = psutil.Process()
    from qwen3tts_webui.user_folders import cache_folder

    if args.fresh:
        shutil.rmtree(cache_folder("packed"), ignore_errors=True)
    import torch

    from qwen3tts_webui.engine import ModelRunner
    from qwen3tts_webui.engine.sequence import SequenceState
    from qwen3tts_webui.engine.warmup import warm_up
    from qwen3tts_webui.model import load_model
    from qwen3tts_webui.types import PcmSink, Utterance

    torch.set_num_threads(args.threads)
    imported = time.time() - process.create_time()
    model = load_model(args.folder, device="cpu", dtype=args.dtype)
    loaded = time.time() - process.create_time()
    runner = ModelRunner(model, slots=1, kv_length=2048)

    def new_sequence(utterance: Utterance, sink: PcmSink) -> SequenceState:
        return SequenceState(utterance, sink, encoder=model.tokenizer, prompts=model.prompts, clock=time.monotonic)

    warm_up(runner, new_sequence, clock=time.monotonic)
    ready = time.time() - process.create_time()
    held = process.memory_info().rss / GIB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
    rounding = model.talker.quantization_error
    facts = {"benchmark": "cpu_load", "folder": args.folder.name, "dtype": args.dtype, "threads": args.threads}
    times = {"imported_s": round(imported, 2), "loaded_s": round(loaded, 2), "ready_s": round(ready, 2)}
    memory = {"resident_gib": round(held, 2), "peak_gib": round(peak, 2), "peak_ratio": round(peak / held, 2)}
    quality = {} if rounding is None else {"equal_codes": rounding.argmax_agreement, "score_error": rounding.error}
    print(json.dumps(facts | times | memory | quality | {"kernels": model.talker.kernel_choice}))


if __name__ == "__main__":
    main()
