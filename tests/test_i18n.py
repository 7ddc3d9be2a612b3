"""Error messages in the reader's language, down to every detail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import qwen3tts_webui
from qwen3tts_webui.errors import (
    ANOTHER_VALUE,
    CLOSING,
    EMPTY,
    NO_WEIGHTS,
    CheckpointError,
    DownloadError,
    ErrorDetail,
    InsufficientMemory,
    InvalidFile,
    InvalidValue,
    NestedError,
    NotReady,
    SpeechError,
    Unsupported,
    in_range,
    loading_reason,
    one_of,
)
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.server.http import ErrorRenderer
from qwen3tts_webui.types import Feature

SOURCES = "\n".join(path.read_text("utf-8") for path in Path(qwen3tts_webui.__file__).parent.rglob("*.py"))
DETAILS = dict(re.findall(r'ErrorDetail\(\s*"(\w+)",\s*"([^"]+)"', SOURCES))
TRUNCATED = CheckpointError(file="/models/m/model.safetensors", key="", problem=NO_WEIGHTS)


def test_a_detail_is_in_the_language_of_its_message() -> None:
    error = InvalidFile(reason=ErrorDetail("too_large", "it is larger than {mib:g} MiB", mib=4.0))
    assert str(error) == Catalog("en").error(error) == "This file cannot be used: it is larger than 4 MiB."
    assert Catalog("zh").error(error) == "这个文件无法使用：它大于 4 MiB。"


def test_a_foreign_detail_is_left_unchanged() -> None:
    error = DownloadError(what="a model", reason="Permission denied")
    assert Catalog("zh").error(error) == "下载 a model 失败：Permission denied。"


@pytest.mark.parametrize(
    ("error", "english", "chinese"),
    [
        (
            NotReady(reason=CLOSING),
            "The voice engine is not ready: it is shutting down.",
            "语音引擎还没有准备好：它正在关闭。",
        ),
        (
            NotReady(reason=loading_reason("Qwen3-TTS, M")),
            "The voice engine is not ready: Qwen3-TTS, M is still loading.",
            "语音引擎还没有准备好：Qwen3-TTS, M 还在加载。",
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
            "The voice engine is not ready: The model needs 6.0 GiB on cuda:0, but 4.0 GiB are free."
            " Use half precision.",
            "语音引擎还没有准备好：模型在 cuda:0 上需要 6.0 GiB，目前只有 4.0 GiB 可用。请改用半精度。",
        ),
        (
            DownloadError(what="M", reason=ErrorDetail("in_file", "{file}: {problem}", file="a", problem=NO_WEIGHTS)),
            "The download of M failed: a: truncated, or not a safetensors file.",
            "下载 M 失败：a：不完整，或不是 safetensors 文件。",
        ),
    ],
)
def test_loading_errors_are_translated(error: SpeechError, english: str, chinese: str) -> None:
    assert str(error) == Catalog("en").error(error) == english
    assert Catalog("zh").error(error) == chinese


def test_clients_do_not_learn_the_path_of_a_model() -> None:
    rendered = ErrorRenderer().to_dict(NotReady(reason=NestedError(TRUNCATED)), "zh")
    assert rendered == {"code": "not_ready", "message": "语音引擎还没有准备好：模型无法加载，原因见日志。"}
    assert ErrorRenderer().to_dict(TRUNCATED, "en")["code"] == "internal"


@pytest.mark.parametrize("code", sorted(DETAILS))
def test_every_detail_has_a_chinese_translation_with_the_same_placeholders(code: str) -> None:
    translation = Catalog("zh").messages[f"error.detail.{code}"]
    placeholders = re.compile(r"{[^}]*}")
    assert sorted(placeholders.findall(translation)) == sorted(placeholders.findall(DETAILS[code]))
    assert re.search(r"[\u4e00-\u9fff]", translation) or not re.search(r"[a-z]", placeholders.sub("", translation))


def error_classes(root: type[SpeechError] = SpeechError) -> list[type[SpeechError]]:
    return [root, *(found for child in root.__subclasses__() for found in error_classes(child))]


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_chinese_message_with_the_same_placeholders(kind: type[SpeechError]) -> None:
    translation = Catalog("zh").messages[f"error.{kind.code}"]
    placeholders = re.compile(r"{[^}]*}")
    assert sorted(placeholders.findall(translation)) == sorted(placeholders.findall(kind.template))
    assert kind.__doc__


def test_every_feature_has_a_name_in_both_languages() -> None:
    for feature in get_args(Feature):
        error = Unsupported(engine="X", feature=feature)
        if feature in ("dialect", "word_timing"):  # nothing is refused for it
            continue
        assert isinstance(error.params["feature"], ErrorDetail), feature
        assert re.fullmatch(r"X 不支持[\u4e00-\u9fff]+。", Catalog("zh").error(error))


def test_every_part_of_a_chinese_message_is_chinese() -> None:
    error = InvalidValue(field="seed", expected=in_range(1, 5), got=ANOTHER_VALUE)
    assert str(error) == "seed must be between 1 and 5, not another value."
    assert Catalog("zh").error(error) == "seed 应为介于 1 与 5 之间的值，而不是其他值。"
    choice = InvalidValue(field="format", expected=one_of(["wav", "mp3"]), got=EMPTY)
    assert str(choice) == "format must be one of wav, mp3, not empty."
    assert Catalog("zh").error(choice) == "format 应为以下之一：wav, mp3，而不是空值。"
