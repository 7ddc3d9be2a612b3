"""Carry out an `InstallPlan`: create the environment, install into it, write a stamp.

Every step can be interrupted and repeated. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from qwen3tts_webui.bootstrap.install_plan import InstallOption, InstallPlan, SetupError, explain_pip_failure
from qwen3tts_webui.bootstrap.machine import Machine

STAMP = "qwen3tts-webui.json"


def python_in(venv: Path) -> Path:
    """Return the interpreter of an environment."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def is_ready(venv: Path, key: str, wanted: Sequence[str]) -> bool:
    """Return True if the stamp lists everything `wanted` and the interpreter exists."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        return bool(stamp["key"] == key) and set(wanted) <= set(stamp["requirements"]) and python_in(venv).exists()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def install(plan: InstallPlan, machine: Machine, venv: Path, constraints: Path) -> None:
    """Carry out `plan`, reporting each step on stdout. Raises `SetupError` if a step fails."""
    print("[1/3] Creating a Python environment")
    make_environment(machine, venv)
    print(f"[2/3] Installing torch ({plan.build.name})", flush=True)
    _try_options(machine, venv, plan.torch)
    print(f"[3/3] Installing {len(plan.requirements)} packages and their dependencies", flush=True)
    _try_options(machine, venv, [InstallOption(("--constraint", str(constraints), *plan.requirements))])


def write_stamp(venv: Path, key: str, plan: InstallPlan) -> None:
    """Write the stamp atomically as the last step; an interrupted installation has none."""
    draft = venv / f"{STAMP}.new"
    draft.write_text(json.dumps({"key": key, "requirements": plan.requirements, "torch": plan.build.name}), "utf-8")
    draft.replace(venv / STAMP)


def make_environment(machine: Machine, venv: Path) -> None:
    """Create `venv`, or replace it if it is incomplete or for another version of Python."""
    version = "import pip, sys; print(*sys.version_info[:2])"
    with contextlib.suppress(OSError):
        answer = subprocess.run([python_in(venv), "-c", version], capture_output=True, text=True, check=False)
        if answer.stdout.split() == [str(part) for part in machine.python]:
            return
    _run([sys.executable, "-m", "venv", "--clear", str(venv)], show=True)


def _try_options(machine: Machine, venv: Path, options: Sequence[InstallOption]) -> None:
    """Try each option with each installer until one succeeds; only the last failure is raised."""
    installers = _installers(machine, venv)
    for option in options:
        if option.note:
            print(f"      {option.note}", flush=True)
        for installer in installers:
            last = option is options[-1] and installer is installers[-1]
            with contextlib.nullcontext() if last else contextlib.suppress(SetupError):
                _run([*installer, *option.arguments], show=last)
                return


def _installers(machine: Machine, venv: Path) -> list[list[str]]:
    """uv first, if it is installed, for its speed; then pip, which respects this machine's pip settings."""
    python = str(python_in(venv))
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if machine.uv is None:
        return [pip]
    return [[machine.uv, "pip", "install", "--python", python, "--index-strategy", "unsafe-best-match"], pip]


def _run(command: Sequence[str], *, show: bool = False) -> None:
    """Run an installer; `SetupError` explains a failure. `show` prints its output on a terminal."""
    live = show and sys.stdout.isatty()
    errors = []
    stdout = None if live else subprocess.DEVNULL
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        for line in process.stderr:
            errors.append(line)
            if live:
                print(line, end="", file=sys.stderr, flush=True)
    if process.returncode:
        if show and not live:
            print(*errors[-20:], sep="", file=sys.stderr)
        raise SetupError(explain_pip_failure("".join(errors)))
