"""Make tests/golden/{design,custom,custom_small}: tiny checkpoints and what the official package does with them.

    python3.11 tests/golden/make_golden.py [--venv FOLDER]

The official package pins an old transformers, so it runs in a venv of its own, which is made on the first run. A
checkpoint has random weights in the exact released layout and a text vocabulary of a few hundred pieces, learnt here
from a few sentences. Each case becomes one file of arrays (`case()` below says which). Needs no network but PyPI.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import types
import zlib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REQUIREMENTS = ["torch==2.13.0", "transformers==4.57.3", "accelerate==1.12.0", "librosa", "soundfile", "einops"]
REQUIREMENTS += ["onnxruntime", "sox", "safetensors"]

ENGLISH = "Hello there, this is a short test of the speech model."
LONG = "The quick brown fox jumps over the lazy dog, and then it rests under the old tree. Nobody saw it again."
CHINESE = "其实我真的有发现,我是一个特别善于观察别人情绪的人。"
MIXED = "My iPhone and the GmbH report: 3 of 25 don't fit, isn't it?"
DESCRIPTION = "Speak slowly, in a warm and low voice."

# as many different widths as possible, so that a mixed-up dimension cannot pass
CODES = 64  # entries of a codebook; the released 2048. All ids above move down with it
HIDDEN, TEXT_HIDDEN, LAYERS, FRAMES = 32, 28, 2, 20
LANGUAGES = {"chinese": 71, "english": 66, "german": 69, "japanese": 74, "french": 77, "russian": 85}
DIALECTS = {"beijing_dialect": 90, "sichuan_dialect": 78}
SPEAKERS = {"vivian": 1081, "ryan": 1077, "uncle_fu": 1026, "eric": 891, "dylan": 894}
DIALECT_OF = dict.fromkeys(SPEAKERS, False) | {"eric": "sichuan_dialect", "dylan": "beijing_dialect"}
ADDED = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>"]

CHECKPOINTS = {
    # `projection`: the code predictor is narrower than the talker, as in 1.7B; `eos`: how likely the end is made
    "design": {"type": "voice_design", "size": "1b7", "projection": True, "eos": 3.0, "seed": 5},
    "custom": {"type": "custom_voice", "size": "1b7", "projection": True, "eos": 1.0, "seed": 6},
    "custom_small": {"type": "custom_voice", "size": "0b6", "projection": False, "eos": 1.0, "seed": 7},
}
GREEDY = {"do_sample": False, "subtalker_dosample": False}
NARROW = {"top_p": 0.8, "top_k": 30, "temperature": 0.7, "repetition_penalty": 1.2}
NARROW |= {"subtalker_top_p": 0.7, "subtalker_top_k": 20, "subtalker_temperature": 1.3}
DESIGN_CASES: dict[str, dict[str, Any]] = {
    "whole": {"text": ENGLISH, "instruct": DESCRIPTION, "language": "English", **GREEDY},
    "streaming": {"text": ENGLISH, "instruct": DESCRIPTION, "language": "English", "streaming": True, **GREEDY},
    "streaming_short": {"text": "Hi!", "instruct": DESCRIPTION, "language": "german", "streaming": True, **GREEDY},
    "auto": {"text": CHINESE, "instruct": "", "language": "Auto", **GREEDY},
    "long": {"text": LONG, "instruct": DESCRIPTION, "language": "English", "frames": 60, **GREEDY},
    "mixed": {"text": MIXED, "instruct": "Like iOS on a MacBook.", "language": "English", **GREEDY},
    "no_penalty": {"text": ENGLISH, "instruct": "", "language": "French", "repetition_penalty": 1.0, **GREEDY},
    "empty": {"text": "", "instruct": DESCRIPTION, "language": "English", **GREEDY},
    "empty_streaming": {"text": "", "instruct": DESCRIPTION, "language": "English", "streaming": True, **GREEDY},
    "sampled": {"text": ENGLISH, "instruct": DESCRIPTION, "language": "English"},
    "sampled_narrow": {"text": ENGLISH, "instruct": DESCRIPTION, "language": "English", **NARROW},
}
CUSTOM_CASES: dict[str, dict[str, Any]] = {
    "speaker": {"text": ENGLISH, "speaker": "Vivian", "language": "English", **GREEDY},
    "instruct": {"text": ENGLISH, "speaker": "ryan", "language": "English", "instruct": DESCRIPTION, **GREEDY},
    "streaming": {"text": ENGLISH, "speaker": "Uncle_Fu", "language": "Auto", "streaming": True, **GREEDY},
    "dialect": {"text": CHINESE, "speaker": "eric", "language": "Chinese", **GREEDY},
    "dialect_auto": {"text": CHINESE, "speaker": "dylan", "language": "Auto", **GREEDY},
    "dialect_english": {"text": ENGLISH, "speaker": "dylan", "language": "English", **GREEDY},
    "sampled": {"text": ENGLISH, "speaker": "ryan", "language": "Japanese", "instruct": DESCRIPTION},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--venv", type=Path, default=Path("/tmp/official-venv"), help="where the official package lives"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        for name in CHECKPOINTS:
            make_checkpoint(HERE / name, **CHECKPOINTS[name])
            run_official(HERE / name, CUSTOM_CASES if name.startswith("custom") else DESIGN_CASES)
        return
    python = options.venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", options.venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *REQUIREMENTS], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "qwen-tts==0.1.1"], check=True)
    subprocess.run([python, __file__, "--inside"], check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})


def import_official() -> Any:
    """The package; a stub stands for torchaudio, which only its unused 25 Hz tokenizer imports."""
    import transformers  # noqa: F401  looks for torchaudio first, and must not see the stub

    for name in ("torchaudio", "torchaudio.compliance", "torchaudio.compliance.kaldi"):
        sys.modules.setdefault(name, types.ModuleType(name))
    import qwen_tts

    return qwen_tts


# the checkpoint


def make_tokenizer(folder: Path) -> dict[str, int]:
    """Write vocab.json, merges.txt and tokenizer_config.json; returns the ids the config must name."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=letters, min_frequency=1, show_progress=False)
    tokenizer.train_from_iterator([*["assistant", "user"] * 100, ENGLISH, LONG, CHINESE, MIXED, DESCRIPTION], trainer)
    tokenizer.model.save(str(folder))
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    (folder / "merges.txt").write_text("\n".join(line for line in lines if not line.startswith("#")) + "\n")
    added = {name: len(vocab) + number for number, name in enumerate(ADDED)}
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    config = {
        "added_tokens_decoder": {str(number): {"content": name, **flags} for name, number in added.items()},
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "Qwen2Tokenizer",
        "errors": "replace",
    }
    write_json(folder / "tokenizer_config.json", config)
    return {**added, "assistant": vocab["assistant"]}


