"""The command line. In: arguments and the environment. Out: an exit code, and text on the terminal.

The composition root: factory.py builds the components, and one module per subcommand uses them. Errors of this program
are one sentence and exit code 2. Heavy imports wait until a subcommand needs them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from qwen3tts_webui.cli import bench, doctor, download, key, serve, synthesize, voices
from qwen3tts_webui.cli.arguments import parse
from qwen3tts_webui.errors import NO_FOLDER, CheckpointError, SpeechError

SUBCOMMANDS = {
    "serve": serve,
    "say": synthesize,
    "voices": voices,
    "download": download,
    "doctor": doctor,
    "key": key,
    "bench": bench,
}
_DAMAGED = (
    "This model is damaged or incomplete. Choose another folder with --model, "
    "or get a complete one with: qwen3tts-webui download"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand, `serve` by default, and return its exit code."""
    configure_torch_env()
    args = parse(sys.argv[1:] if argv is None else argv, SUBCOMMANDS)
    try:
        return int(args.run(args))
    except CheckpointError as error:
        print(error, *([] if error.params["problem"] is NO_FOLDER else [_DAMAGED]), sep="\n", file=sys.stderr)
        return 2
    except (SpeechError, serve.NoFreePort) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def configure_torch_env() -> None:
    """Set the environment variables that torch reads when it is imported, unless they are set already.

    OpenMP threads that wait for work sleep after about a millisecond: with GNU OpenMP's default they would spin ten
    times as long on a core that a browser may need; if they slept at once, they would be late for the next of the 400
    parallel regions of a frame. Weights use huge pages where available. Figures: docs/cpu-optimization-log.md.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
        os.environ["GOMP_SPINCOUNT"] = "20000"
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
