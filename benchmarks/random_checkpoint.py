"""Write a checkpoint of a released size with random weights, to measure loading, memory and speed from disk.

    python benchmarks/random_checkpoint.py --size 0.6B --out FOLDER

The tokenizer is the small one of the tests. 1.8 GB for 0.6B, 4.3 GB for 1.7B, and 0.5 GB for the codec.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import struct
import sys
from pathlib import Path

import torch
from accelerate import init_empty_weights
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from qwen3tts_webui.model.codec.decoder import CodecDecoder
from qwen3tts_webui.model.config.model_config import CODEC_FOLDER, read_model_config
from qwen3tts_webui.model.synthetic import RELEASED_CODEC, synthetic_config
from qwen3tts_webui.model.talker.talker import Talker

TEMPLATE = Path(__file__).resolve().parents[1] / "tests" / "golden" / "design"
BLOCK = 4_194_301


def configure(folder: Path, size: str) -> None:
    """Write the template's configs with the released sizes."""
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("cases", "*.safetensors"))
    spec, path = synthetic_config(size), folder / "config.json"
    config = json.loads(path.read_text())
    talker, predictor = config["talker_config"], config["talker_config"]["code_predictor_config"]
    for section, stack in ((talker, spec.talker.stack), (predictor, spec.predictor.stack)):
        section |= {"hidden_size": stack.hidden_size, "intermediate_size": stack.intermediate_size}
        section |= {"num_hidden_layers": stack.num_layers, "num_attention_heads": stack.num_heads}
        section |= {"num_key_value_heads": stack.num_kv_heads, "head_dim": stack.head_dim}
    predictor["vocab_size"] = spec.predictor.codebook_size
    talker |= {"vocab_size": spec.talker.vocab_size, "text_vocab_size": spec.talker.text_vocab_size}
    talker |= {"text_hidden_size": spec.talker.text_hidden_size, "codec_language_id": dict(spec.talker.languages)}
    for name, key in (("codec_bos_id", "bos_id"), ("codec_eos_token_id", "eos_id"), ("codec_pad_id", "pad_id")):
        talker[name] = getattr(spec.talker, key)
    for key in ("nothink_id", "think_id", "think_bos_id", "think_eos_id"):
        talker[f"codec_{key}"] = getattr(spec.talker, key)
    path.write_text(json.dumps(config | {"tts_model_size": spec.size}))
    path = folder / CODEC_FOLDER / "config.json"
    config = json.loads(path.read_text())
    decoder, codec = config["decoder_config"], RELEASED_CODEC
    for key in ("latent_dim", "codebook_dim", "codebook_size", "decoder_dim", "hidden_size", "intermediate_size"):
        decoder[key] = getattr(codec, key)
    decoder |= {
        "head_dim": codec.head_dim,
        "num_attention_heads": codec.num_heads,
        "num_hidden_layers": codec.num_layers,
    }
    decoder |= {"num_key_value_heads": codec.num_heads, "sliding_window": codec.sliding_window}
    path.write_text(json.dumps(config))


def write(module: nn.Module, prefix: str, dtype: torch.dtype, path: Path) -> None:
    """Write a safetensors file, tensor by tensor: norms are 1, matrices preserve the scale of their input."""
    block = torch.randn(BLOCK, generator=torch.Generator().manual_seed(0))
    header, start = {}, 0
    shapes = {name: tuple(weight.shape) for name, weight in module.state_dict().items()}
    for name, shape in shapes.items():
        end = start + math.prod(shape) * dtype.itemsize
        kind = {torch.bfloat16: "BF16", torch.float32: "F32"}[dtype]
        header[prefix + name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
        start = end
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        for name, shape in shapes.items():
            one = ("norm" in name and name.endswith("weight")) or name.endswith("cluster_usage")
            scale = 0.02 if "embed" in name or len(shape) == 1 else 1 / math.sqrt(math.prod(shape[1:]))
            part = torch.ones(BLOCK) if one else block * scale
            data = part.to(dtype).view(torch.uint8).numpy().data
            left = math.prod(shape) * dtype.itemsize
            while left:
                file.write(data[:left])
                left -= min(left, len(data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["0.6B", "1.7B"], default="0.6B")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    configure(args.out, args.size)
    spec = read_model_config(args.out)
    with init_empty_weights():
        talker, codec = Talker(spec), CodecDecoder(spec.codec)
    write(talker, "talker.", torch.bfloat16, args.out / "model.safetensors")
    write(codec, "decoder.", torch.float32, args.out / CODEC_FOLDER / "model.safetensors")
    print(args.out)


if __name__ == "__main__":
    main()
