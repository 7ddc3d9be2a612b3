"""Synthesize a text into a file, without a server.

In: a text and a voice. Out: a WAV file, and one line that names the engine. A checkpoint gets the text unchanged as one
utterance, so that its codes can be stored and compared; the preview voice goes through `Speech`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.cli.arguments import (
    add_engine_arguments,
    add_packet_size_argument,
    add_recognizer_argument,
    output_path,
    seed,
    settings_from,
    valid_unicode,
)
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue, Unsupported
from qwen3tts_webui.text import parse_language
from qwen3tts_webui.types import SAMPLE_RATE, NormalizeMode, Pcm, Sampling, SpeechRequest, Utterance, Voice

if TYPE_CHECKING:
    from qwen3tts_webui.model import Qwen3TTS
    from qwen3tts_webui.recognition import Recognizer
    from qwen3tts_webui.speech import SpeechSession
    from qwen3tts_webui.text import Lexicon

_MODEL_ONLY = ("speaker", "text_mode", "greedy", "max_frames", "frames_per_packet", "codes")
_CLONING = ("ref_audio", "ref_text", "x_vector_only")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `say`."""
    add_engine_arguments(parser)
    parser.add_argument("--text", required=True, type=valid_unicode, help="the text to synthesize")
    parser.add_argument("--output", type=output_path, metavar="OUT.wav", help="the file to write")
    parser.add_argument("--normalize", choices=["auto", "on", "off"], help="read out numbers, units and signs")
    parser.add_argument("--lexicon", type=Path, metavar="FILE.csv", help="your own pronunciations")
    parser.add_argument(
        "--show-spoken", action="store_true", help="print what will be read; without --output, only that"
    )
    parser.add_argument("--wav-float", action="store_true", help="write 32-bit float samples instead of 16-bit ones")
    parser.add_argument("--language", help="auto, or a language as a code or a name")
    parser.add_argument("--voice", type=valid_unicode, metavar="DESCRIPTION", help="the voice in plain words")
    parser.add_argument("--seed", type=seed, help="the same seed gives the same audio again")
    model = parser.add_argument_group("with --model only")
    model.add_argument("--speaker", help="a speaker of the checkpoint")
    model.add_argument("--text-mode", choices=["streaming", "whole"], help="text alongside the frames, or all before")
    model.add_argument("--greedy", action="store_true", help="always take the most likely code")
    model.add_argument("--max-frames", type=int, metavar="N", help="at most N frames of 80 ms")
    add_packet_size_argument(model, "frames that the codec decodes at once", type=int)
    model.add_argument("--codes", type=output_path, metavar="OUT.npz", help="store codes, input_ids and instruct_ids")
    clone = parser.add_argument_group("with a Base checkpoint as --model")
    clone.add_argument(
        "--ref-audio", type=Path, metavar="CLIP", help="a recording of the voice, up to 60 s, best 3 to 15"
    )
    clone.add_argument("--ref-text", type=valid_unicode, metavar="TEXT", help="its transcript (default: recognized)")
    add_recognizer_argument(clone)
    clone.add_argument("--x-vector-only", action="store_true", help="clone the voice without the transcript")


def run(args: argparse.Namespace) -> int:
    """Synthesize, write the file, and print its length and the engine; or print what will be read."""
    if "show_spoken" in args:
        print_spoken(args)
        if "output" not in args:
            return 0
    if "output" not in args:
        raise InvalidValue(field="--output", expected="a file to write", got="missing")
    settings = settings_from(args)
    folder = None if settings.preview else _find_model(settings)
    if folder is None:
        pcm, label = _synthesize_with_preview(args, settings)
    else:
        pcm, label = _synthesize_with_model(args, settings, folder)
    write_wav(args.output, pcm, comment=label, as_float="wav_float" in args)
    print(f"{args.output}: {len(pcm) / SAMPLE_RATE:.2f} s by {label}")
    return 0


