"""The layers of the package: which may import which, who may import torch, gradio and fastapi, and the length of files.

Read from the source (`ast`), so an import inside a function counts like one at the top.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "qwen3tts_webui"

BASE = {"errors", "types"}
MAY_IMPORT = {  # in reading order
    "bootstrap": {"cli"},  # runs before anything is installed, then starts the command line
    "errors": set(),
    "types": set(),
    "lazy_exports": set(),
    "config": BASE,
    "hardware": {"errors"},
    "streams": BASE,
    "fair_share": BASE,
    "atomic_files": set(),
    "user_folders": set(),
    "safetensors_header": BASE,
    "joined_files": {"errors", "atomic_files"},
    "i18n": {"errors", "config"},
    "synthesizer_proxy": BASE,
    "readiness": BASE,
    "hot_swap": BASE | {"fair_share", "synthesizer_proxy"},
    "text": BASE | {"config"},
    "audio": BASE | {"lazy_exports"},
    "voices": BASE | {"config", "atomic_files", "text"},
    "history": BASE | {"atomic_files", "text", "audio", "voices"},
    "checkpoints": BASE
    | {"config", "atomic_files", "user_folders", "safetensors_header", "hardware", "readiness", "hot_swap"},
    "diagnostics": BASE | {"bootstrap", "config", "hardware", "checkpoints"},
    "model": BASE | {"lazy_exports", "atomic_files", "user_folders", "safetensors_header", "text", "audio"},
    "engine": BASE | {"lazy_exports", "config", "hardware", "streams", "fair_share", "text", "model"},
    "preview": BASE | {"config", "streams", "fair_share", "joined_files", "user_folders", "text", "audio"},
    "recognition": BASE | {"joined_files", "user_folders"},
    "speech": BASE | {"config", "streams", "hot_swap", "text", "audio", "voices", "history"},
    "server": BASE
    | {
        "config",
        "i18n",
        "streams",
        "fair_share",
        "text",
        "audio",
        "voices",
        "history",
        "speech",
        "checkpoints",
        "diagnostics",
        "synthesizer_proxy",
        "recognition",
    },
    "ui": BASE | {"config", "i18n", "text", "voices", "speech"},
    "api": BASE
    | {
        "config",
        "atomic_files",
        "text",
        "audio",
        "voices",
        "checkpoints",
        "engine",
        "preview",
        "recognition",
        "speech",
    },
    "testing": BASE | {"config", "fair_share", "history", "recognition", "server", "speech", "ui", "voices"},
}
COMPOSITION = {"bench", "cli", "cluster", "__init__", "__main__"}  # they import whatever they put together

WITHIN_SERVER = {  # the packages of server/, in reading order; `context` names what they share, for type checking
    "http": set(),
    "auth": {"http"},
    "observability": {"http"},
    "schemas": {"http"},
    "middleware": {"http", "auth", "observability", "context"},
    "delivery": {"http", "auth", "observability", "schemas", "middleware", "context"},
    "routes": {"http", "auth", "observability", "schemas", "middleware", "delivery", "context", "shutdown"},
}

WITHIN_MODEL = {  # the packages and modules of model/, in reading order; imports for type checking do not count
    "config": set(),
    "prompt": {"config"},
    "sampling": set(),
    "weights": set(),
    "cpu": {"sampling"},
    "talker": {"config", "prompt", "sampling", "weights", "cpu"},
    "codec": {"config", "weights", "cpu", "talker"},
    "cloning": {"config", "weights", "codec"},
    "decode_state": {"sampling", "talker"},
    "decode_step": {"sampling", "talker", "decode_state"},
    "cuda": {"prompt", "sampling", "talker", "decode_state", "decode_step"},
    "generate": {"config", "prompt", "sampling", "talker", "codec", "cloning", "decode_state", "decode_step"},
    "loading": {"config", "prompt", "weights", "cpu", "talker", "cuda", "codec", "cloning", "generate"},
    "synthetic": {"config", "prompt", "weights", "talker", "codec", "generate", "loading"},
    "synthetic_encoders": {"config", "codec", "cloning", "synthetic"},
    "device_check": {"generate", "synthetic"},
}

STANDALONE = {"bootstrap", "server", "cli"}  # programs: their modules are not a library for other packages

TORCH_FREE = ("model/config/", "model/prompt/", "engine/scheduler.py")
GUARDED = {  # a library -> the layers or files that may import it
    "torch": {"model", "engine"},
    "gradio": {"ui"},
    "fastapi": {"server", "ui/mount.py"},
}

LONG_FILES = {  # path -> why more than 300 lines read better than two files
    "types.py": "the types that all layers share, in one place",
    "errors.py": "one hierarchy, drawn at the top, one short class per node",
    "model/codec/fused.py": "one packet on its way through the codec: its parts share one workspace",
    "model/codec/triton_kernels.py": "kernels that share their loads and their context",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(source: str, package: list[str], *, at_run_time: bool = False) -> set[str]:
    """Absolute dotted names of everything that `source`, a module directly inside `package`, imports.

    `at_run_time`: without the imports under `if TYPE_CHECKING`.
    """
    found = set()
    tree = ast.parse(source)
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    skipped = {child for guard in guards for child in ast.walk(guard)} if at_run_time else set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{stem}.{alias.name}" for alias in node.names}
    return found


def imports_of(path: Path, *, at_run_time: bool = False) -> set[str]:
    package = list(path.relative_to(ROOT).parent.parts)
    return imported(path.read_text(encoding="utf-8"), package, at_run_time=at_run_time)


def is_module(parts: list[str]) -> bool:
    """Whether the dotted name below the package is a module or a package, not a name inside one."""
    path = PACKAGE.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").exists()


def exports_of(package: str) -> set[str]:
    """The names in `__all__` of a package."""
    path = PACKAGE / package / "__init__.py"
    if not path.exists():
        return set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def violations(path: Path) -> list[str]:
    """Every import in `path` that its layer may not have, as a sentence."""
    name, layer, found = name_of(path), layer_of(path), []
    for target in sorted(imports_of(path)):
        parts = target.split(".")
        if parts[0] == "qwen3tts_webui" and len(parts) > 1:
            found += package_violations(layer, parts[1:], target)
            found += server_violations(path, parts[1:], target)
            found += model_violations(path, parts[1:], target)
        allowed = GUARDED.get(parts[0])
        if allowed is not None and not {layer, name} & allowed:
            found.append(f"{parts[0]} does not belong here ({target})")
        if parts[0] == "torch" and name.startswith(TORCH_FREE):
            found.append("this file decides without torch")
    return found


def package_violations(layer: str, parts: list[str], target: str) -> list[str]:
    other = parts[0]
    if other == layer or not is_module([other]):  # otherwise a name from the package's __init__
        return []
    if layer not in COMPOSITION and other not in MAY_IMPORT[layer]:
        return [f"{layer} may not import {other} ({target})"]
    if other in STANDALONE or (len(parts) == 2 and parts[1] in exports_of(other)):
        return []
    if len(parts) > 1 and is_module(parts[:2]):
        return [f"import the name from qwen3tts_webui.{other} ({target})"]
    return []


def server_violations(path: Path, parts: list[str], target: str) -> list[str]:
    """The packages of server/ only import those before them, and only what their `__init__` exports."""
    own = path.relative_to(PACKAGE).parts
    if own[0] != "server" or parts[0] != "server" or len(parts) < 2:
        return []
    package, other = own[1], parts[1]
    if other == package or other not in {*WITHIN_SERVER, "context", "shutdown", "app", "uvicorn_server"}:
        return []
    if package in WITHIN_SERVER and other not in WITHIN_SERVER[package]:
        return [f"server.{package} may not import server.{other} ({target})"]
    if len(parts) > 2 and other in WITHIN_SERVER and is_module(parts[:3]):
        return [f"import the name from qwen3tts_webui.server.{other} ({target})"]
    return []


def model_violations(path: Path, parts: list[str], target: str) -> list[str]:
    """The packages and modules of model/ only import those before them."""
    own = path.relative_to(PACKAGE).parts
    if own[0] != "model" or parts[0] != "model" or own[1] == "__init__.py" or len(parts) < 2:
        return []
    unit, other = own[1].removesuffix(".py"), parts[1]
    if other == unit or other in WITHIN_MODEL[unit] or target not in imports_of(path, at_run_time=True):
        return []
    return [f"model.{unit} may not import model.{other} ({target})"]


def test_relative_imports_are_resolved_against_the_package():
    source = (
        "from ..types import Pcm\nfrom . import layers\ndef lazy():\n    import torch.nn\n    from .spec import Spec"
    )
    assert imported(source, ["qwen3tts_webui", "model"]) == {
        "qwen3tts_webui.types.Pcm",
        "qwen3tts_webui.model.layers",
        "torch.nn",
        "qwen3tts_webui.model.spec.Spec",
    }


def test_every_layer_is_in_the_table():
    layers = {layer_of(path) for path in modules()}
    assert layers == set(MAY_IMPORT) | COMPOSITION


def test_every_package_of_the_server_is_in_the_table():
    assert {path.parent.name for path in (PACKAGE / "server").glob("*/__init__.py")} == set(WITHIN_SERVER)


def test_every_package_of_the_model_is_in_the_table():
    units = {path.stem for path in (PACKAGE / "model").iterdir() if path.name[0] not in "_."}
    assert units == set(WITHIN_MODEL)


@pytest.mark.parametrize("table", [MAY_IMPORT, WITHIN_SERVER, WITHIN_MODEL])
def test_the_tables_only_point_back(table: dict[str, set[str]]):
    order = list(table)
    for layer, targets in table.items():
        if layer != "bootstrap":
            known = [target for target in targets if target in order]
            assert all(order.index(target) < order.index(layer) for target in known), layer


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_back(path: Path):
    assert violations(path) == []


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_files_stay_readable(path: Path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 300 or name_of(path) in LONG_FILES


def test_the_list_of_long_files_is_true():
    for name in LONG_FILES:
        assert len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) > 300, name


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_every_exported_name_exists(package: str):
    path = PACKAGE / package / "__init__.py"
    if not path.exists():
        return
    module = __import__(f"qwen3tts_webui.{package}", fromlist=["__all__"])
    for name in getattr(module, "__all__", ()):
        assert getattr(module, name) is not None, name


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("text/clean.py", "from ..server import app"),
        ("audio/pcm.py", "import torch"),
        ("server/app.py", "def page():\n    import gradio"),
        ("ui/page.py", "from fastapi import FastAPI"),
        ("engine/scheduler.py", "import torch.nn.functional as F"),
        ("speech/validation.py", "from qwen3tts_webui.engine import engine"),
        ("speech/validation.py", "from qwen3tts_webui.text.clean import clean_text"),
        ("engine/engine.py", "from qwen3tts_webui.model.cpu import jit"),
        ("model/config/model_config.py", "import torch"),
        ("model/cpu/jit.py", "def lazy():\n    from qwen3tts_webui.model.talker.layers import Stack"),
        ("server/http/openapi.py", "from qwen3tts_webui.server.routes import tts"),
        ("server/routes/tts.py", "from qwen3tts_webui.server.http.json_body import read_json"),
    ],
)
def test_a_forbidden_import_is_detected(name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "qwen3tts_webui"
    for file in (
        "text/clean.py",
        "engine/engine.py",
        "server/http/json_body.py",
        "server/routes/tts.py",
        "model/cpu/jit.py",
        name,
    ):
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).touch()
    (package / name).write_text(line)
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path, raising=True)
    monkeypatch.setattr(f"{__name__}.PACKAGE", package, raising=True)
    assert len(violations(package / name)) == 1
