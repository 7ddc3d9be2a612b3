"""The Dockerfile and the compose file: linted, true to the repository, and their very steps run in a clean folder.

No container engine is needed: what a `RUN`, `COPY` or `ENTRYPOINT` says is read from the Dockerfile and done here, with
the image's folders in place of `/`, a new virtual environment in place of its Python, and the torch of this machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from qwen3tts_webui.cli.serve import listen

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "Dockerfile"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SCRIPTS = Path(sys.executable).parent


@dataclass(frozen=True)
class Step:
    """One instruction; `stage` is the name of the stage that it belongs to."""

    stage: str
    word: str
    rest: str


def steps() -> list[Step]:
    """The Dockerfile's instructions, continued lines joined, comments left out."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found, stage = [], ""
    for instruction in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if instruction.strip():
            word, rest = instruction.split(None, 1)
            stage = rest.split()[-1] if word == "FROM" else stage
            found.append(Step(stage, word, rest))
    return found


def of_target(target: str) -> list[Step]:
    """All that makes up a target, from its base on."""
    parents = {step.stage: step.rest.split()[0] for step in steps() if step.word == "FROM"}
    chain = [target]
    while parents[chain[0]] in parents:
        chain.insert(0, parents[chain[0]])
    return [step for stage in chain for step in steps() if step.stage == stage]


def shell_of(step: Step) -> str:
    """A RUN without its options."""
    return re.sub(r"^(--\S+\s+)+", "", step.rest)


def test_hadolint_finds_nothing():
    said = subprocess.run([SCRIPTS / "hadolint", DOCKERFILE], capture_output=True, text=True)
    assert (said.stdout, said.returncode) == ("", 0)


def test_shellcheck_finds_nothing():
    scripts = [
        ROOT / "docker" / "start.sh",
        ROOT / ".ci" / "run",
        ROOT / "scripts" / "check",
        ROOT / "scripts" / "lock",
    ]
    said = subprocess.run([SCRIPTS / "shellcheck", *scripts], capture_output=True, text=True)
    assert (said.stdout, said.returncode) == ("", 0)


@pytest.mark.parametrize("source", [name for step in steps() if step.word == "COPY" for name in step.rest.split()[:-1]])
def test_what_is_copied_exists_and_is_not_ignored(source: str):
    assert (ROOT / source).exists()
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert f"!{source.split('/')[0]}" in ignore


def test_torch_is_the_one_that_is_pinned():
    pinned = re.search(r"^torch==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert pinned is not None
    assert {step.rest for step in steps() if step.word == "ARG"} == {f"TORCH_VERSION={pinned[1]}"}


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_each_target_runs_as_any_user(target: str):
    words = {step.word: step.rest for step in of_target(target)}
    assert words["USER"] == "1000:1000"
    assert words["VOLUME"] == '["/app/outputs", "/models"]'
    assert words["EXPOSE"] == "7860"
    assert shlex.split(words["ENTRYPOINT"].strip("[]").replace(",", " ")) == ["/bin/sh", "/app/start.sh"]
    assert words["HEALTHCHECK"].endswith('CMD ["python", "/app/healthcheck.py"]')
    copied = " ".join(step.rest for step in of_target(target) if step.word == "COPY")
    assert "docker/start.sh" in copied
    assert "docker/healthcheck.py" in copied


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_compose_publishes_on_this_machine_alone(name: str):
    service: dict[str, Any] = COMPOSE["services"][name]
    assert service["ports"] == ["127.0.0.1:7860:7860"]
    assert service["build"]["target"] in {step.stage for step in steps()}
    assert service["profiles"] == [name]
    assert service["read_only"] is True
    mounted = [volume.split(":")[1] for volume in service["volumes"]]
    assert mounted == ["/app/outputs", "/models"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that stands for `/`, after every COPY and RUN of the target `cpu`."""
    root = tmp_path_factory.mktemp("image")
    subprocess.run([sys.executable, "-m", "venv", root / "venv"], check=True)
    for step in [*of_target("wheel"), *of_target("cpu")]:
        app = root / ("build" if step.stage == "wheel" else "app")
        app.mkdir(exist_ok=True)
        if step.word == "COPY":
            *sources, target = step.rest.split()
            for source in sources:
                _copy(ROOT / source, app / target if target != "./" else app / Path(source).name)
        elif step.word == "RUN" and step.stage != "base":
            command = shell_of(step).replace("/wheels", str(root / "wheels"))
            if uv := shutil.which("uv"):  # the same packages, in a tenth of the time
                install = f"{uv} pip install --quiet --python {root / 'venv'}"
                command = command.replace("pip install --constraint", f"{install} --constraint")
            subprocess.run(["/bin/sh", "-ec", command], cwd=app, env=environment(root), check=True)
    (root / "models").mkdir()
    (root / "app" / "outputs").mkdir()
    return root


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def environment(root: Path) -> dict[str, str]:
    """The ENV and ARG of the target, with `root` for `/`; pip and uv as this machine has them."""
    passed = re.compile(r"PIP_|UV_|SSL_CERT|.*_proxy$")
    values = {name: value for name, value in os.environ.items() if passed.match(name)}
    for step in of_target("cpu"):
        if step.word in ("ENV", "ARG"):
            values |= dict(pair.split("=", 1) for pair in shlex.split(step.rest))
    for name, value in values.items():
        if value.startswith(("/app", "/models", "/tmp")) and not name.startswith("PIP_"):
            values[name] = f"{root}{value}"
    (root / "tmp").mkdir(exist_ok=True)
    path = f"{root / 'venv' / 'bin'}:/usr/bin:/bin"
    return {
        **values,
        "PATH": path,
        "PIP_RETRIES": "0",
        "PIP_NO_COMPILE": "1",  # saves a minute of compiling bytecode
        "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip"),
        "TMPDIR": str(root / "tmp"),
    }


def entrypoint(image: Path) -> list[str]:
    words = {step.word: step.rest for step in of_target("cpu")}
    return [part.replace("/app", str(image / "app")) for part in yaml.safe_load(words["ENTRYPOINT"])]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_steps_of_the_image_install_a_program_that_starts_and_speaks(image: Path):
    with listen("127.0.0.1", 23_000) as free:  # below those that systems assign for port 0
        port = str(free.getsockname()[1])
    started = environment(image) | {"QWEN3TTS_PORT": port, "QWEN3TTS_PREVIEW": "1"}
    process = subprocess.Popen(entrypoint(image), cwd=image / "app", env=started, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        key = re.search(r"\?key=(\S+)", said)
        assert key is not None, said
        check = [image / "venv" / "bin" / "python", image / "app" / "healthcheck.py"]
        until = time.monotonic() + 300
        while subprocess.run(check, env=started, capture_output=True).returncode:
            assert process.poll() is None and time.monotonic() < until
            time.sleep(1)
        body = b'{"text": "Good morning.", "language": "en", "streaming": false}'
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key[1]}"}
        address = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(urllib.request.Request(f"{address}/api/tts", body, headers), timeout=60) as answer:
            assert len(answer.read()) > 24_000
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{address}/api/info", timeout=60).close()
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        process.kill()
        process.stdout.close()
    assert list((image / "app" / "outputs").glob("*.wav"))  # written after its listener has heard it


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_installed_command_lists_the_voices_that_came_with_it(image: Path):
    said = subprocess.run(
        [*entrypoint(image), "voices", "--language", "en"], env=environment(image), capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
    assert "en-" in said.stdout
