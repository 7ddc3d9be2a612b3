"""The command line. In: arguments and the environment. Out: an exit code, and words on the terminal.

The only place that joins the parts: `join.py` puts them together, one file a subcommand does the rest. Errors of our
tree are one sentence and exit code 2. Nothing heavy is imported before a subcommand needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from qwen3tts_webui.cli import bench, doctor, download, key, serve, synthesize, voices
from qwen3tts_webui.cli.arguments import parse
from qwen3tts_webui.errors import SpeechError

SUBCOMMANDS = {
    "serve": serve,
    "say": synthesize,
    "voices": voices,
    "download": download,
    "doctor": doctor,
    "key": key,
    "bench": bench,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; `serve` when none is named."""
    configure_torch_env()
    args = parse(sys.argv[1:] if argv is None else argv, SUBCOMMANDS)
    try:
        return int(args.run(args))
    except SpeechError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def configure_torch_env() -> None:
    """What torch reads from the environment when it is loaded, unless somebody has said otherwise.

    Its threads, while they wait for work, go to sleep after a millisecond or so: GNU OpenMP would let them spin for ten
    times as long, on a core that a browser may want; asleep at once, they would be late for the next of a frame's 400
    parts. And weights lie in huge pages where the system has them. Figures: docs/journal-cpu.md.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & set(os.environ):
        os.environ["GOMP_SPINCOUNT"] = "20000"
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
