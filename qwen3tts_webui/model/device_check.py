"""Compare a device that this project has never run on with the CPU, on a tiny model, before it loads a large one.

Apple's and Intel's GPUs run the layers as torch has them. Drivers and torch versions are known to compute some of them
wrongly and in silence, which is heard as noise.
"""

from __future__ import annotations

import torch
from torch import Tensor

from qwen3tts_webui.errors import ErrorDetail, ModelError
from qwen3tts_webui.model.generate import Qwen3TTS
from qwen3tts_webui.model.synthetic import synthetic_config, synthetic_model, synthetic_tokenizer

_ALLOWED = {"float32": 1e-3, "float16": 0.02, "bfloat16": 0.1}  # of the reference's norm
_ROWS = 24


@torch.inference_mode()
def check_device(device: str, dtype: str) -> None:
    """Raise ModelError if prompts, steps or audio of a tiny model on `device` differ from the CPU's in float32."""
    config, tokenizer = synthetic_config("tiny"), synthetic_tokenizer([])
    reference = _results(synthetic_model(config, tokenizer, device="cpu", dtype="float32"))
    found = _results(synthetic_model(config, tokenizer, device=device, dtype=dtype))
    for what, exact in reference.items():
        allowed = _ALLOWED["float32" if what == "audio" else dtype]  # the codec is always float32
        error = float((found[what] - exact).norm() / exact.norm())
        if not error <= allowed:
            raise ModelError(reason=_wrong_results(device, f"{what}: {error:.2%} off, {allowed:.2%} allowed"))


def _wrong_results(device: str, what: str) -> ErrorDetail:
    clause = "{device} computes wrong results with this driver and this torch ({what}); use the processor: --device cpu"
    return ErrorDetail("wrong_results", clause, device=device, what=what)


def _results(model: Qwen3TTS) -> dict[str, Tensor]:
    """Logits after a prompt and after a step, and audio, for the same inputs on every device; on the CPU."""
    draw, talker, device = torch.Generator().manual_seed(0), model.talker, model.device
    text = torch.randint(0, model.config.talker.text_vocab_size, (1, _ROWS + 1), generator=draw)
    codes = torch.randint(0, model.config.predictor.codebook_size, (1, 16, 8), generator=draw)
    talker.ensure_projected(set(text[0].tolist()))
    rows = talker.embed(text.to(device), torch.full((1, _ROWS + 1, 16), -1, device=device))
    kv, first = talker.new_kv(1, 2 * _ROWS), torch.zeros(1, dtype=torch.long, device=device)
    prompt = talker.prefill(rows[:, :_ROWS], first + _ROWS, kv, first)
    step = talker.step(rows[:, _ROWS], first + _ROWS, kv, 2 * _ROWS)
    return {
        "a prompt": talker.logits(prompt).cpu(),
        "a step": talker.logits(step).cpu(),
        "audio": model.codec.decode_whole(codes.to(device)).cpu(),
    }
