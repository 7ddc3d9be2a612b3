"""`POST /api/tts`: the main route. In: JSON. Out: sound, or an error that says what is wrong before any byte of it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from qwen3tts_webui.audio.encode import FORMATS
from qwen3tts_webui.config import MAX_DESCRIPTION, Settings
from qwen3tts_webui.server.delivery.audio_response import SoundResponse
from qwen3tts_webui.server.delivery.audio_stream import Delivery
from qwen3tts_webui.server.delivery.batch_response import MULTIPART, NDJSON, begin_batch
from qwen3tts_webui.server.delivery.continuation import continuing
from qwen3tts_webui.server.delivery.recorder import Recorder
from qwen3tts_webui.server.delivery.request_context import Asked, begin
from qwen3tts_webui.server.delivery.request_registry import Runs
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.server.http.json_body import read
from qwen3tts_webui.server.http.openapi import documented
from qwen3tts_webui.server.schemas.speech import SpeakBody
from qwen3tts_webui.speech import Speech

_EXAMPLES: dict[str, dict[str, object]] = {
    "one file": {"text": "Good morning.", "language": "English", "voice_desc": "A calm old man, low and husky."},
    "as it is spoken": {"text": "First line.\nSecond line.", "streaming": True, "seed": 7, "packet_ms": 20},
    "a preset, for a telephone": {"text": "Hello.", "voice": "en-service", "format": "wav", "sample_rate": 8_000},
    "a batch": {"text": ["One.", "Two.", "Three."], "batch_size": 2, "format": "mp3"},
}
_BYTES_A_CHARACTER = 12  # the longest JSON spelling: an escaped surrogate pair


def max_body_bytes(settings: Settings) -> int:
    """What a request with the longest text and description may weigh."""
    return _BYTES_A_CHARACTER * (settings.max_text + MAX_DESCRIPTION) + 16_384


def tts_router(speech: Speech, settings: Settings, runs: Runs, recorder: Recorder, problems: Problems) -> APIRouter:
    """The route; `runs` remembers what it did, `recorder` keeps the sound."""
    router = APIRouter(tags=["speech"])
    max_bytes = max_body_bytes(settings)

    async def tts(request: Request) -> Response:
        """Speak a text, or a batch of texts, in a voice that is described in plain words."""
        asked = Asked.of(request, runs)
        body = await read(request, SpeakBody, max_bytes=max_bytes)
        form = body.form
        if isinstance(body.text, list):
            requests = [
                continuing(request, body.continue_from, runs, speech.info)
                for request in body.requests(asked, max_text=speech.max_text)
            ]
            accept = request.headers.get("accept", "")
            return await begin_batch(
                speech, runs, recorder, problems, requests, form, asked, at_once=body.batch_size, accept=accept
            )
        wish = continuing(body.request(asked), body.continue_from, runs, speech.info)
        run = await begin(speech, runs, wish, asked.received)
        delivery = Delivery(run, form, recorder, problems, asked.wish)
        return SoundResponse(delivery, speech.info, problems, wish=asked.wish)

    mimes: dict[str, dict[str, object]] = {info.mime: {} for info in FORMATS.values()}

    # a plain route comes first and answers a tenth of a millisecond sooner; FastAPI's documents it
    async def plain(request: Request) -> Response:
        request.scope["route"] = router.routes[-1]  # whose template logs and metrics name
        return await tts(request)

    router.add_route("/api/tts", plain, methods=["POST"], include_in_schema=False)
    router.add_api_route(
        "/api/tts",
        tts,
        methods=["POST"],
        response_class=Response,
        **documented(
            SpeakBody,
            statuses=(400, 404, 413, 415, 422, 429, 500, 503, 504),
            content={**mimes, MULTIPART: {}, NDJSON: {}},
            examples=_EXAMPLES,
        ),
    )
    return router
