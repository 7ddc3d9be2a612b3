"""Installation: decisions for other machines, and interrupted or impossible installations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import app
from qwen3tts_webui import bootstrap
from qwen3tts_webui.bootstrap.gpus import Gpu, find_gpu, parse_nvidia_smi
from qwen3tts_webui.bootstrap.install import is_ready, make_environment, python_in, write_stamp
from qwen3tts_webui.bootstrap.install_plan import (
    TORCH_INDEX,
    SetupError,
    choose_torch,
    explain_pip_failure,
    pinned_torch,
    plan_install,
    requirements,
    stamp_key,
    torch_options,
)
from qwen3tts_webui.bootstrap.machine import Machine, parse_cpu_flags, probe_machine

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
LINUX = Machine(system="Linux", arch="x86_64", python=(3, 11), disk_free=50 * 10**9, memory=32 * 2**30)


ARC = Gpu(name="an Intel GPU (0xe20b)", vendor="intel")


def radeon(*compute: int) -> Gpu:
    return Gpu(name="an AMD GPU", vendor="amd", compute=compute)


def gpu(driver: str, compute: str) -> Gpu:
    found = parse_nvidia_smi(f"A card, {driver}, {compute}")
    assert found is not None
    return found


# which Python


@pytest.mark.parametrize("version", [(3, 10), (3, 11), (3, 12), (3, 13)])
def test_supported_pythons_pass(version: tuple[int, int]):
    assert app.advice(version, []) == ""


@pytest.mark.parametrize("version", [(3, 6), (3, 9), (3, 14)])
def test_unsupported_pythons_get_advice(version: tuple[int, int]):
    start = f"This program needs Python 3.10 to 3.13, and this is Python {version[0]}.{version[1]}. "
    assert app.advice(version, ["python3.11"]) == start + "Run: python3.11 app.py"
    assert app.advice(version, []) == start + "Install Python 3.12 from python.org and run app.py with it."


def test_app_py_can_be_read_by_python_3_6():
    compile((ROOT / "app.py").read_text(encoding="utf-8"), "app.py", "exec", dont_inherit=True)
    import ast

    ast.parse((ROOT / "app.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_declared_pythons_are_the_accepted_ones():
    assert 'requires-python = ">=3.10,<3.14"' in PYPROJECT
    assert sorted(app.SUPPORTED) == [(3, 10), (3, 11), (3, 12), (3, 13)]


# which torch


@pytest.mark.parametrize(
    ("machine", "build", "local"),
    [
        (LINUX, "cpu", "+cpu"),
        (replace(LINUX, arch="aarch64"), "cpu", "+cpu"),
        (replace(LINUX, system="Windows", arch="AMD64"), "cpu", ""),
        (replace(LINUX, system="Darwin", arch="arm64"), "mps", ""),
        (replace(LINUX, gpu=gpu("580.65.06", "9.0")), "cu130", ""),
        (replace(LINUX, gpu=gpu("580.65.06", "7.5")), "cu130", ""),
        (replace(LINUX, gpu=gpu("595.10", "6.1")), "cu126", "+cu126"),
        (replace(LINUX, gpu=gpu("550.54.14", "8.9")), "cu126", "+cu126"),
        (replace(LINUX, gpu=gpu("575.57", "12.0")), "cu129", "+cu129"),
        (replace(LINUX, gpu=gpu("525.60.13", "8.0")), "cu126", "+cu126"),
        (replace(LINUX, gpu=gpu("470.256.02", "8.6")), "cpu", "+cpu"),
        (replace(LINUX, system="Windows", arch="AMD64", gpu=gpu("581.15", "8.9")), "cu130", "+cu130"),
        (replace(LINUX, gpu=radeon(11, 0, 0)), "rocm7.2", "+rocm7.2"),
        (replace(LINUX, gpu=radeon(9, 0, 10)), "rocm7.2", "+rocm7.2"),
        (replace(LINUX, gpu=radeon(10, 3, 6)), "cpu", "+cpu"),
        (replace(LINUX, arch="aarch64", gpu=radeon(9, 4, 2)), "cpu", "+cpu"),
        (replace(LINUX, gpu=ARC), "xpu", "+xpu"),
        (replace(LINUX, system="Windows", arch="AMD64", gpu=ARC), "cpu", ""),
    ],
)
def test_the_build_of_torch(machine: Machine, build: str, local: str):
    chosen = choose_torch(machine)
    assert (chosen.name, chosen.local) == (build, local)


def test_an_old_driver_is_named_with_the_way_out():
    why = choose_torch(replace(LINUX, gpu=gpu("470.256.02", "8.6"))).why
    assert why == "the NVIDIA driver 470.256.2 is too old; with 580 or newer the GPU can be used"


def test_an_intel_mac_is_refused():
    with pytest.raises(SetupError, match="Intel processor"):
        choose_torch(replace(LINUX, system="Darwin", arch="x86_64"))


def test_a_local_wheel_is_tried_before_the_index_of_torch_and_the_registry_last():
    assert [option.arguments for option in torch_options(choose_torch(LINUX), "2.13.0")] == [
        ("torch==2.13.0+cpu",),
        ("torch==2.13.0+cpu", "--extra-index-url", TORCH_INDEX + "cpu"),
        ("torch==2.13.0",),
    ]


def test_the_plain_build_needs_no_other_index():
    mac = replace(LINUX, system="Darwin", arch="arm64")
    assert [option.arguments for option in torch_options(choose_torch(mac), "2.13.0")] == [("torch==2.13.0",)]


# what nvidia-smi says


@pytest.mark.parametrize(
    ("report", "found"),
    [
        (
            "NVIDIA H100 80GB HBM3, 580.65.06, 9.0\n",
            Gpu(name="NVIDIA H100 80GB HBM3", driver=(580, 65, 6), compute=(9, 0)),
        ),
        ("A, 580.1, 12.0\nB, 580.1, 6.1\n", Gpu(name="B", driver=(580, 1), compute=(6, 1))),
        ("odd, name, 535.2, 8.6", Gpu(name="odd, name", driver=(535, 2), compute=(8, 6))),
        ("Old, 390.1, [N/A]\n", None),
        ("No devices were found\n", None),
        ("", None),
    ],
)
def test_gpus_are_read(report: str, found: Gpu | None):
    assert parse_nvidia_smi(report) == found


# what Linux says of other GPUs


def write_amd_node(sys_folder: Path, number: int, vendor: int, target: int) -> None:
    node = sys_folder / "class/kfd/kfd/topology/nodes" / str(number)
    node.mkdir(parents=True)
    (node / "properties").write_text(f"cpu_cores_count 0\nvendor_id {vendor}\ngfx_target_version {target}\n")


def write_card(sys_folder: Path, number: int, vendor: str, device: str) -> None:
    folder = sys_folder / f"class/drm/card{number}/device"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(vendor + "\n")
    (folder / "device").write_text(device + "\n")


@pytest.fixture
def no_nvidia(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("no_nvidia")
def test_the_newest_amd_gpu_is_found_and_processors_are_not(tmp_path: Path):
    write_amd_node(tmp_path, 0, vendor=4098, target=0)
    write_amd_node(tmp_path, 1, vendor=4098, target=100306)
    write_amd_node(tmp_path, 2, vendor=4098, target=110000)
    write_card(tmp_path, 0, "0x8086", "0x56a0")
    found = Gpu(name="an AMD GPU (gfx1100)", vendor="amd", compute=(11, 0, 0))
    assert find_gpu(tmp_path) == found


@pytest.mark.usefixtures("no_nvidia")
@pytest.mark.parametrize(
    ("vendor", "device", "found"),
    [
        ("0x8086", "0xe20b", True),  # Arc B580
        ("0x8086", "0x64A0", True),  # Lunar Lake
        ("0x8086", "0x7d55", True),  # Meteor Lake
        ("0x8086", "0x0bd5", True),  # Data Center Max
        ("0x8086", "0xa780", False),  # UHD 770: too old
        ("0x1002", "0x64a0", False),
        ("0x1234", "0x1111", False),  # an emulated screen
    ],
)
def test_intel_gpus_that_torch_supports_are_found(tmp_path: Path, vendor: str, device: str, found: bool):
    write_card(tmp_path, 0, vendor, device)
    gpu = find_gpu(tmp_path)
    assert (gpu is not None and gpu.vendor == "intel") is found


@pytest.mark.usefixtures("no_nvidia")
def test_a_machine_without_a_gpu_has_none(tmp_path: Path):
    assert find_gpu(tmp_path) is None


def test_without_the_index_of_torch_the_note_says_what_is_lost():
    notes = [torch_options(choose_torch(replace(LINUX, gpu=one)), "2.13.0")[-1].note for one in (radeon(12, 0, 1), ARC)]
    assert all(note.endswith("which uses the processor instead of this GPU.") for note in notes)


def test_this_machine_can_be_examined(tmp_path: Path):
    machine = probe_machine(tmp_path)
    assert machine.python == sys.version_info[:2]
    assert machine.disk_free > 0
    assert machine.memory > 2**30


# the plan


def test_requirements_are_those_that_a_toml_reader_finds():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no TOML reader")
    project = tomllib.loads(PYPROJECT)["project"]
    extras = tuple(project["optional-dependencies"])
    expected = [
        *project["dependencies"],
        *(item for extra in extras for item in project["optional-dependencies"][extra]),
    ]
    assert list(requirements(PYPROJECT, extras)) == expected


def test_every_requirement_is_pinned():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    pinned = {canonicalize_name(Requirement(line).name): Requirement(line) for line in CONSTRAINTS.splitlines()}
    for item in requirements(PYPROJECT, ("preview", "dev")):
        wanted = Requirement(item)
        pin = pinned[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(str(pin.specifier).removeprefix("==")), item


def test_torch_is_pinned_once():
    assert pinned_torch("numpy==2.4.6\ntorch==2.13.0\ntorchmetrics==1\n") == "2.13.0"
    assert CONSTRAINTS.count("\ntorch==") == 1


def test_a_full_disk_is_seen_before_anything_is_installed():
    with pytest.raises(SetupError) as raised:
        plan_install(replace(LINUX, disk_free=1_000_000_000), CONSTRAINTS, ("numpy",))
    assert "2.5 GB of disk space, but 1.0 GB are free" in str(raised.value)


@pytest.mark.parametrize(("gib", "notes"), [(4, 1), (32, 0), (0, 0)])
def test_low_memory_gets_a_note_but_unknown_memory_does_not(gib: int, notes: int):
    assert len(plan_install(replace(LINUX, memory=gib * 2**30), CONSTRAINTS, ("numpy",)).notes) == notes


@pytest.mark.parametrize(("avx2", "notes"), [(False, 1), (True, 0), (None, 0)])
def test_a_processor_without_avx2_gets_a_note(avx2: bool | None, notes: int):
    found = plan_install(replace(LINUX, avx2=avx2), CONSTRAINTS, ("numpy",)).notes
    assert len(found) == notes
    assert all("no AVX2" in note for note in found)


@pytest.mark.parametrize(
    ("cpuinfo", "avx2"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse2 avx avx2 fma\n", True),
        ("processor\t: 0\nflags\t\t: fpu sse2 avx\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd\n", None),
        ("", None),
    ],
)
def test_the_processor_is_read(cpuinfo: str, avx2: bool | None):
    flags = parse_cpu_flags(cpuinfo)
    assert (None if flags is None else "avx2" in flags) is avx2


def test_the_desktop_extra_is_installed_on_request():
    assert bootstrap.extras_for(["--port", "1"]) == ("preview",)
    assert bootstrap.extras_for(["serve", "--desktop"]) == ("preview", "desktop")
    assert any("pywebview" in item for item in requirements(PYPROJECT, ("desktop",)))


@pytest.mark.parametrize("retries", ["0", "1"])
def test_what_pip_really_says_offline_becomes_the_sentence_about_the_network(tmp_path: Path, retries: str):
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_RETRIES": retries,
        "PATH": os.environ["PATH"],
    }
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(tmp_path), "torch==2.13.0"]
    done = subprocess.run(command, env=nowhere, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert explain_pip_failure(done.stderr).startswith("The packages cannot be downloaded")


def test_the_announcement_says_what_and_how_big():
    text = bootstrap.announce(plan_install(LINUX, CONSTRAINTS, ("numpy",)), Path("/a b/程序/.venv"))
    assert text.splitlines() == [
        "Setting up in /a b/程序/.venv (once, a few minutes; about 0.7 GB to download, 2.5 GB on disk)",
        "  torch==2.13.0+cpu, the cpu build: no GPU was found",
    ]


@pytest.mark.parametrize(
    ("output", "start"),
    [
        ("Retrying after connection broken by 'NewConnectionError(...)'", "The packages cannot be downloaded"),
        ("<urlopen error [Errno -3] Temporary failure in name resolution>", "The packages cannot be downloaded"),
        ("error sending request for url: dns error", "The packages cannot be downloaded"),
        ("ERROR: [Errno 28] No space left on device", "The disk is full"),
        ("The virtual environment was not created: ensurepip is not available", "Python's venv module is missing"),
        ("ERROR: Could not find a version\nERROR: No matching distribution found for x", "A package has no build"),
        ("SSLError(SSLCertVerificationError(CERTIFICATE_VERIFY_FAILED", "The registry's certificate"),
        ("[Errno 13] Permission denied: '/opt'", "This folder is not writable"),
        ("something nobody has seen", "The installer failed"),
    ],
)
def test_an_installers_complaint_becomes_a_sentence(output: str, start: str):
    assert explain_pip_failure(output).startswith(start)


# carrying it out


def ready_checkout(root: Path, name: str = "程序 with space") -> Path:
    """A checkout with a complete, stamped environment, created without a real installation."""
    checkout = root / name
    python_in(checkout / ".venv").parent.mkdir(parents=True)
    python_in(checkout / ".venv").touch()
    (checkout / "pyproject.toml").write_text('dependencies = [\n    "numpy",\n]\npreview = [\n]\n', encoding="utf-8")
    (checkout / "constraints.txt").write_text("torch==2.13.0\n", encoding="utf-8")
    key = stamp_key("torch==2.13.0\n", sys.version_info[:2])
    write_stamp(checkout / ".venv", key, plan_install(LINUX, "torch==2.13.0\n", ("numpy",)))
    return checkout


NO_ROOM = replace(LINUX, disk_free=0)  # planning fails, so that no test installs anything


def test_a_second_start_does_nothing(tmp_path: Path):
    bootstrap.prepare(ready_checkout(tmp_path), ("preview",), NO_ROOM)


@pytest.mark.parametrize("change", ["constraints.txt", "pyproject.toml", ".venv/qwen3tts-webui.json"])
def test_any_change_of_what_is_needed_sets_up_again(tmp_path: Path, change: str):
    checkout = ready_checkout(tmp_path)
    text = {
        "constraints.txt": "torch==2.13.0\nnumpy==2\n",
        "pyproject.toml": 'dependencies = [\n    "numpy",\n    "scipy",\n]\npreview = [\n]\n',
        ".venv/qwen3tts-webui.json": '{"key": ',
    }[change]
    (checkout / change).write_text(text, encoding="utf-8")
    with pytest.raises(SetupError, match="disk space"):
        bootstrap.prepare(checkout, ("preview",), NO_ROOM)


def test_fewer_extras_than_installed_are_ready(tmp_path: Path):
    write_stamp(tmp_path, "key", plan_install(LINUX, CONSTRAINTS, ("numpy", "pytest")))
    python_in(tmp_path).parent.mkdir()
    python_in(tmp_path).touch()
    assert is_ready(tmp_path, "key", ("numpy",))
    assert not is_ready(tmp_path, "key", ("numpy", "ray"))


def test_a_stamp_without_an_interpreter_is_not_ready(tmp_path: Path):
    write_stamp(tmp_path, "key", plan_install(LINUX, CONSTRAINTS, ("numpy",)))
    assert json.loads((tmp_path / "qwen3tts-webui.json").read_text())["torch"] == "cpu"
    assert not is_ready(tmp_path, "key", ("numpy",))


@pytest.mark.slow
def test_an_incomplete_environment_is_replaced_and_a_complete_one_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    machine, venv = replace(LINUX, python=sys.version_info[:2]), tmp_path / "程序 with space" / ".venv"
    python_in(venv).parent.mkdir(parents=True)
    python_in(venv).write_text("#!/bin/sh\nexit 1\n")
    python_in(venv).chmod(0o755)
    make_environment(machine, venv)
    assert subprocess.run([python_in(venv), "-m", "pip", "--version"], capture_output=True).returncode == 0
    (venv / "kept").touch()
    make_environment(machine, venv)
    assert (venv / "kept").exists()
    module = make_environment.__globals__
    run = module["_run"]  # the same command, but pip, which takes most of the time, is not installed again
    monkeypatch.setitem(module, "_run", lambda command, **options: run([*command, "--without-pip"], **options))
    make_environment(replace(machine, python=(3, 9)), venv)
    assert not (venv / "kept").exists()
