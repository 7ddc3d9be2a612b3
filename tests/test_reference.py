"""The API reference: every public name exists and has a docstring, and the documentation builds without warnings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

griffe = pytest.importorskip("griffe", reason="the extra `docs` needs Python 3.11")

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = sorted(path.parent for path in (ROOT / "qwen3tts_webui").rglob("__init__.py"))
DOCUMENTED = ("class", "function", "module")
MODULES = ("errors", "types", "config", "streams", "hot_swap", "i18n")  # public without re-exports


@cache
def package() -> griffe.Module:
    """The whole package, read from its source: nothing is imported."""
    loaded = griffe.load("qwen3tts_webui", search_paths=[str(ROOT)], resolve_aliases=True)
    assert isinstance(loaded, griffe.Module)
    return loaded


def module_at(folder: Path) -> griffe.Module:
    parts = folder.relative_to(ROOT / "qwen3tts_webui").parts
    found = package()[".".join(parts)] if parts else package()
    assert isinstance(found, griffe.Module)
    return found


def exported(module: griffe.Module) -> Iterator[tuple[str, griffe.Object]]:
    """The names in `__all__` and what they stand for; fails for a name that does not resolve."""
    for name in module.exports or []:
        member = module.members[str(name)]
        yield str(name), member.final_target if isinstance(member, griffe.Alias) else member


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_exported_name_has_a_docstring(folder: Path) -> None:
    module = module_at(folder)
    assert module.has_docstring
    missing = [name for name, found in exported(module) if found.kind.value in DOCUMENTED and not found.has_docstring]
    assert missing == []


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_of_a_module_has_a_docstring(name: str) -> None:
    module = package()[name]
    members = {key: found for key, found in module.members.items() if not key.startswith("_") and not found.is_alias}
    assert members
    assert [key for key, found in members.items() if found.kind.value in DOCUMENTED and not found.has_docstring] == []


def test_the_documentation_builds_strictly_and_loads_nothing_from_other_hosts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert result.returncode == 0, result.stderr
    reference = (tmp_path / "api" / "reference.html").read_text(encoding="utf-8")
    assert 'id="qwen3tts_webui.types.Utterance"' in reference
    pages = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")]
    assert len(pages) > 10
    external = re.compile(r'<(?:script|img|link)[^>]+(?:src|href)="(https?://[^"]+)')
    assert [url for page in pages for url in external.findall(page)] == []