def _find_model(settings: Settings) -> Path | None:
    """Return the checkpoint to use, downloading it if it was named; None for the preview voice."""
    from qwen3tts_webui.checkpoints import find_in_catalog, source_for
    from qwen3tts_webui.cli.download_progress import download_with_progress
    from qwen3tts_webui.cli.factory import build_store

    store = build_store(settings)
    folder = store.find(settings.model)
    if folder is not None:
        return folder
    if settings.model == "auto":
        print("No Qwen3-TTS model is installed. Get one with: qwen3tts-webui download", file=sys.stderr)
        return None
    released = find_in_catalog(settings.model)
    return download_with_progress(store, source_for(settings.mirror), released.id if released else settings.model)


def print_spoken(args: argparse.Namespace) -> None:
    """Print each line of the text as it will be read."""
    from qwen3tts_webui.speech import spoken_lines

    for line in spoken_lines(args.text, getattr(args, "language", "auto"), _mode(args), _lexicon(args)):
        print(line.spoken)


def _mode(args: argparse.Namespace) -> NormalizeMode:
    mode: NormalizeMode = getattr(args, "normalize", "auto")
    return mode


def _lexicon(args: argparse.Namespace) -> Lexicon | None:
    from qwen3tts_webui.text import read_lexicon

    return read_lexicon(args.lexicon) if "lexicon" in args else None


def _spoken(args: argparse.Namespace) -> str:
    """Return the whole text for a checkpoint, which gets it as one utterance."""
    from qwen3tts_webui.text import normalize_text

    if not {"normalize", "lexicon"} & set(vars(args)):
        return str(args.text)
    language = getattr(args, "language", "auto")
    return normalize_text(args.text, parse_language(language), mode=_mode(args), lexicon=_lexicon(args)).spoken


def _synthesize_with_model(args: argparse.Namespace, settings: Settings, folder: Path) -> tuple[Pcm, str]:
    from qwen3tts_webui.engine import probe_hardware
    from qwen3tts_webui.hardware import choose_device
    from qwen3tts_webui.model import load_model
    from qwen3tts_webui.speech import draw_seed

    recognizer = _check_clone(args, settings)
    choice = choose_device(probe_hardware(), device=settings.device, dtype=settings.dtype)
    model = load_model(folder, device=choice.device, dtype=choice.dtype)
    utterance = Utterance(
        text=_spoken(args),
        voice=_voice(args, model, recognizer),
        seed=draw_seed() if "seed" not in args else args.seed,
        sampling=Sampling(greedy="greedy" in args),
        **_given(args, "language", "text_mode"),
    )
    packets = list(model.stream(utterance, **_given(args, "frames_per_packet", "max_frames")))
    if "codes" in args:
        input_ids, instruct_ids = model.encode_prompt(utterance)
        codes = np.concatenate([packet.codes for packet in packets])
        ids = {"input_ids": np.array(input_ids), "instruct_ids": np.array(instruct_ids)}
        _write_codes(args.codes, codes=codes, **ids, **_reference_arrays(model, utterance.voice))
    size = model.config.size.replace("b", ".") + "B"
    label = f"Qwen3-TTS {size} {model.config.kind} on {model.device}, {choice.dtype}, seed {utterance.seed}"
    at_limit = ", finish_reason: length" if packets[-1].finish_reason == "length" else ""
    return np.concatenate([packet.pcm for packet in packets]), label + at_limit


def _check_clone(args: argparse.Namespace, settings: Settings) -> Recognizer | None:
    """Return what recognizes the transcript, if there is none and one is needed.

    Raises InvalidValue for an incomplete set of cloning flags, before anything is loaded.
    """
    from qwen3tts_webui.recognition import INSTALL, find_recognizer

    if "ref_audio" not in args and (flag := next((flag for flag in _CLONING if flag in args), None)):
        name = "--" + flag.replace("_", "-")
        raise InvalidValue(field=name, expected="together with --ref-audio", got="alone")
    if "ref_audio" not in args or "ref_text" in args or "x_vector_only" in args:
        return None
    recognizer = find_recognizer(settings.recognizer)
    if recognizer is None:
        expected = f"with --ref-text or --x-vector-only (or with speech recognition: {INSTALL})"
        raise InvalidValue(field="--ref-audio", expected=expected, got="alone")
    return recognizer


