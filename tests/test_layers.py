"""The order of the house: who may import whom, who may import torch, gradio and fastapi, and how long a file may be.

Read from the source (`ast`), so an import inside a function counts like one at the top.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "qwen3tts_webui"

WORDS = {"errors", "types"}
MAY_IMPORT = {  # in reading order; "bootstrap" runs before anything is installed
    "errors": set(),
    "types": set(),
    "config": WORDS,
    "stream": WORDS,
    "i18n": {"errors", "config"},
    "switch": WORDS,
    "models": WORDS | {"config", "switch"},
    "doctor": WORDS | {"config", "models"},
    "text": WORDS | {"config"},
    "audio": WORDS,
    "voices": WORDS | {"config", "text", "audio"},
    "model": WORDS | {"text", "audio"},
    "engine": WORDS | {"config", "stream", "text", "model"},
    "preview": WORDS | {"config", "stream", "text", "audio"},
    "speech": WORDS | {"config", "stream", "switch", "text", "audio", "voices"},
    "server": WORDS | {"config", "i18n", "stream", "text", "audio", "voices", "speech", "models", "doctor"},
    "ui": WORDS | {"config", "i18n", "text", "voices", "speech"},
    "bootstrap": {"cli"},
}
JOINERS = {"bench", "cli", "cluster", "__main__"}  # they import whatever they join

TORCH_FREE = {"model/spec.py", "model/prompt.py", "model/tokens.py", "engine/scheduler.py"}
GUARDED = {  # a library -> the layers or files that may import it
    "torch": {"model", "engine"},
    "gradio": {"ui"},
    "fastapi": {"server", "ui/mount.py"},
}

LONG_FILES = {  # path -> why more than 300 lines read better than two files
    "types.py": "the types that all layers share, in one place",
    "errors.py": "one tree, drawn at the top, one short class a node",
    "model/kernels.py": "numba's cache on disk notices a change in this file alone",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(source: str, package: list[str]) -> set[str]:
    """Absolute dotted names of all that `source`, a module directly inside `package`, imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{stem}.{alias.name}" for alias in node.names}
    return found


def imports_of(path: Path) -> set[str]:
    return imported(path.read_text(encoding="utf-8"), list(path.relative_to(ROOT).parent.parts))


def broken_rules(path: Path) -> list[str]:
    """Every import in `path` that its layer may not have, as a sentence."""
    name, layer, complaints = name_of(path), layer_of(path), []
    for target in sorted(imports_of(path)):
        parts = target.split(".")
        if parts[0] == "qwen3tts_webui" and layer not in JOINERS:
            ours = parts[1]
            exists = (PACKAGE / ours).exists() or (PACKAGE / f"{ours}.py").exists()  # else a name from __init__
            if exists and ours != layer and ours not in MAY_IMPORT[layer]:
                complaints.append(f"{layer} may not import {ours} ({target})")
        allowed = GUARDED.get(parts[0])
        if allowed is not None and not {layer, name} & allowed:
            complaints.append(f"{parts[0]} does not belong here ({target})")
        if parts[0] == "torch" and name in TORCH_FREE:
            complaints.append("this file decides without torch")
    return complaints


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


def test_every_layer_has_a_place_in_the_table():
    layers = {layer_of(path) for path in modules()} - {"__init__"}
    assert layers <= set(MAY_IMPORT) | JOINERS


def test_the_table_only_points_back():
    order = list(MAY_IMPORT)
    for layer, targets in MAY_IMPORT.items():
        if layer != "bootstrap":
            assert all(order.index(target) < order.index(layer) for target in targets), layer


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_back(path: Path):
    assert broken_rules(path) == []


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_files_stay_readable(path: Path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 300 or name_of(path) in LONG_FILES


def test_the_list_of_long_files_is_true():
    for name in LONG_FILES:
        assert len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) > 300, name


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("text/clean.py", "from ..server import app"),
        ("audio/pcm.py", "import torch"),
        ("server/app.py", "def page():\n    import gradio"),
        ("ui/page.py", "from fastapi import FastAPI"),
        ("engine/scheduler.py", "import torch.nn.functional as F"),
        ("speech/plan.py", "from qwen3tts_webui.engine import engine"),
    ],
)
def test_a_forbidden_import_would_be_seen(name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "qwen3tts_webui"
    for folder in ("server", "engine", name.split("/")[0]):
        (package / folder).mkdir(parents=True, exist_ok=True)
    (package / name).write_text(line)
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path, raising=True)
    monkeypatch.setattr(f"{__name__}.PACKAGE", package, raising=True)
    assert len(broken_rules(package / name)) == 1
