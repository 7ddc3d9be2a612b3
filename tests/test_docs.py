"""The documentation is true: links resolve, commands parse, code runs, tables agree with the code."""

from __future__ import annotations

import ast
import json
import math
import re
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import yaml

import qwen3tts_webui
from qwen3tts_webui.api import SpeechModel
from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.cli import SUBCOMMANDS
from qwen3tts_webui.cli.arguments import parse
from qwen3tts_webui.cli.serve import listen
from qwen3tts_webui.config import Settings
from qwen3tts_webui.preview import PreviewSynthesizer
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.synthesizer_proxy import SynthesizerProxy
from qwen3tts_webui.voices import Presets
from tests.support.cloning import CloningFake
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.sounds import syllables
from tests.test_layers import MAY_IMPORT

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
READMES = ("README.md", "README.zh.md")
RUN = (*READMES, "docs/api/http.zh.md")  # their code runs unchanged; the code of other documents is parsed
PLACES = ("qwen3tts_webui", "assets", "benchmarks", "docs", "examples", "scripts", "tests", "docker")


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXTS[document], re.MULTILINE | re.DOTALL)


def numbered(language: str, documents: Iterator[str] | tuple[str, ...]) -> list[tuple[str, int]]:
    return [(name, number) for name in documents for number in range(len(blocks(name, language)))]


def links() -> list[tuple[str, str]]:
    return [(name, link) for name, text in TEXTS.items() for link in re.findall(r"\]\(((?!https?:)[^)#\s]+)", text)]


def named_paths() -> list[tuple[str, str]]:
    """Every path in backquotes that starts with a folder of this repository."""
    found = []
    for name, text in TEXTS.items():
        for quoted in re.findall(r"`([A-Za-z_./-]+/[A-Za-z_./-]*[a-z])`", text):
            found += [(name, quoted)] if quoted.split("/")[0] in PLACES else []
    return found


def command_lines() -> list[tuple[str, str]]:
    """Every line of code that starts the program, and every such command within a sentence."""
    ours = r"(?:\.venv/bin/python -m qwen3tts_webui|qwen3tts-webui|python3 app\.py)"
    found = []
    for name, text in TEXTS.items():
        found += [(name, line) for line in re.findall(rf"^(?:    |\s*\$ )\s*({ours}\b.*)$", text, re.MULTILINE)]
        found += [(name, line) for line in re.findall(rf"`({ours} [^`]+)`", text)]
    return found


