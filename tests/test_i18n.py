"""Errors in the language of the reader, down to the clause that says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import qwen3tts_webui
from qwen3tts_webui.errors import (
    CLOSING,
    NO_WEIGHTS,
    CheckpointError,
    DownloadError,
    ErrorDetail,
    InsufficientMemory,
    InvalidFile,
    NestedError,
    NotReady,
    SpeechError,
    loading_reason,
)
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.server.http.error_responses import Problems

SOURCES = "\n".join(path.read_text("utf-8") for path in Path(qwen3tts_webui.__file__).parent.rglob("*.py"))
REASONS = dict(re.findall(r'Reason\(\s*"(\w+)",\s*"([^"]+)"', SOURCES))
TRUNCATED = CheckpointError(file="/models/m/model.safetensors", key="", problem=NO_WEIGHTS)


def test_a_reason_is_told_in_the_language_of_its_sentence() -> None:
    error = InvalidFile(reason=ErrorDetail("too_large", "it is larger than {mib:g} MiB", mib=4.0))
    assert str(error) == Catalog("en").error(error) == "This file cannot be used: it is larger than 4 MiB."
    assert Catalog("zh").error(error) == "这个文件不能用：它大于 4 MiB。"


def test_a_reason_of_somebody_else_stays_as_it_is() -> None:
    error = DownloadError(what="a model", reason="Permission denied")
    assert Catalog("zh").error(error) == "下载 a model 失败：Permission denied。"


@pytest.mark.parametrize(
    ("error", "english", "chinese"),
    [
        (
            NotReady(reason=CLOSING),
            "The voice is not ready yet: it is shutting down.",
            "声音还没有准备好：它正在关闭。",
        ),
        (
            NotReady(reason=loading_reason("Qwen3-TTS, M")),
            "The voice is not ready yet: Qwen3-TTS, M is still being loaded.",
            "声音还没有准备好：Qwen3-TTS, M 还在加载。",
        ),
        (
            TRUNCATED,
            "/models/m/model.safetensors: truncated, or not a safetensors file",
            "/models/m/model.safetensors：不完整，或不是 safetensors 文件",
        ),
        (
            CheckpointError(file="config.json", key="layers", problem=ErrorDetail("no_key", "the key is missing")),
            "config.json: the key is missing [layers]",
            "config.json：缺少这一项 [layers]",
        ),
        (
            NotReady(
                reason=NestedError(
                    InsufficientMemory(
                        needed_gib=6, device="cuda:0", free_gib=4, hint=ErrorDetail("half", "Use half precision.")
                    )
                )
            ),
            "The voice is not ready yet: The model needs 6.0 GiB on cuda:0, 4.0 GiB are free. Use half precision.",
            "声音还没有准备好：模型在 cuda:0 上需要 6.0 GiB，只有 4.0 GiB 空闲。请改用半精度。",
        ),
        (
            DownloadError(what="M", reason=ErrorDetail("in_file", "{file}: {problem}", file="a", problem=NO_WEIGHTS)),
            "The download of M failed: a: truncated, or not a safetensors file.",
            "下载 M 失败：a：不完整，或不是 safetensors 文件。",
        ),
    ],
)
def test_what_holds_a_model_up_is_told_in_both_languages(error: SpeechError, english: str, chinese: str) -> None:
    assert str(error) == Catalog("en").error(error) == english
    assert Catalog("zh").error(error) == chinese


def test_a_client_is_not_told_where_a_model_lies() -> None:
    told = Problems().told(NotReady(reason=NestedError(TRUNCATED)), "zh")
    assert told == {"code": "not_ready", "message": "声音还没有准备好：模型无法加载，原因见日志。"}
    assert Problems().told(TRUNCATED, "en")["code"] == "internal"


@pytest.mark.parametrize("code", sorted(REASONS))
def test_every_reason_has_a_chinese_clause_with_the_same_places(code: str) -> None:
    clause = Catalog("zh").messages[f"error.detail.{code}"]
    places = re.compile(r"{[^}]*}")
    assert sorted(places.findall(clause)) == sorted(places.findall(REASONS[code]))
    assert not clause.endswith("。")  # the sentence around it has its own
