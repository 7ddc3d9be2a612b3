"""The package as others get it: what the wheel holds, what it declares, and that the notices name what is bundled.

That a clean environment with nothing but the wheel starts and speaks is shown by `test_docker.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import tomli

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINNED = dict(
    re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build("wheel", tmp_path_factory.mktemp("wheel")))


def build(kind: str, folder: Path) -> Path:
    hatch = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    subprocess.run(hatch, cwd=ROOT, check=True, capture_output=True)
    return next(folder.iterdir())


def tracked(*folders: str) -> set[str]:
    said = subprocess.run(["git", "ls-files", "-z", *folders], cwd=ROOT, capture_output=True, check=True, text=True)
    return {name for name in said.stdout.split("\0") if name and (ROOT / name).exists()}


def test_the_wheel_holds_the_package_and_the_assets(wheel: zipfile.ZipFile):
    held = set(wheel.namelist())
    assert tracked("qwen3tts_webui") <= held
    assert {f"qwen3tts_webui/{name}" for name in tracked("assets")} <= held
    assert not [name for name in held if name.endswith(".pyc") or name.startswith(("tests/", "outputs/"))]


def test_the_wheel_has_the_command_and_the_licenses(wheel: zipfile.ZipFile):
    info = next(name for name in wheel.namelist() if name.endswith("/METADATA")).removesuffix("METADATA")
    assert b"qwen3tts-webui = qwen3tts_webui.cli:main" in wheel.read(f"{info}entry_points.txt")
    for name in ("LICENSE", "NOTICE"):
        assert wheel.read(f"{info}licenses/{name}") == (ROOT / name).read_bytes()


def test_the_wheel_declares_what_we_say(wheel: zipfile.ZipFile):
    name = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
    metadata = Parser().parsestr(wheel.read(name).decode())
    assert set(metadata["Requires-Python"].split(",")) == {">=3.10", "<3.14"}
    assert {"preview", "cuda", "cluster", "desktop", "docs", "dev", "bench", "verify"} == set(
        metadata.get_all("Provides-Extra") or ()
    )


def test_the_source_archive_can_be_built_from(tmp_path: Path):
    with tarfile.open(build("sdist", tmp_path)) as archive:
        inside = {name.split("/", 1)[1] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "NOTICE", "README.md", "qwen3tts_webui/cli/__init__.py"} <= inside
    assert tracked("assets") <= inside
    assert not {name for name in inside if name.startswith((".venv", "outputs/"))}


def requirements() -> list[str]:
    return [*PROJECT["dependencies"], *(item for extra in PROJECT["optional-dependencies"].values() for item in extra)]


@pytest.mark.parametrize("requirement", requirements())
def test_every_requirement_is_pinned(requirement: str):
    name = re.split(r"[\[<>=; ]", requirement)[0].lower().replace("_", "-")
    assert name in {pinned.lower().replace("_", "-") for pinned in PINNED}


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_every_declared_python_is_in_the_workflow(version: str):
    assert f'"{version}"' in (ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8")
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


@pytest.mark.parametrize(
    "name",
    [
        "Kokoro-82M",
        "kokoro-js",
        "misaki",
        "espeak-ng",
        "FFmpeg",
        "rjieba",
        "pypinyin",
        "cn2an",
        "pyopenjtalk-plus",
        "onnxruntime",
        "SudachiPy",
        "soxr",
    ],
)
def test_the_notice_names_it(name: str):
    assert name in (ROOT / "NOTICE").read_text(encoding="utf-8")
