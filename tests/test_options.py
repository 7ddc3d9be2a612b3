"""A new option is one field of `SpeechOptions` and one of `SpeechFields`: none is forgotten in an interface."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from qwen3tts_webui.api import GenerationOptions
from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.server.schemas import Open, TtsBody, parse_message
from qwen3tts_webui.types import Sampling, SpeechOptions

SAMPLING = {field.name for field in fields(Sampling)}
OPTIONS = {field.name for field in fields(SpeechOptions)} - {"sampling"} | SAMPLING
BATCHES_OVER_HTTP = {"max_parallel_segments"}  # `batch_size` there
OF_WHOLE_TEXTS = {"text_mode", "continue_voice"}  # text over a WebSocket is streamed, and its segments continue


def test_every_interface_has_every_option() -> None:
    assert GenerationOptions.__annotations__.keys() >= OPTIONS
    assert TtsBody.model_fields.keys() >= OPTIONS - BATCHES_OVER_HTTP
    assert Open.model_fields.keys() >= OPTIONS - BATCHES_OVER_HTTP - OF_WHOLE_TEXTS


def test_defaults_are_the_same_everywhere() -> None:
    defaults = SpeechOptions()
    for name in OPTIONS - BATCHES_OVER_HTTP - OF_WHOLE_TEXTS:
        expected = getattr(defaults.sampling if name in SAMPLING else defaults, name)
        assert TtsBody.model_fields[name].default == Open.model_fields[name].default == expected, name


def test_null_over_a_websocket_means_not_given() -> None:
    message = parse_message('{"type": "open", "temperature": null, "speed": null, "normalize": null, "voice": null}')
    assert message == parse_message('{"type": "open"}')


@pytest.mark.parametrize(
    ("field", "limit"), [("language", 64), ("voice_desc", 20_000), ("voice", 200), ("speaker", 200)]
)
def test_names_over_a_websocket_are_bounded(field: str, limit: int) -> None:
    parse_message(json.dumps({"type": "open", field: "a" * limit}))
    with pytest.raises(InvalidValue, match=field):
        parse_message(json.dumps({"type": "open", field: "a" * (limit + 1)}))
