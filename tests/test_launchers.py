"""The launchers: they find or fetch a Python, pass everything on, and print one sentence if they cannot.

The shell script is run for real, with a path of its own that holds small fake programs; PowerShell is parsed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAUNCHERS = ROOT / "assets/launchers"
TOOLS = ("dirname", "mktemp", "rm", "sh", "cat", "env", "mkdir", "cp", "chmod")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these run in a POSIX shell")


class Machine:
    """A checkout in an awkward folder, and a PATH with nothing but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "程序 with space's"
        shutil.copytree(LAUNCHERS, self.root / "assets/launchers")
        (self.root / "app.py").write_text("import sys; print('started', *sys.argv[1:], sep='|')")
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in TOOLS:
            (self.bin / name).symlink_to(str(shutil.which(name)))

    def program(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def old_python(self, name: str) -> None:
        """A Python that does not fit: it fails the launcher's question."""
        self.program(name, "exit 1")

    def start(self, *flags: str, launcher: str = "start.sh") -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.bin), "HOME": str(self.root / "home")}
        command = [str(self.root / "assets/launchers" / launcher), *flags]
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def real_python() -> str:
    """A script that is this very Python."""
    return f'exec {shlex.quote(sys.executable)} "$@"'


@pytest.mark.parametrize("name", ["python3.12", "python3.10", "python3", "python"])
@pytest.mark.parametrize("launcher", ["start.sh", "start.command"])
def test_a_python_that_fits_gets_every_argument(machine: Machine, name: str, launcher: str):
    machine.program(name, real_python())
    done = machine.start("--desktop", "a b", "程序", launcher=launcher)
    assert (done.stdout, done.returncode) == ("started|--desktop|a b|程序\n", 0)


def test_an_old_python_is_passed_over(machine: Machine):
    machine.old_python("python3.12")
    machine.old_python("python3")
    machine.program("python3.11", real_python())
    assert machine.start().stdout == "started\n"


def fake_uv() -> str:
    """The body of a fake uv that "installs" this Python at the given path."""
    python = shlex.quote(f"#!/bin/sh\n{real_python()}\n")
    return f"""file="$UV_PYTHON_INSTALL_DIR/python"
case "$2" in
install) mkdir -p "$UV_PYTHON_INSTALL_DIR"; printf %s {python} > "$file"; chmod +x "$file" ;;
find) printf '%s\\n' "$file" ;;
esac"""


def test_without_a_python_uv_fetches_one_for_this_folder_alone(machine: Machine):
    machine.old_python("python3")
    machine.program("uv", fake_uv())
    done = machine.start("--port", "0")
    assert (done.stdout, done.returncode) == ("started|--port|0\n", 0)
    assert (machine.root / ".uv/python/python").exists()


@pytest.mark.parametrize("tool", ["curl", "wget"])
def test_without_uv_its_installer_is_fetched(machine: Machine, tool: str):
    uv = shlex.quote(f"#!/bin/sh\n{fake_uv()}\n")
    target = '"$UV_UNMANAGED_INSTALL/uv"'
    installer = f'mkdir -p "$UV_UNMANAGED_INSTALL"; printf %s {uv} > {target}; chmod +x {target}\n'
    (machine.bin / "installer").write_text(installer)
    wanted = {"curl": "$4", "wget": "$2"}[tool]  # the output path
    machine.program(tool, f'cp "{machine.bin}/installer" "{wanted}"')
    assert machine.start().stdout == "started\n"
    (machine.bin / tool).unlink()
    assert machine.start("again").stdout == "started|again\n"  # from .uv, without the network


@pytest.mark.parametrize("curl", [None, "exit 6", "exit 0"], ids=["no curl", "offline", "an empty answer"])
def test_offline_there_is_one_sentence(machine: Machine, curl: str | None):
    if curl is not None:
        machine.program("curl", curl)
    done = machine.start()
    assert done.returncode == 1
    assert "none could be fetched: check the network (HTTPS_PROXY), or install Python 3.12" in done.stderr
    assert done.stdout == ""


def test_a_launcher_that_was_moved_away_says_so(machine: Machine):
    (machine.root / "app.py").unlink()
    done = machine.start()
    assert done.returncode == 1
    assert "leave this file in assets/launchers" in done.stderr


def test_the_exit_code_is_passed_on(machine: Machine):
    (machine.root / "app.py").write_text("raise SystemExit(7)")
    machine.program("python3", real_python())
    assert machine.start().returncode == 7


def test_the_desktop_entry_starts_the_script_in_its_folder(machine: Machine):
    machine.program("python3", real_python())
    entry = machine.root / "assets/launchers/start.desktop"
    lines = dict(line.split("=", 1) for line in entry.read_text("utf-8").splitlines() if "=" in line)
    assert (lines["Type"], lines["Terminal"]) == ("Application", "true")
    command = shlex.split(lines["Exec"].replace("\\\\", "\\"))  # strings are escaped once more in such files
    command = [word.replace("\\$", "$") for word in command]  # shlex leaves this one to a shell
    command[command.index("%k")] = str(entry)
    environment = {"PATH": str(machine.bin)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "started\n"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs Debian's shellcheck")
def test_the_shell_scripts_are_clean():
    scripts = [LAUNCHERS / "start.sh", LAUNCHERS / "start.command"]
    done = subprocess.run(["shellcheck", *map(str, scripts)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_the_launchers_can_be_started():
    for name in ("start.sh", "start.command", "start.desktop"):
        assert os.access(LAUNCHERS / name, os.X_OK), name
        assert b"\r" not in (LAUNCHERS / name).read_bytes()


def test_the_files_for_windows_are_as_windows_reads_them():
    for name in ("start.bat", "start.ps1"):
        body = (LAUNCHERS / name).read_bytes()
        assert body.isascii(), name
        assert body.count(b"\n") == body.count(b"\r\n") > 3, name
    assert b'-File "%~dp0start.ps1" %*' in (LAUNCHERS / "start.bat").read_bytes()


def test_the_powershell_is_well_formed():
    import tree_sitter
    import tree_sitter_powershell

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    assert not parser.parse((LAUNCHERS / "start.ps1").read_bytes()).root_node.has_error
    assert parser.parse(b"if ($x { }").root_node.has_error  # the parser would see it
