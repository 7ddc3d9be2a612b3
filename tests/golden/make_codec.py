"""Make tests/golden/codec with the official package: a tiny random codec and its sound for random codes.

Run in a venv of its own, because the official package pins an old transformers (once; the result is committed):

    python3.11 -m venv official && official/bin/pip install torch==2.13.0 transformers==4.57.3 accelerate==1.12.0 \\
        librosa soundfile einops onnxruntime sox safetensors && official/bin/pip install --no-deps qwen-tts==0.1.1
    official/bin/python tests/golden/make_codec.py
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).parent / "codec"
FRAMES = 340  # more than the 300 that the official decoder takes at a time
FULL_FRAMES = 3  # of these every sample is kept
STRIDE = 61  # of the rest every 61st: it divides neither a frame nor any upsampling rate
DECODER = {
    "latent_dim": 16,
    "codebook_dim": 12,
    "codebook_size": 64,
    "decoder_dim": 32,
    "hidden_size": 14,
    "intermediate_size": 20,
    "head_dim": 8,
    "hidden_act": "silu",
    "attention_bias": False,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "num_hidden_layers": 3,
    "num_quantizers": 16,
    "num_semantic_quantizers": 1,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000,
    "sliding_window": 24,
    "upsample_rates": [8, 5, 4, 3],
    "upsampling_ratios": [2, 2],
}


def official_decoder() -> torch.nn.Module:
    """The official class at these sizes; a stub stands for torchaudio, which another tokenizer imports."""
    import transformers  # noqa: F401  looks for torchaudio first, and must not see the stub

    for name in ("torchaudio", "torchaudio.compliance", "torchaudio.compliance.kaldi"):
        sys.modules.setdefault(name, types.ModuleType(name))
    from qwen_tts.core.tokenizer_12hz import configuration_qwen3_tts_tokenizer_v2 as configuration
    from qwen_tts.core.tokenizer_12hz import modeling_qwen3_tts_tokenizer_v2 as modeling

    config = configuration.Qwen3TTSTokenizerV2DecoderConfig(**DECODER)
    config._attn_implementation = "sdpa"
    return modeling.Qwen3TTSTokenizerV2Decoder._from_config(config).eval()


def random_weights(decoder: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights that keep the sound at a natural level, in the order of the names."""
    source = np.random.Generator(np.random.PCG64(3))
    weights = {}
    for name, old in sorted(decoder.state_dict().items()):
        value = source.standard_normal(tuple(old.shape))
        if name.endswith("cluster_usage"):
            value = source.uniform(0.5, 5.0, tuple(old.shape))
            value[3] = 0.0  # an entry that was never used: its usage is clamped
        elif name.endswith("layer_scale.scale"):
            value = 1.0 + 0.2 * value
        elif name.endswith(("gamma", "alpha", "beta", "bias")):
            value = 0.2 * value
        elif name.endswith(("norm.weight", "layernorm.weight")):
            value = 1.0 + 0.2 * value
        elif not name.endswith("embedding_sum"):
            value = 0.6 * value / np.sqrt(np.prod(old.shape[1:]))  # small enough not to amplify rounding errors
        weights[name] = torch.from_numpy(value).float().contiguous()
    return weights


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    decoder = official_decoder()
    weights = random_weights(decoder)
    codes = np.random.Generator(np.random.PCG64(4)).integers(0, DECODER["codebook_size"], (FRAMES, 16))
    codes[:2, :3] = 3  # the clamped entry
    batch = torch.from_numpy(codes).T[None]
    for level in (1e-4, 1e-4, 0.4):  # first so quiet that nothing is clipped, then a natural level
        decoder.load_state_dict(weights)
        sound = decoder(batch[..., :25])
        weights["decoder.6.conv.bias"] -= sound.mean()
        for name in ("decoder.6.conv.weight", "decoder.6.conv.bias"):
            weights[name] *= level / float(sound.std())
    decoder.load_state_dict(weights)
    whole = decoder(batch)[0, 0].numpy()
    chunked = decoder.chunked_decode(batch)[0, 0].numpy()

    FOLDER.mkdir(exist_ok=True)
    released = {f"decoder.{name}": value for name, value in weights.items()}
    released["encoder.downsample.conv.weight"] = torch.zeros(4, 4, 4)  # stands for the half that speaking does not need
    save_file(released, FOLDER / "model.safetensors")
    config = {"model_type": "qwen3_tts_tokenizer_12hz", "output_sample_rate": 24000, "decoder_config": DECODER}
    (FOLDER / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    np.savez_compressed(
        FOLDER / "sound.npz",
        codes=codes.astype(np.uint8),
        beginning=whole[: FULL_FRAMES * 1920],
        strided=whole[::STRIDE],
        official_strided=chunked[::STRIDE],
    )
    print(f"std {whole.std():.3f}, peak {abs(whole).max():.3f}, clipped {np.mean(abs(whole) >= 1):.4f}")
    print(f"whole against chunked: {abs(whole - chunked)[: 300 * 1920].max()}, later {abs(whole - chunked).max()}")


if __name__ == "__main__":
    main()