def arguments(line: str) -> list[str]:
    """The arguments of the program: without the comment and the command itself."""
    words = shlex.split(line.replace("...", ""), comments=True)
    start = 3 if words[0].endswith("python") else 2 if words[0] == "python3" else 1
    return words[start:]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server on a free port, as the command line starts it except for the page."""
    settings = Settings(outputs=tmp_path / "outputs")
    speech = Speech(ZeroCostSynthesizer(), Presets.load())
    server = uvicorn.Server(uvicorn.Config(create_app(speech, settings), log_level="warning", ws="websockets-sansio"))
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize(("document", "link"), links())
def test_every_link_resolves(document: str, link: str):
    assert (ROOT / document).parent.joinpath(link).exists()


@pytest.mark.parametrize(("document", "path"), named_paths())
def test_every_named_path_exists(document: str, path: str):
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("document", "line"), command_lines())
def test_every_command_parses(document: str, line: str):
    words = arguments(line)
    if "--setup" in words:
        words = []
    elif "[" in line:
        words = [word for word in words if not set(word) & set("[]")][:1]
    elif words in (["download"], ["key", "new"]) or words[:1] == ["COMMAND"]:
        words = [word for word in words if word != "COMMAND"]
    assert callable(parse(words, SUBCOMMANDS).run)


@pytest.mark.parametrize("document", READMES)
def test_it_starts_with_the_two_commands(document: str):
    lines = TEXTS[document].splitlines()
    assert [line.split("#")[0].strip() for line in lines[2:4]] == ["python3 app.py", "scripts/check"]


def python_blocks(*, engine: bool) -> list[tuple[str, int]]:
    """The blocks that use the Python API (`engine`), or those that call a server."""
    documents = (*RUN, "docs/api/python.md") if engine else RUN
    found = numbered("python", documents)
    return [(name, number) for name, number in found if ("load_model" in blocks(name, "python")[number]) is engine]


@pytest.mark.parametrize(("document", "number"), python_blocks(engine=False))
def test_its_python_runs(document: str, number: int, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    source = blocks(document, "python")[number].replace("http://127.0.0.1:7860", address)
    assert address in source
    exec(compile(source, f"{document}, block {number}", "exec"), {"__name__": "document"})
    if "good-morning.wav" in source:
        assert (tmp_path / "good-morning.wav").read_bytes()[:4] == b"RIFF"


class Kept(SynthesizerProxy):
    """The preview voice of several documents: it takes seconds to load, so their models do not close it."""

    def close(self, *, grace_s: float = 0.0) -> None:
        """Leave the engine open."""


@pytest.fixture(scope="module")
def preview() -> Iterator[Kept]:
    engine = PreviewSynthesizer()
    yield Kept(engine)
    engine.close()


@pytest.mark.parametrize(("document", "number"), python_blocks(engine=True))
def test_its_python_runs_with_the_preview_voice(
    document: str, number: int, preview: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.wav").write_bytes(encode_all(syllables(2.0), "wav"))
    source = blocks(document, "python")[number].replace("Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign", "preview")
    if document not in READMES:  # which load it themselves
        engines = {"preview": preview, "Qwen/Qwen3-TTS-12Hz-0.6B-Base": CloningFake()}  # the preview cannot clone
        monkeypatch.setattr(qwen3tts_webui, "load_model", lambda name: SpeechModel(engines[name]), raising=False)
    exec(compile(source, f"{document}, block {number}", "exec"), {"__name__": "document"})
    assert all((tmp_path / name).stat().st_size > 44 for name in re.findall(r'save\("([^"]+)"\)', source))


@pytest.mark.parametrize(("document", "number"), numbered("python", tuple(TEXTS)))
def test_its_python_is_python(document: str, number: int):
    ast.parse(blocks(document, "python")[number])


@pytest.mark.parametrize("document", TEXTS)
def test_its_json_is_json(document: str):
    for block in blocks(document, "json"):
        try:
            json.loads(block)
        except ValueError:  # one object per line
            assert [json.loads(line) for line in block.splitlines()]


@pytest.mark.parametrize(("document", "number"), numbered("bash", RUN))
def test_its_shell_runs(document: str, number: int, address: str, tmp_path: Path):
    command = blocks(document, "bash")[number].replace("http://127.0.0.1:7860", address)
    result = subprocess.run(
        ["bash", "-ec", command.replace("curl ", "curl --fail ")], cwd=tmp_path, capture_output=True
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "hello.wav").read_bytes()[:4] == b"RIFF"


def test_there_is_code_to_run():
    assert len(python_blocks(engine=False)) == 4
    assert len(python_blocks(engine=True)) == 8
    assert len(numbered("bash", RUN)) == 1
    assert len(command_lines()) > 20


def test_the_docker_commands_name_existing_targets():
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    profiles = set(yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"])
    everything = "\n".join(TEXTS.values())
    targets = set(re.findall(r"--target (\w+)", everything))
    assert targets
    assert all(f" AS {target}\n" in dockerfile for target in targets)
    assert set(re.findall(r"--profile (\w+)", everything)) == profiles


def test_the_import_table_is_the_tested_one():
    table: dict[str, set[str]] = {}
    written = TEXTS["docs/architecture.md"].partition("<!-- layers: begin -->")[2].partition("<!-- layers: end -->")[0]
    for layers, may in re.findall(r"^\| ([a-z0-9_, ]+) \| ([a-z0-9_, ]+) \|$", written, re.MULTILINE):
        for layer in layers.split(", "):
            table[layer] = set() if may == "nothing" else set(may.split(", "))
    assert {layer: may for layer, may in table.items() if layer not in ("cli", "cluster")} == MAY_IMPORT


@pytest.mark.parametrize("document", ["docs/architecture.md", "docs/architecture.zh.md"])
def test_every_module_it_names_exists(document: str):
    named = re.findall(r"`([a-z_/]+(?:\.py|/))`", TEXTS[document])
    paths = [path for path in named if path.split("/")[0] not in PLACES]
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / "qwen3tts_webui" / path).exists()] == []


LABELS = [
    ("docs/quickstart.md", "en", r"\*{1,2}([A-Z][A-Za-z ]+)\*{1,2}(?! preview)"),
    ("docs/quickstart.zh.md", "zh", r"[“*]{1,2}(获取真实语音|生成|重[^”*]+)[”*]{1,2}"),
]


@pytest.mark.parametrize(("document", "language", "pattern"), LABELS)
def test_labels_of_the_page_are_in_its_catalog(document: str, language: str, pattern: str):
    catalog = json.loads((ROOT / "assets" / "i18n" / f"{language}.json").read_text(encoding="utf-8"))
    labels = set(re.findall(pattern, TEXTS[document]))
    assert len(labels) == 3
    assert labels <= set(catalog.values())


def citations() -> list[tuple[str, str]]:
    """Every document that a module cites."""
    files = [*(ROOT / "qwen3tts_webui").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    names = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted(files)}
    return [
        (name, cited)
        for name, text in names.items()
        for cited in set(re.findall(r"\b(?:docs/[\w/.-]+|[A-Z]{3,})\.md\b", text))
    ]


@pytest.mark.parametrize(("module", "document"), citations())
def test_every_cited_document_exists(module: str, document: str):
    assert (ROOT / document).exists()


def test_every_cited_section_of_the_model_exists():
    sections = {int(number) for number in re.findall(r"^## (\d+)\. ", TEXTS["docs/model.md"], re.MULTILINE)}
    assert sections == set(range(1, 13))
    for path in (ROOT / "qwen3tts_webui").rglob("*.py"):
        for cited in re.findall(r"docs/model\.md, sections? ([\d, and]+)", path.read_text(encoding="utf-8")):
            assert {int(number) for number in re.findall(r"\d+", cited)} <= sections, path


def capacity_rows() -> list[tuple[int, list[int]]]:
    rows = re.findall(r"^\|[^|]+\| (\d+) \| ([\d, |]+) \|$", TEXTS["docs/deployment.md"], re.MULTILINE)
    return [(int(streams), [int(cell.replace(",", "")) for cell in cells.split(" | ")]) for streams, cells in rows]


@pytest.mark.parametrize(("streams", "machines"), capacity_rows())
def test_the_capacity_table_is_computed_correctly(streams: int, machines: list[int]):
    assert machines == [math.ceil(listeners / (streams * 0.7)) for listeners in (1_000, 10_000, 1_000_000)]


def test_an_invalid_command_is_detected():
    with pytest.raises(SystemExit):
        parse(arguments("    .venv/bin/python -m qwen3tts_webui serve --no-such-flag".strip()), SUBCOMMANDS)


def test_every_environment_variable_is_a_setting():
    names: dict[str, Any] = Settings.model_fields
    for text in TEXTS.values():
        for variable in re.findall(r"QWEN3TTS_([A-Z_]+)", text):
            assert variable.lower() in names, variable
