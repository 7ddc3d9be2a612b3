"""Speak one text into a file, without a server.

In: a text and a voice. Out: a WAV file and one line that says who spoke. A checkpoint gets the text as it is, in one
utterance, so that its codes can be kept and compared; the preview voice goes through `Speech`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.cli.arguments import add_engine_arguments, output_path, readable, seed, settings_from
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue, Unsupported
from qwen3tts_webui.text.language import parse_language
from qwen3tts_webui.types import SAMPLE_RATE, NormalizeMode, Pcm, Sampling, SpeechRequest, Utterance, Voice

if TYPE_CHECKING:
    from qwen3tts_webui.speech import Speaking
    from qwen3tts_webui.text.lexicon import Lexicon

_MODEL_ONLY = ("speaker", "text_mode", "greedy", "max_frames", "packet_frames", "codes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `say`."""
    add_engine_arguments(parser)
    parser.add_argument("--text", required=True, type=readable, help="what to say")
    parser.add_argument("--output", type=output_path, metavar="OUT.wav", help="the file to write")
    parser.add_argument("--normalize", choices=["auto", "on", "off"], help="read out numbers, units and signs")
    parser.add_argument("--lexicon", type=Path, metavar="FILE.csv", help="your own pronunciations")
    parser.add_argument(
        "--show-spoken", action="store_true", help="print what will be read; without --output, only that"
    )
    parser.add_argument("--wav-float", action="store_true", help="32-bit float samples instead of 16-bit ones")
    parser.add_argument("--language", help="auto, or a language as a code or a name")
    parser.add_argument("--voice", type=readable, metavar="DESCRIPTION", help="the voice in plain words")
    parser.add_argument("--seed", type=seed, help="the same seed speaks the same way again")
    model = parser.add_argument_group("with --model only")
    model.add_argument("--speaker", help="a speaker that the checkpoint names")
    model.add_argument("--text-mode", choices=["streaming", "whole"], help="text beside the frames, or all before them")
    model.add_argument("--greedy", action="store_true", help="always the likeliest code")
    model.add_argument("--max-frames", type=int, metavar="N", help="at most N frames of 80 ms")
    model.add_argument("--packet-frames", type=int, metavar="N", help="frames that the codec decodes at once")
    model.add_argument("--codes", type=output_path, metavar="OUT.npz", help="keep codes, input_ids and instruct_ids")


def run(args: argparse.Namespace) -> int:
    """Speak, write, and say on stdout who spoke and for how long."""
    if "show_spoken" in args:
        print_spoken(args)
        if "output" not in args:
            return 0
    if "output" not in args:
        raise InvalidValue(field="--output", expected="a file to write", got="missing")
    settings = settings_from(args)
    folder = None if settings.preview else _folder(settings)
    pcm, label = _by_preview(args, settings) if folder is None else _by_model(args, settings, folder)
    write_wav(args.output, pcm, comment=label, as_float="wav_float" in args)
    print(f"{args.output}: {len(pcm) / SAMPLE_RATE:.2f} s by {label}")
    return 0


def _folder(settings: Settings) -> Path | None:
    """The checkpoint that shall speak, downloaded when it is named and not here; None stands for the preview voice."""
    from qwen3tts_webui.cli.bring import fetch
    from qwen3tts_webui.cli.join import join_store
    from qwen3tts_webui.models import known, mirror

    store = join_store(settings)
    folder = store.find(settings.model)
    if folder is not None:
        return folder
    if settings.model == "auto":
        print("No Qwen3-TTS model is on this machine: `qwen3tts-webui download` brings one.", file=sys.stderr)
        return None
    released = known(settings.model)
    return fetch(store, mirror(settings.mirror), released.id if released else settings.model)


def print_spoken(args: argparse.Namespace) -> None:
    """Each line of the text as it will be read."""
    from qwen3tts_webui.speech.spoken_text import spoken_lines

    for line in spoken_lines(args.text, getattr(args, "language", "auto"), _mode(args), _lexicon(args)):
        print(line.spoken)


