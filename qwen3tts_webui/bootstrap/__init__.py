"""From a fresh checkout to a running program. In: command-line arguments. Out: the exit code of the program.

Uses the standard library only, because it runs before anything is installed. machine.py probes the machine,
install_plan.py decides what to install, install.py installs it. `app.py --setup EXTRA...` only installs
(`--setup preview dev` for development).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from qwen3tts_webui.bootstrap.install import install, is_ready, python_in, write_stamp
from qwen3tts_webui.bootstrap.install_plan import InstallPlan, SetupError, plan_install, requirements, stamp_key
from qwen3tts_webui.bootstrap.machine import Machine, probe_machine

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ("preview",)


def main(argv: Sequence[str]) -> int:
    """Install what is missing, then run the command line of the program in its own environment."""
    only_setup = list(argv[:1]) == ["--setup"]
    venv = ROOT / ".venv"
    try:
        prepare(ROOT, tuple(argv[1:]) if only_setup else extras_for(argv))
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Start again to continue: finished steps are kept.", file=sys.stderr)
        return 130
    if only_setup:
        return 0
    if Path(sys.prefix).resolve() != venv.resolve():
        return _run_in(venv, argv)
    from qwen3tts_webui.cli import main as run

    return run(argv)


def extras_for(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the extras that these arguments need; the desktop window is installed on request only."""
    return (*EXTRAS, "desktop") if "--desktop" in argv else EXTRAS


def prepare(root: Path, extras: tuple[str, ...], machine: Machine | None = None) -> None:
    """Install everything that the checkout needs into `root`/.venv; returns quickly if it is there."""
    venv = root / ".venv"
    pyproject = (root / "pyproject.toml").read_text(encoding="utf-8")
    constraints = root / "constraints.txt"
    pins = constraints.read_text(encoding="utf-8")
    wanted = requirements(pyproject, extras)
    key = stamp_key(pins, sys.version_info[:2])
    if is_ready(venv, key, wanted):
        return
    machine = machine or probe_machine(root)
    plan = plan_install(machine, pins, wanted)
    print(announce(plan, venv), flush=True)
    install(plan, machine, venv, constraints)
    write_stamp(venv, key, plan)
    print("Everything is installed.\n", flush=True)


def announce(plan: InstallPlan, venv: Path) -> str:
    """Describe what will be installed, and its size."""
    size = f"about {plan.download_gb:.1f} GB to download, {plan.disk_gb:.1f} GB on disk"
    lines = [
        f"Setting up in {venv} (once, a few minutes; {size})",
        f"  {plan.torch[0].arguments[0]}, the {plan.build.name} build: {plan.build.why}",
        *(f"  {note}" for note in plan.notes),
    ]
    return "\n".join(lines)


def _run_in(venv: Path, argv: Sequence[str]) -> int:
    """Run app.py again inside the environment."""
    command = [str(python_in(venv)), str(ROOT / "app.py"), *argv]
    if os.name != "nt":
        os.execv(command[0], command)
    try:  # Windows has no exec: wait for the child, which receives Ctrl+C itself
        child = subprocess.Popen(command)
        return child.wait()
    except KeyboardInterrupt:
        return child.wait()
