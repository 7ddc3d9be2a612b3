"""Carries a `InstallPlan` out: makes the environment, installs into it, leaves a stamp.

Every step can be broken off and repeated; standard library only.
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
    """The interpreter of an environment."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def is_ready(venv: Path, key: str, wanted: Sequence[str]) -> bool:
    """True when the stamp says that all that is `wanted` is installed and the interpreter is still there."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        return bool(stamp["key"] == key) and set(wanted) <= set(stamp["requirements"]) and python_in(venv).exists()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def install(plan: InstallPlan, machine: Machine, venv: Path, constraints: Path) -> None:
    """Do all that `plan` says; `SetupError` with a plain sentence when a step fails. Says on stdout what it does."""
    print("[1/3] A Python environment of its own")
    make_environment(machine, venv)
    print(f"[2/3] torch ({plan.build.name})", flush=True)
    _first_that_works(machine, venv, plan.torch)
    print(f"[3/3] {len(plan.requirements)} packages and what they need", flush=True)
    _first_that_works(machine, venv, [InstallOption(("--constraint", str(constraints), *plan.requirements))])


def write_stamp(venv: Path, key: str, done: InstallPlan) -> None:
    """The last step of a set-up, in one move: a set-up that was broken off leaves none."""
    draft = venv / f"{STAMP}.new"
    draft.write_text(json.dumps({"key": key, "requirements": done.requirements, "torch": done.build.name}), "utf-8")
    draft.replace(venv / STAMP)


def make_environment(machine: Machine, venv: Path) -> None:
    """Make `venv`, unless a whole one for this version of Python is there; half an environment is made anew."""
    version = "import pip, sys; print(*sys.version_info[:2])"
    with contextlib.suppress(OSError):
        answer = subprocess.run([python_in(venv), "-c", version], capture_output=True, text=True, check=False)
        if answer.stdout.split() == [str(part) for part in machine.python]:
            return
    _run([sys.executable, "-m", "venv", "--clear", str(venv)], show=True)


def _first_that_works(machine: Machine, venv: Path, ways: Sequence[InstallOption]) -> None:
    """Try each way with each installer; only the last failure is one."""
    installers = _installers(machine, venv)
    for way in ways:
        if way.note:
            print(f"      {way.note}", flush=True)
        for installer in installers:
            last = way is ways[-1] and installer is installers[-1]
            with contextlib.nullcontext() if last else contextlib.suppress(SetupError):
                _run([*installer, *way.arguments], show=last)
                return


def _installers(machine: Machine, venv: Path) -> list[list[str]]:
    """uv where it is, for its speed; then pip, which also reads this machine's pip settings (mirrors, local wheels)."""
    python = str(python_in(venv))
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if machine.uv is None:
        return [pip]
    return [[machine.uv, "pip", "install", "--python", python, "--index-strategy", "unsafe-best-match"], pip]


def _run(command: Sequence[str], *, show: bool = False) -> None:
    """Run an installer; `SetupError` explains a failure. `show` lets a person at a terminal watch it."""
    live = show and sys.stdout.isatty()
    complaints = []
    stdout = None if live else subprocess.DEVNULL
    with subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        for line in process.stderr:
            complaints.append(line)
            if live:
                print(line, end="", file=sys.stderr, flush=True)
    if process.returncode:
        if show and not live:
            print(*complaints[-20:], sep="", file=sys.stderr)
        raise SetupError(explain_pip_failure("".join(complaints)))
