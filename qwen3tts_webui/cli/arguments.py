"""Command-line flags. In: argv. Out: a namespace, and the `Settings` built from it.

Only flags that were given are set in the namespace; the defaults are those of `Settings`. A flag that several commands
share is defined here, once.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, get_args

from pydantic import ValidationError

from qwen3tts_webui import __version__
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue

DTYPES: tuple[str, ...] = get_args(Settings.model_fields["dtype"].annotation)


class Subcommand(Protocol):
    """The interface of a subcommand module. The first line of its docstring is its help."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add its flags."""
        ...

    def run(self, args: argparse.Namespace) -> int:
        """Run it and return the exit code."""
        ...


def parse(argv: Sequence[str], subcommands: Mapping[str, Subcommand]) -> argparse.Namespace:
    """Parse the flags; `run` in the namespace is that of the chosen subcommand. Exits with argparse's own errors."""
    parser = argparse.ArgumentParser(
        prog="qwen3tts-webui",
        description="Design a voice in plain words and listen at once.",
        epilog="The default command is serve. `qwen3tts-webui COMMAND --help` lists the flags of a command.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, subcommand in subcommands.items():
        summary = (subcommand.__doc__ or "").split("\n")[0].rstrip(".")
        command = commands.add_parser(name, help=summary, description=summary, argument_default=argparse.SUPPRESS)
        subcommand.add_arguments(command)
        command.set_defaults(run=subcommand.run)
    words = list(argv)
    if not words or words[0] not in {*subcommands, "-h", "--help", "--version"}:
        words.insert(0, "serve")
    return parser.parse_args(words)


class _FirstModel(argparse.Action):
    """The first `--model` is the active one, those after it are loaded in addition."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if "model" in namespace:
            namespace.also_load = [*getattr(namespace, "also_load", []), values]
        else:
            namespace.model = values


def add_engine_arguments(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add the flags that select the engine; with `several`, `--model` may be repeated."""
    model_help = "auto (default: an installed model), a folder, or the name of a model to download"
    if several:
        more = "; repeat it to load installed models in addition, for voices that need them"
        parser.add_argument("--model", metavar="MODEL", action=_FirstModel, help=model_help + more)
    else:
        parser.add_argument("--model", metavar="MODEL", help=model_help)
    add_model_arguments(parser)
    parser.add_argument(
        "--preview",
        action="store_true",
        help="use the embedded preview voice (not Qwen3-TTS), even if there is a model",
    )
    add_device_arguments(parser)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags for where models are stored and downloaded from."""
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="where models are stored (default: your data folder)"
    )
    parser.add_argument("--mirror", help="hf (default), modelscope, or the URL of a mirror of Hugging Face")


def add_device_arguments(parser: argparse.ArgumentParser, *, default: str = argparse.SUPPRESS) -> None:
    """Add the flags for device and dtype."""
    parser.add_argument("--device", default=default, help="auto, cpu, cuda, cuda:1, xpu, mps")
    parser.add_argument("--dtype", default=default, help=", ".join(DTYPES))


def add_address_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags for the address of the server."""
    parser.add_argument("--host", help="the address to listen on (default 127.0.0.1: this machine only)")
    parser.add_argument("--port", help="the port to listen on (default 7860, or the next free one); 0: any free port")


def add_recognizer_argument(parser: argparse._ActionsContainer) -> None:
    """Add the flag that chooses the speech recognizer."""
    help_ = "a Whisper model (CTranslate2) for transcripts of recordings; off: none (default: what is installed)"
    parser.add_argument("--recognizer", metavar="FOLDER", help=help_)


def add_outputs_argument(parser: argparse.ArgumentParser) -> None:
    """Add the flag for where audio is stored."""
    parser.add_argument("--outputs", type=Path, metavar="DIR", help="where audio is stored (default: outputs)")


def add_json_argument(parser: argparse.ArgumentParser, **options: Any) -> None:
    """Add the flag for JSON output."""
    parser.add_argument("--json", action="store_true", help="print JSON", **options)


def add_packet_size_argument(parser: argparse._ActionsContainer, help: str, **options: Any) -> None:
    """Add the flag for a fixed packet size."""
    parser.add_argument("--frames-per-packet", "--packet-frames", metavar="N", help=help, **options)


def settings_from(args: argparse.Namespace) -> Settings:
    """Build the settings: defaults < environment < flags. Raises `InvalidValue` for the first invalid value."""
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
    """An argparse type: a file in an existing, writable folder."""
    path = Path(text).expanduser()
    if not path.parent.is_dir() or path.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text} cannot be written: name a file in a folder that you can write to")
    return path


def valid_unicode(text: str) -> str:
    """An argparse type: bytes that are not UTF-8 become U+FFFD, so that every text can be written and printed."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def seed(text: str) -> int:
    """An argparse type: an integer of 63 bits."""
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text} is not an integer from 0 to 2^63 - 1")
    return int(text)


def count(text: str) -> int:
    """An argparse type: a non-negative integer."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(text)
