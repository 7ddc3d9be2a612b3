"""Make tests/golden/base: a tiny Base checkpoint, and what the official package makes of recordings with it.

    /tmp/official-venv/bin/python tests/golden/make_clone.py

Run it with the venv that make_golden.py makes. `cases/NAME.npz` holds one cloned utterance (`case()` says what),
`encoders.npz` what the encoders make of recordings of several lengths (`encoders()` says what).
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import make_golden as common
import numpy as np
import torch
from recordings import recording

HERE = Path(__file__).resolve().parent
MEL_STRIDE = 17  # every 17th frame of a mel spectrogram is kept
SECONDS = (0.1, 0.5, 1.37, 12.5)  # the last is longer than the window that the encoder's config declares
FRAMES = 12
TRANSCRIPT = "This is what I said in the reference."

CASES: dict[str, dict[str, Any]] = {
    "xvector": {"text": common.ENGLISH, "language": "English", "seconds": 0.9, "x_vector_only_mode": True},
    "xvector_whole": {
        "text": common.ENGLISH, "language": "Auto", "seconds": 0.9, "x_vector_only_mode": True, "whole": True,
    },
    "icl": {"text": common.LONG, "language": "English", "seconds": 0.93, "ref_text": TRANSCRIPT},
    "icl_more_codes_than_text": {"text": "Hi!", "language": "German", "seconds": 4.4, "ref_text": "Well."},
    "icl_whole": {
        "text": common.CHINESE, "language": "Chinese", "seconds": 1.37, "ref_text": TRANSCRIPT, "whole": True,
    },
    "icl_16k": {
        "text": common.ENGLISH, "language": "Auto", "seconds": 1.1, "sample_rate": 16_000, "ref_text": TRANSCRIPT,
    },
    # 17 frames, then 12: int(17 / 29 * samples) is one sample short (docs/model.md, section 11, quirk 7)
    "icl_early": {"text": common.LONG, "language": "French", "seconds": 1.36, "ref_text": TRANSCRIPT},
}  # fmt: skip
KEEP_SOUND = ("xvector", "icl", "icl_whole", "icl_early")
_CONFIGS, _DRAW = common.configs, common.draw


def main() -> None:
    folder = HERE / "base"
    common.configs, common.draw = _configs, _draw
    common.make_checkpoint(folder, type="base", size="1b7", projection=False, eos=1.0, seed=8)
    torch.set_num_threads(1)
    package = common.import_official()
    with contextlib.redirect_stdout(io.StringIO()):
        tts = package.Qwen3TTSModel.from_pretrained(str(folder))
    (folder / "cases").mkdir(exist_ok=True)
    np.savez_compressed(folder / "encoders.npz", **encoders(tts))
    for name, request in CASES.items():
        arrays = case(tts, dict(request), keep_sound=name in KEEP_SOUND)
        np.savez_compressed(folder / "cases" / f"{name}.npz", request=np.array(json.dumps(request)), **arrays)
        print(name, arrays["codes"].shape, arrays["num_samples"], float(arrays["margin"].min()))


def _configs(ids: dict[str, int], spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    model, codec = _CONFIGS(ids, spec)
    # the released files give enc_dim and sample_rate only, with these as the defaults of the class, but wider
    model["speaker_encoder_config"] = {
        "enc_dim": common.HIDDEN, "sample_rate": 24_000, "mel_dim": 128, "enc_channels": [8, 8, 8, 8, 24],
        "enc_kernel_sizes": [5, 3, 3, 3, 1], "enc_dilations": [1, 2, 3, 4, 1], "enc_attention_channels": 6,
        "enc_res2net_scale": 8, "enc_se_channels": 5,
    }  # fmt: skip
    codec["encoder_config"] |= {
        "attention_bias": False, "audio_channels": 1, "compress": 2, "hidden_act": "gelu", "kernel_size": 7,
        "last_kernel_size": 3, "norm_eps": 1e-05, "num_residual_layers": 1, "num_semantic_quantizers": 1,
        "pad_mode": "constant", "residual_kernel_size": 3, "rope_theta": 10000.0, "sampling_rate": 24_000,
        "sliding_window": 250, "upsampling_ratios": [8, 6, 5, 4], "use_causal_conv": True,
        "use_conv_shortcut": False, "num_hidden_layers": 2,
    }  # fmt: skip
    return model, codec


def _draw(name: str, shape: tuple[int, ...], seed: int, eos: tuple[int, float]) -> Any:
    value = _DRAW(name, shape, seed, eos)
    if name.endswith("initialized"):
        return np.ones(shape, np.float32)
    if name.endswith("embed_sum"):  # each codebook finer than the one before, or the chain would mean nothing
        layer = int(name.split(".layers.")[1].split(".")[0])
        usage = _DRAW(name.replace("embed_sum", "cluster_usage"), shape[:1], seed, eos)
        scale = 1.0 if "semantic" in name else 0.9 * 0.72**layer
        return (value * scale * usage[:, None]).astype(np.float32)
    if name.startswith(("encoder.", "speaker_encoder.")) and name.endswith("conv.weight"):
        return value * np.float32(1.2)
    return value


def encoders(tts: Any) -> dict[str, Any]:
    """For recordings of each of SECONDS: `codes_N` (frames, 16), `mel_N` (every MEL_STRIDEth frame, 128) and
    `x_vector_N` (hidden,); N is the number of samples."""
    from qwen_tts.core.models.modeling_qwen3_tts import mel_spectrogram

    arrays = {}
    options = {"n_fft": 1024, "num_mels": 128, "sampling_rate": 24_000, "hop_size": 256, "win_size": 1024}
    with torch.inference_mode():
        for seconds in SECONDS:
            pcm = recording(seconds)
            size = len(pcm)
            codes = tts.model.speech_tokenizer.encode(pcm, sr=24_000).audio_codes[0]
            arrays[f"codes_{size}"] = codes.numpy().astype(np.uint8)
            mel = mel_spectrogram(torch.from_numpy(pcm)[None], **options, fmin=0, fmax=12_000)
            arrays[f"mel_{size}"] = mel[0].T[::MEL_STRIDE].numpy()
            arrays[f"x_vector_{size}"] = tts.model.extract_speaker_embedding(pcm, 24_000).numpy().reshape(-1)
    return arrays


def case(tts: Any, request: dict[str, Any], *, keep_sound: bool) -> dict[str, Any]:
    """Clone a recording and speak greedily. Keeps `input_ids`, `ref_ids` (empty without), `x_vector`, `ref_codes`
    (empty without), `rows` (positions, hidden) of the prompt, `codes` (frames, 16), `margin` (best minus second best
    score of the first codes), `num_samples`, and `sound` where it is to be kept."""
    talker = tts.model.talker
    seen: dict[str, Any] = {}
    originals = tts.model.generate, talker.generate

    def generate(*args: Any, **kwargs: Any) -> Any:
        seen["request"] = kwargs
        seen["result"] = originals[0](*args, **kwargs)
        return seen["result"]

    def talk(*args: Any, **kwargs: Any) -> Any:
        seen["prompt"] = kwargs["inputs_embeds"]
        seen["talked"] = originals[1](*args, **{**kwargs, "output_scores": True})
        return seen["talked"]

    rate = request.pop("sample_rate", 24_000)
    pcm = recording(request.pop("seconds"), rate)
    whole = request.pop("whole", False)
    tts.model.generate, talker.generate = generate, talk
    try:
        sounds, _ = tts.generate_voice_clone(
            **request, ref_audio=(pcm, rate), non_streaming_mode=whole, max_new_tokens=FRAMES + 1,
            do_sample=False, subtalker_dosample=False,
        )  # fmt: skip
    finally:
        tts.model.generate, talker.generate = originals
    prompt = seen["request"]["voice_clone_prompt"]
    ref_code, ref_ids = prompt["ref_code"][0], (seen["request"].get("ref_ids") or [None])[0]
    best = torch.stack(seen["talked"].scores)[:, 0].topk(2, dim=-1).values
    arrays = {
        "input_ids": seen["request"]["input_ids"][0][0].numpy(),
        "ref_ids": np.zeros(0, np.int64) if ref_ids is None else ref_ids[0].numpy(),
        "x_vector": prompt["ref_spk_embedding"][0].numpy().reshape(-1),
        "ref_codes": np.zeros((0, 16), np.uint8) if ref_code is None else ref_code.numpy().astype(np.uint8),
        "rows": seen["prompt"][0].numpy(),
        "codes": seen["result"][0][0].numpy().astype(np.uint8),
        "margin": (best[:, 0] - best[:, 1]).numpy(),
        "num_samples": np.array(len(sounds[0])),
    }
    if keep_sound:
        arrays["sound"] = np.asarray(sounds[0], np.float32)
    return arrays


if __name__ == "__main__":
    main()
