"""Flags. In: argv. Out: a namespace, and the `Settings` in it.

Only flags that were given are set in the namespace: the defaults are those of `Settings`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from qwen3tts_webui import __version__
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue


class Subcommand(Protocol):
    """What a file of a subcommand holds; its docstring's first line is its help."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def parse(argv: Sequence[str], subcommands: Mapping[str, Subcommand]) -> argparse.Namespace:
    """The parsed flags; `run` in them is the chosen subcommand's. Exits with argparse's own words on nonsense."""
    parser = argparse.ArgumentParser(
        prog="qwen3tts-webui",
        description="Design a voice in plain words and hear it at once.",
        epilog="Without a command: serve. `qwen3tts-webui COMMAND --help` shows the flags of one.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, subcommand in subcommands.items():
        summary = (subcommand.__doc__ or "").split("\n")[0].rstrip(".")
        command = commands.add_parser(name, help=summary, description=summary, argument_default=argparse.SUPPRESS)
        subcommand.add_arguments(command)
        command.set_defaults(run=subcommand.run)
    plain = list(argv)
    if not plain or plain[0] not in {*subcommands, "-h", "--help", "--version"}:
        plain.insert(0, "serve")
    return parser.parse_args(plain)


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that choose who speaks, for every subcommand that speaks."""
    parser.add_argument(
        "--model", metavar="MODEL", help="auto (default: what is here), a checkpoint's folder, or a name to download"
    )
    add_model_folders(parser)
    parser.add_argument(
        "--preview", action="store_true", help="the embedded preview voice (not Qwen3-TTS), whatever is there"
    )
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--dtype", help="auto, float32, bfloat16, float16, int8, int4")


def add_model_folders(parser: argparse.ArgumentParser) -> None:
    """The flags that say where models lie and come from."""
    parser.add_argument("--models", type=Path, metavar="DIR", help="where models lie (default: your data folder)")
    parser.add_argument("--mirror", help="hf (default), modelscope, or the URL of a mirror of Hugging Face")


def settings_from(args: argparse.Namespace) -> Settings:
    """Defaults < environment < flags. Raises `InvalidValue` for the first value that cannot be."""
    given = {name: value for name, value in vars(args).items() if name in Settings.model_fields}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        source = f"--{field}" if field in given else f"QWEN3TTS_{field.upper()}"
        expected = first["msg"].removeprefix("Input should be ")
        raise InvalidValue(field=source, expected=expected, got=str(first["input"])[:80]) from None


def output_path(text: str) -> Path:
    """An argparse type: a file in a folder that exists and may be written."""
    path = Path(text).expanduser()
    if not path.parent.is_dir() or path.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text} cannot be written: name a file in a folder of yours")
    return path


def readable(text: str) -> str:
    """An argparse type: bytes that are no UTF-8 become U+FFFD, so that every text can be written and printed."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def seed(text: str) -> int:
    """An argparse type: a whole number that fits in 63 bits."""
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to 2^63 - 1")
    return int(text)
