"""Validated bodies -> `SpeechRequest`, and the start of its synthesis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from qwen3tts_webui.audio import OutputFormat
from qwen3tts_webui.errors import ErrorDetail, InvalidValue, NotFound, TextTooLong, in_range
from qwen3tts_webui.server.delivery.request_context import RequestContext
from qwen3tts_webui.server.delivery.request_registry import RequestRecord
from qwen3tts_webui.server.schemas import MAX_BATCH_TEXTS, Open, TtsBody
from qwen3tts_webui.speech import MAX_PARALLEL_SEGMENTS, continue_voice, draw_seed
from qwen3tts_webui.types import Sampling, SpeechOptions, SpeechRequest, Voice, option_values
from qwen3tts_webui.voices import OPENAI_VOICES

_LONG_TEXT = 1_000  # characters; splitting more than that would delay other requests' audio by more than 5 ms

Result = TypeVar("Result")


def output_format_of(body: TtsBody) -> OutputFormat:
    """Raises `InvalidValue` for an unsupported format."""
    return OutputFormat.of(
        (body.format or ("pcm" if body.streaming else "wav")).lower(),
        body.sample_rate,
        packet_ms=body.packet_ms,
        as_file=not body.streaming,
    )


def single_request(body: TtsBody, context: RequestContext) -> SpeechRequest:
    """Return the request for one text. Raises `InvalidValue`, `NotFound`, `Unsupported`."""
    assert isinstance(body.text, str)
    _check_batch_size(body)
    parallel = body.batch_size or 1
    continue_voice = parallel == 1 if body.continue_voice is None else body.continue_voice
    return _request(
        body,
        context,
        text=body.text,
        request_id=context.request_id,
        seed=body.seed,
        continue_voice=continue_voice,
        max_parallel_segments=parallel,
    )


def batch_requests(body: TtsBody, context: RequestContext) -> list[SpeechRequest]:
    """Return one request per text of a batch, all with the same seed. Raises `InvalidValue`, `TextTooLong`."""
    assert isinstance(body.text, list)
    _check_batch_size(body)
    if not 1 <= len(body.text) <= MAX_BATCH_TEXTS:
        expected = ErrorDetail("num_texts", "between 1 and {limit} texts", limit=MAX_BATCH_TEXTS)
        raise InvalidValue(field="text", expected=expected, got=len(body.text))
    length = sum(map(len, body.text))
    max_text = context.server.speech.max_text
    if length > max_text:
        raise TextTooLong(length=length, limit=max_text)
    seed = draw_seed() if body.seed is None else body.seed
    return [
        _request(
            body,
            context,
            text=text,
            request_id=f"{context.request_id}-{index}",
            seed=seed,
            continue_voice=body.continue_voice is not False,
        )
        for index, text in enumerate(body.text)
    ]


def streamed_request(message: Open, context: RequestContext) -> SpeechRequest:
    """Return the request for an utterance with text from a WebSocket. OpenAI's voice names stand for descriptions."""
    described = OPENAI_VOICES.get((message.voice or "").casefold())
    if described is not None:
        update = {"voice": None, "voice_desc": message.voice_desc if message.voice_desc.strip() else described}
        message = message.model_copy(update=update)
    return _request(message, context, text="", request_id=context.request_id, seed=message.seed, text_mode="streaming")


def _request(body: TtsBody | Open, context: RequestContext, **values: Any) -> SpeechRequest:
    """Return the request with the options of `body`; `values` take precedence."""
    sampling = Sampling(**{field.name: getattr(body, field.name) for field in fields(Sampling)})
    options = option_values(SpeechOptions, body) | {"sampling": sampling}
    request = SpeechRequest(
        language=body.language,
        voice=Voice(description=body.voice_desc, speaker=body.speaker),
        voice_id=body.voice,
        client=context.client,
        weight=context.weight,
        deadline=context.deadline,
        **(options | values),
    )
    source = body.continue_from
    if source is None:
        return request
    try:
        session = context.server.requests.get(source.request_id).session
    except NotFound as error:
        raise NotFound(**error.params, field="continue_from.request_id") from None
    return continue_voice(request, session, source.segment, context.server.speech.engines)


def _check_batch_size(body: TtsBody) -> None:
    if body.batch_size is not None and not 1 <= body.batch_size <= MAX_PARALLEL_SEGMENTS:
        raise InvalidValue(
            field="batch_size", expected=in_range(1, MAX_PARALLEL_SEGMENTS), got=str(body.batch_size)[:24]
        )


async def start_request(context: RequestContext, request: SpeechRequest) -> RequestRecord:
    """Submit `request` and register it. Raises what `Speech.speak` raises."""
    session = await run_maybe_in_thread(needs_thread(request), lambda: context.server.speech.speak(request))
    return context.server.requests.open(request.request_id, session, context.received)


def needs_thread(request: SpeechRequest) -> bool:
    """Whether preparing the request takes long: a long text to split, or a voice to read from disk."""
    return len(request.text) > _LONG_TEXT or request.voice_id is not None


async def run_maybe_in_thread(in_thread: bool, work: Callable[[], Result]) -> Result:
    """Call `work`, in a thread if it takes long."""
    return await asyncio.to_thread(work) if in_thread else work()