def _mode(args: argparse.Namespace) -> NormalizeMode:
    mode: NormalizeMode = getattr(args, "normalize", "auto")
    return mode


def _lexicon(args: argparse.Namespace) -> Lexicon | None:
    from qwen3tts_webui.text.lexicon import read_lexicon

    return read_lexicon(args.lexicon) if "lexicon" in args else None


def _spoken(args: argparse.Namespace) -> str:
    """The whole text for a checkpoint, which gets it in one utterance."""
    from qwen3tts_webui.text.normalize import normalize

    if not {"normalize", "lexicon"} & set(vars(args)):
        return str(args.text)
    language = getattr(args, "language", "auto")
    return normalize(args.text, parse_language(language), mode=_mode(args), lexicon=_lexicon(args)).spoken


def _by_model(args: argparse.Namespace, settings: Settings, folder: Path) -> tuple[Pcm, str]:
    from qwen3tts_webui.engine.hardware import choose, look
    from qwen3tts_webui.model import load_model

    choice = choose(look(), device=settings.device, dtype=settings.dtype)
    utterance = Utterance(
        text=_spoken(args),
        voice=Voice(description=getattr(args, "voice", ""), speaker=getattr(args, "speaker", None)),
        seed=secrets.randbelow(2**32) if "seed" not in args else args.seed,
        sampling=Sampling(greedy="greedy" in args),
        **_given(args, "language", "text_mode"),
    )
    model = load_model(folder, device=choice.device, dtype=choice.dtype)
    packets = list(model.speak(utterance, **_given(args, "packet_frames", "max_frames")))
    if "codes" in args:
        input_ids, instruct_ids = model.ids(utterance)
        codes = np.concatenate([packet.codes for packet in packets])
        _write_codes(args.codes, codes=codes, input_ids=np.array(input_ids), instruct_ids=np.array(instruct_ids))
    size = model.spec.size.replace("b", ".") + "B"
    label = f"Qwen3-TTS {size} {model.spec.kind} on {model.device}, {choice.dtype}, seed {utterance.seed}"
    stopped = ", stopped: cap" if packets[-1].stopped == "cap" else ""
    return np.concatenate([packet.pcm for packet in packets]), label + stopped


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of the flags that were given."""
    return {name: getattr(args, name) for name in names if name in args}


def _by_preview(args: argparse.Namespace, settings: Settings) -> tuple[Pcm, str]:
    from qwen3tts_webui.cli.join import join_speech
    from qwen3tts_webui.preview import PreviewSynthesizer

    with contextlib.closing(PreviewSynthesizer(queue_size=settings.queue_size)) as synthesizer:
        for flag in _MODEL_ONLY:
            if flag in args:
                name = "--" + flag.replace("_", "-")
                raise Unsupported(
                    engine=synthesizer.info.label, feature=name, instead="Give a checkpoint with --model."
                )
        voice = Voice(description=getattr(args, "voice", ""))
        speech = join_speech(settings, synthesizer)
        speech.lexicon = _lexicon(args)
        speaking = speech.speak(
            SpeechRequest(text=args.text, voice=voice, **_given(args, "language", "seed", "normalize"))
        )
        return asyncio.run(_heard(speaking)), synthesizer.info.label


async def _heard(speaking: Speaking) -> Pcm:
    """All sound of a request; the failure of any of its segments is raised."""
    from qwen3tts_webui.speech import SegmentFailed, Sound

    pieces = []
    async for event in speaking:
        if isinstance(event, SegmentFailed):
            raise event.error
        if isinstance(event, Sound):
            pieces.append(event.pcm)
    return np.concatenate(pieces)


def write_wav(path: Path, pcm: Pcm, *, comment: str, as_float: bool) -> None:
    """Write `pcm` (samples,), never half a file; `comment` is kept inside it. 16-bit samples, or float32 unchanged."""
    import soundfile

    from qwen3tts_webui.audio.pcm import to_int16

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