def _voice(args: argparse.Namespace, model: Qwen3TTS, recognizer: Recognizer | None) -> Voice:
    """Return the voice that the flags select; a recording is used unchanged, at any level and length."""
    voice = Voice(description=getattr(args, "voice", ""), speaker=getattr(args, "speaker", None))
    if "ref_audio" not in args:
        return voice
    from qwen3tts_webui.audio import decode_reference

    text, x_vector_only = getattr(args, "ref_text", None), "x_vector_only" in args
    try:
        recording = args.ref_audio.expanduser().read_bytes()
    except OSError as error:
        expected = "an audio file that can be read"
        raise InvalidValue(field="--ref-audio", expected=expected, got=error.strerror or "another") from error
    if recognizer is not None:
        text = recognizer.transcribe(decode_reference(recording)).text
        print(f"Recognized by {recognizer.label}: {text}", flush=True)
    cloned = model.clone(recording, text, x_vector_only=x_vector_only)
    return replace(voice, reference=cloned.reference)


def _reference_arrays(model: Qwen3TTS, voice: Voice) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of a cloned voice: `x_vector` and, with a transcript, `ref_codes` and `ref_ids`."""
    reference = voice.reference
    if reference is None:
        return {}
    if reference.codes is None:
        return {"x_vector": reference.x_vector}
    ref_ids = np.array(model.prompts.reference_ids(reference.text))
    return {"x_vector": reference.x_vector, "ref_codes": reference.codes, "ref_ids": ref_ids}


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return those of the flags that were given."""
    return {name: getattr(args, name) for name in names if name in args}


def _synthesize_with_preview(args: argparse.Namespace, settings: Settings) -> tuple[Pcm, str]:
    from qwen3tts_webui.cli.factory import build_speech
    from qwen3tts_webui.preview import PreviewSynthesizer

    for name in (*_MODEL_ONLY, *_CLONING):  # before anything is loaded
        if name in args:
            flag = "--" + name.replace("_", "-")
            raise Unsupported(engine="The preview voice", feature=flag, hint="Select a checkpoint with --model.")
    with contextlib.closing(PreviewSynthesizer(queue_size=settings.queue_size)) as synthesizer:
        voice = Voice(description=getattr(args, "voice", ""))
        _lexicon(args)  # a file that was named must exist
        speech = build_speech(settings, synthesizer)
        request = SpeechRequest(text=args.text, voice=voice, **_given(args, "language", "seed", "normalize"))
        session = speech.speak(request)
        return asyncio.run(_collect_audio(session)), synthesizer.info.label


async def _collect_audio(session: SpeechSession) -> Pcm:
    """Return all audio of a request; raises the failure of any segment."""
    from qwen3tts_webui.speech import AudioChunk, SegmentFailed

    chunks = []
    async for event in session:
        if isinstance(event, SegmentFailed):
            raise event.error
        if isinstance(event, AudioChunk):
            chunks.append(event.pcm)
    return np.concatenate(chunks)


def write_wav(path: Path, pcm: Pcm, *, comment: str, as_float: bool) -> None:
    """Write `pcm` (samples,) atomically, with `comment` as metadata: 16-bit samples, or unchanged float32."""
    import soundfile

    from qwen3tts_webui.audio import to_int16

    draft = path.with_name(f".{path.name}.new")
    subtype = "FLOAT" if as_float else "PCM_16"
    with soundfile.SoundFile(draft, "w", SAMPLE_RATE, channels=1, subtype=subtype, format="WAV") as file:
        file.comment = comment
        file.write(pcm if as_float else to_int16(pcm))
    draft.replace(path)


def _write_codes(path: Path, **arrays: npt.NDArray[Any]) -> None:
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    draft.replace(path)
