"""Errors in the language of the reader, down to the clause that says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import qwen3tts_webui
from qwen3tts_webui.errors import BadFile, DownloadError, Reason
from qwen3tts_webui.i18n import Catalog

SOURCES = "\n".join(path.read_text("utf-8") for path in Path(qwen3tts_webui.__file__).parent.rglob("*.py"))
REASONS = dict(re.findall(r'Reason\(\s*"(\w+)",\s*"([^"]+)"', SOURCES))


def test_a_reason_is_told_in_the_language_of_its_sentence() -> None:
    error = BadFile(reason=Reason("too_large", "it is larger than {mib:g} MiB", mib=4.0))
    assert str(error) == Catalog("en").error(error) == "This file cannot be used: it is larger than 4 MiB."
    assert Catalog("zh").error(error) == "这个文件不能用：它大于 4 MiB。"


def test_a_reason_of_somebody_else_stays_as_it_is() -> None:
    error = DownloadError(what="a model", reason="Permission denied")
    assert Catalog("zh").error(error) == "下载 a model 失败：Permission denied。"


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_has_a_chinese_clause_with_the_same_places(code: str) -> None:
    clause = Catalog("zh").sentences[f"error.reason.{code}"]
    places = re.compile(r"{[^}]*}")
    assert sorted(places.findall(clause)) == sorted(places.findall(REASONS[code]))
    assert not clause.endswith("。")  # the sentence around it has its own
