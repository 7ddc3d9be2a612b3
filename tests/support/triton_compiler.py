"""Compile Triton kernels for GPUs that are not here, in a process in which Triton does not interpret."""

from __future__ import annotations

import os
import subprocess
import sys

ARCHITECTURES = (75, 80, 89, 90)  # Turing to Hopper


def assert_compiles(script: str, architecture: int) -> None:
    """Run `script` with `architecture` as its argument; it must print "compiled" and nothing else."""
    command = [sys.executable, "-c", script, str(architecture)]
    environment = {**os.environ, "TRITON_INTERPRET": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.split() == ["compiled"], done.stderr
