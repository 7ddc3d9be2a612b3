"""The prose lint: what it detects and what it leaves alone. `scripts/check` runs it on every file."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load_lint() -> ModuleType:
    """`scripts/lint-prose` as a module."""
    loader = importlib.machinery.SourceFileLoader("lint_prose", str(ROOT / "scripts" / "lint-prose"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint_prose", loader) or pytest.fail())
    loader.exec_module(module)
    return module


LINT = load_lint()


def found(tmp_path: Path, name: str, source: str) -> list[str]:
    path = tmp_path / name
    path.write_text(source, encoding="utf-8")
    return [line.removeprefix(f"{path.as_posix()}:") for line in LINT.findings(path)]


@pytest.mark.parametrize(
    "text",
    [
        "The client is told.",
        "Whoever listens",
        "spoken anew",
        "a file beside it",
        "in which nobody speaks",
        "It lies in the cache.",
        "it goes on in that voice",
        "the history is none",
        "one object a line",
        "the number type",
        "the sound is sent",
        "who speaks now",
        "the door of the house",
        "normalised",
    ],
)
def test_a_banned_word_is_detected(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, "page.md", f"First line.\n{text}\n")[0].startswith("2: ")
    assert found(tmp_path, "module.py", f'"""Summary.\n\n{text}\n"""\n')[0].startswith("3: ")
    assert found(tmp_path, "script.js", f"// {text}\n")[0].startswith("1: ")


@pytest.mark.parametrize(
    "text",
    [
        "Return the finished audio.",
        "It sounds like a radio.",
        "value is None",
        "None if there is none",
        "a blank line",
        "four in a row",
        "2 on a GPU",
        "per packet",
        "synthesis and analysis",
        "Go on",
    ],
)
def test_plain_english_is_left_alone(text: str, tmp_path: Path) -> None:
    assert found(tmp_path, "page.md", f"{text}\n") == []
    assert found(tmp_path, "module.py", f"# {text}\n") == []


def test_names_and_literals_of_python_are_checked(tmp_path: Path) -> None:
    source = 'def told_by(wish):\n    return f"{wish}" + "anew"\n'
    lines = found(tmp_path, "module.py", source)
    assert [line.split(" -> ")[0] for line in lines] == [
        '1: "told"',
        '1: "wish"',
        '2: "wish"',
        '2: "anew"',
    ]


def test_a_quoted_line_is_skipped(tmp_path: Path) -> None:
    assert found(tmp_path, "module.py", 'OLD_KEY = "wish"  # prose: quoted\n') == []


def test_code_in_documents_is_not_checked(tmp_path: Path) -> None:
    assert found(tmp_path, "page.md", "`told`\n\n```python\ntold = 1\n```\n") == []


def test_values_of_a_catalog_are_checked_and_keys_are_not(tmp_path: Path) -> None:
    catalog = '{\n  "wish.title": "Options",\n  "title": "Your wish"\n}\n'
    assert found(tmp_path, "en.json", catalog) == ['3: "wish" -> request, option, requested']


def test_chinese_terms_are_checked(tmp_path: Path) -> None:
    assert found(tmp_path, "page.zh.md", "需要钥匙。\n") == ['1: "钥匙" -> 密钥']
    assert found(tmp_path, "page.zh.md", "需要密钥。\n") == []