def configs(ids: dict[str, int], spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """config.json of the model and of its codec, with the keys of the released files."""
    custom = spec["type"] == "custom_voice"
    stack = {
        "attention_bias": False,
        "hidden_act": "silu",
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "num_hidden_layers": LAYERS,
        "num_code_groups": 16,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000,
    }
    predictor = {
        **stack,
        "head_dim": 10,
        "hidden_size": 24 if spec["projection"] else HIDDEN,
        "intermediate_size": 40,
        "layer_types": ["full_attention"] * LAYERS,
        "model_type": "qwen3_tts_talker_code_predictor",
        "max_position_embeddings": 65536,
        "vocab_size": CODES,
    }
    shift = CODES - 2048
    talker = {
        **stack,
        "code_predictor_config": predictor,
        "codec_bos_id": 2149 + shift,
        "codec_eos_token_id": 2150 + shift,
        "codec_language_id": {**LANGUAGES, **(DIALECTS if custom else {})},
        "codec_nothink_id": 2155 + shift,
        "codec_pad_id": 2148 + shift,
        "codec_think_bos_id": 2156 + shift,
        "codec_think_eos_id": 2157 + shift,
        "codec_think_id": 2154 + shift,
        "head_dim": 12,
        "hidden_size": HIDDEN,
        "intermediate_size": 48,
        "max_position_embeddings": 32768,
        "model_type": "qwen3_tts_talker",
        "rope_scaling": {"interleaved": True, "mrope_section": [2, 2, 2], "rope_type": "default", "type": "default"},
        "spk_id": SPEAKERS if custom else {},
        "spk_is_dialect": DIALECT_OF if custom else {},
        "text_hidden_size": TEXT_HIDDEN,
        "text_vocab_size": (max(ids.values()) // 64 + 1) * 64,
        "vocab_size": CODES + 1024,
    }
    model = {
        "architectures": ["Qwen3TTSForConditionalGeneration"],
        "assistant_token_id": ids["assistant"],
        "im_end_token_id": ids["<|im_end|>"],
        "im_start_token_id": ids["<|im_start|>"],
        "model_type": "qwen3_tts",
        "talker_config": talker,
        "tokenizer_type": "qwen3_tts_tokenizer_12hz",
        "transformers_version": "4.57.3",
        "tts_bos_token_id": ids["<tts_text_bos>"],
        "tts_eos_token_id": ids["<tts_text_eod>"],
        "tts_model_size": spec["size"],
        "tts_model_type": spec["type"],
        "tts_pad_token_id": ids["<tts_pad>"],
    }
    from make_codec import DECODER

    encoder = {"hidden_size": 16, "num_filters": 2, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 8}
    encoder |= {"num_key_value_heads": 2, "intermediate_size": 24, "codebook_dim": 8, "codebook_size": CODES}
    encoder |= {"vector_quantization_hidden_dimension": 8, "upsample_groups": 16, "num_quantizers": 18}
    codec = {
        "architectures": ["Qwen3TTSTokenizerV2Model"],
        "decode_upsample_rate": 1920,
        "decoder_config": {**DECODER, "num_hidden_layers": 2, "sliding_window": 9},
        "encode_downsample_rate": 1920,
        "encoder_config": encoder,
        "encoder_valid_num_quantizers": 16,
        "input_sample_rate": 24000,
        "model_type": "qwen3_tts_tokenizer_12hz",
        "output_sample_rate": 24000,
    }
    return model, codec


def draw(name: str, shape: tuple[int, ...], seed: int, eos: tuple[int, float]) -> Any:
    """Random weights for one tensor: they depend on the seed, the name and the shape alone."""
    import numpy as np

    source = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
    value = source.standard_normal(shape)
    if name.endswith("cluster_usage"):
        value = source.uniform(0.5, 5.0, shape)
    elif "norm" in name and name.endswith("weight"):
        value = 1 + 0.2 * np.clip(value, -3, 3)
    elif name.endswith("layer_scale.scale"):
        value = source.uniform(0.2, 0.8, shape)
    elif name.endswith(("alpha", "beta", "gamma", "bias")):
        value *= 0.1
    elif name.endswith("text_embedding.weight"):
        value *= 0.7
    elif "codec_embedding" in name:
        value *= 0.35
    elif "codec_head" in name or "lm_head" in name:
        value *= 2.2 / np.sqrt(shape[1])
        if "codec_head" in name:
            value[eos[0]] *= eos[1]
    elif not name.endswith(("embedding_sum", "embed_sum")):
        value *= (0.6 if "decoder.decoder" in name else 1.2) / np.sqrt(np.prod(shape[1:]) or 1)
    return value.astype(np.float32)


def make_checkpoint(folder: Path, **spec: Any) -> None:
    """Write a checkpoint with the tensors that the official classes ask for."""
    import numpy as np
    import torch
    from safetensors.torch import save_file

    import_official()
    from qwen_tts.core import Qwen3TTSTokenizerV2Config, Qwen3TTSTokenizerV2Model
    from qwen_tts.core.models import Qwen3TTSConfig, Qwen3TTSForConditionalGeneration

    codec_folder = folder / "speech_tokenizer"
    codec_folder.mkdir(parents=True, exist_ok=True)
    model, codec = configs(make_tokenizer(folder), spec)
    eos = (model["talker_config"]["codec_eos_token_id"], spec["eos"])

    def weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
        return {
            name: torch.from_numpy(draw(name, tuple(old.shape), spec["seed"], eos))
            for name, old in module.state_dict().items()
        }

    write_json(folder / "config.json", model)
    write_json(codec_folder / "config.json", codec)
    write_json(folder / "generation_config.json", {"do_sample": True, "temperature": 0.9, "top_k": 50, "top_p": 1.0})
    processor = {"feature_extractor_type": "EncodecFeatureExtractor", "feature_size": 1, "sampling_rate": 24000}
    write_json(folder / "preprocessor_config.json", processor)
    write_json(codec_folder / "preprocessor_config.json", processor)
    official = Qwen3TTSForConditionalGeneration(Qwen3TTSConfig(**json.loads(json.dumps(model))))
    save_file(weights(official), folder / "model.safetensors", metadata={"format": "pt"})

    sounding = Qwen3TTSTokenizerV2Model(Qwen3TTSTokenizerV2Config(**json.loads(json.dumps(codec)))).eval()
    values = weights(sounding)
    sounding.load_state_dict(values)
    codes = torch.from_numpy(np.random.Generator(np.random.PCG64(1)).integers(0, CODES, (1, 16, 20)))
    last = "decoder.decoder.6.conv."
    for level in (1e-4, 0.25):  # first so quiet that nothing is clipped, then a natural level
        with torch.no_grad():
            sound = sounding.decoder(codes)
        for kind in ("weight", "bias"):
            values[last + kind] *= level / float(sound.std())
        sounding.load_state_dict(values)
    save_file(values, codec_folder / "model.safetensors", metadata={"format": "pt"})


# what the official package does


def run_official(folder: Path, cases: dict[str, dict[str, Any]]) -> None:
    import numpy as np
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    package = import_official()
    tts = package.Qwen3TTSModel.from_pretrained(str(folder))
    (folder / "cases").mkdir(exist_ok=True)
    for name, request in cases.items():
        arrays = case(tts, dict(request), keep_sound=name in ("whole", "speaker"))
        np.savez_compressed(folder / "cases" / f"{name}.npz", request=np.array(json.dumps(request)), **arrays)
        print(folder.name, name, arrays["codes"].shape, float(arrays["margin"].min()))


def case(tts: Any, request: dict[str, Any], *, keep_sound: bool) -> dict[str, Any]:
    """Run one request and keep, beside `input_ids`, `instruct_ids` (empty without) and `codes` (frames, 16):

    `rows` (positions, hidden): the prompt; `tokens` (n,): the first codes, the end included; `scores` (3, vocab): of
    the first three, as they were drawn from; `residual_scores` (2, 15, codes): of the first two frames; `margin`: best
    minus second best of all scores; `sound`: where it is to be kept.
    """
    import numpy as np
    import torch

    talker = tts.model.talker
    seen: dict[str, Any] = {"residual": []}
    originals = tts.model.generate, talker.generate, talker.code_predictor.generate

    def generate(*args: Any, **kwargs: Any) -> Any:
        seen["request"] = kwargs
        seen["result"] = originals[0](*args, **kwargs)
        return seen["result"]

    def talk(*args: Any, **kwargs: Any) -> Any:
        seen["prompt"] = kwargs["inputs_embeds"]
        seen["talked"] = originals[1](*args, **{**kwargs, "output_scores": True})
        return seen["talked"]

    def predict(*args: Any, **kwargs: Any) -> Any:
        result = originals[2](*args, **{**kwargs, "output_scores": True})
        seen["residual"].append(torch.stack(result.scores, dim=1)[0])
        return result

    tts.model.generate, talker.generate, talker.code_predictor.generate = generate, talk, predict
    streaming = request.pop("streaming", False)
    frames = request.pop("frames", FRAMES)
    torch.manual_seed(3)
    method = tts.generate_custom_voice if "speaker" in request else tts.generate_voice_design
    try:
        sounds, _ = method(**request, non_streaming_mode=not streaming, max_new_tokens=frames + 1)
    finally:
        tts.model.generate, talker.generate, talker.code_predictor.generate = originals
    scores = torch.stack(seen["talked"].scores)[:, 0]
    residual = torch.stack(seen["residual"])
    best = [part.topk(2, dim=-1).values for part in (scores, residual.flatten(0, 1))]
    instruct = (seen["request"].get("instruct_ids") or [None])[0]
    arrays = {
        "input_ids": seen["request"]["input_ids"][0][0].numpy(),
        "instruct_ids": np.zeros(0, np.int64) if instruct is None else instruct[0].numpy(),
        "rows": seen["prompt"][0].numpy(),
        "tokens": seen["talked"].sequences[0].numpy(),
        "codes": seen["result"][0][0].numpy().astype(np.uint8),
        "scores": scores[:3].numpy(),
        "residual_scores": residual[:2].numpy(),
        "margin": torch.cat([pair[:, 0] - pair[:, 1] for pair in best]).numpy(),
    }
    if keep_sound:
        arrays["sound"] = np.asarray(sounds[0], np.float32)
    return arrays


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
