"""OpenAI's routes, used by OpenAI's own client over real sockets."""

import base64
import json
from collections.abc import Iterator
from threading import Thread

import openai
import pytest

from qwen3tts_webui.audio import to_s16le
from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import OPENAI_VOICES, Presets
from tests.server.test_options import decoded
from tests.support.fakes import FailingSynthesizer, SteppedSynthesizer, ZeroCostSynthesizer, audio_of
from tests.support.server import make_client, run_server
from tests.support.wait import wait_until

SOUND = to_s16le(audio_of("Hi.", 5))


class Fake(ZeroCostSynthesizer):
    def __init__(self) -> None:
        super().__init__(features=("description", "seed", "speaker"), speakers=("Vivian",))


@pytest.fixture
def synthesizer() -> Fake:
    return Fake()


@pytest.fixture
def client(synthesizer: Fake) -> Iterator[openai.OpenAI]:
    with run_server(synthesizer) as url, client_at(url) as client:
        yield client


def client_at(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="not-needed", max_retries=0)


def test_the_client_gets_the_audio(client: openai.OpenAI) -> None:
    answer = client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.", response_format="pcm")
    assert answer.content == SOUND
    assert answer.response.headers["content-type"] == "audio/pcm"


def test_the_default_is_mp3(client: openai.OpenAI) -> None:
    answer = client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.")
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert len(decoded(answer.content, 24_000)) >= 9_600


@pytest.mark.parametrize("format", ["opus", "aac", "flac", "wav"])
def test_other_formats(client: openai.OpenAI, format: str) -> None:
    answer = client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.", response_format=format)
    assert len(decoded(answer.content, 24_000)) == pytest.approx(9_600, abs=3_072)


def test_the_client_streams_during_synthesis() -> None:
    synthesizer = SteppedSynthesizer(num_frames=2)
    with run_server(synthesizer) as url, client_at(url) as client:
        asked = client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="alloy", input="Hi.", response_format="pcm"
        )
        stepping = Thread(target=lambda: (wait_until(lambda: synthesizer.load.running == 1), synthesizer.step()))
        stepping.start()
        with asked as answer:
            pieces = answer.iter_bytes(768)
            first = next(pieces)
            assert synthesizer.packets_made == 1
            synthesizer.step()
            assert first + b"".join(pieces) == to_s16le(audio_of("Hi.", 2))
        stepping.join()


def test_events_carry_the_same_audio(client: openai.OpenAI) -> None:
    asked = client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="Hi.", response_format="pcm", stream_format="sse"
    )
    with asked as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == SOUND
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done"


async def test_the_asynchronous_client(synthesizer: Fake) -> None:
    with run_server(synthesizer) as url:
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="-", max_retries=0) as client:
            answer = await client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.", response_format="pcm")
            assert answer.content == SOUND


def described(client: openai.OpenAI, synthesizer: Fake, **asked: object) -> str:
    client.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": "Hi.", **asked})  # type: ignore[arg-type]
    return synthesizer.utterances[-1].voice.description


def test_instructions_are_the_description(client: openai.OpenAI, synthesizer: Fake) -> None:
    assert described(client, synthesizer, instructions="A calm old man.") == "A calm old man."


def test_a_name_of_openais_stands_for_a_description(client: openai.OpenAI, synthesizer: Fake) -> None:
    assert described(client, synthesizer, voice="onyx") == OPENAI_VOICES["onyx"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_preset_and_instructions_are_joined(client: openai.OpenAI, synthesizer: Fake, wrapped: bool) -> None:
    preset = Presets.load().of("en")[0]
    voice = {"id": preset.id} if wrapped else preset.id
    assert described(client, synthesizer, voice=voice) == preset.description
    assert described(client, synthesizer, voice=voice, instructions="Whisper.") == f"{preset.description} Whisper."


def test_a_speaker_by_name(client: openai.OpenAI, synthesizer: Fake) -> None:
    described(client, synthesizer, voice="vivian", instructions="Cheerful.")
    voice = synthesizer.utterances[-1].voice
    assert (voice.speaker, voice.description) == ("Vivian", "Cheerful.")


def test_speed_and_our_extensions(client: openai.OpenAI, synthesizer: Fake) -> None:
    extra = {"language": "Chinese", "seed": 5}
    answer = client.audio.speech.create(
        model="tts-1", voice="alloy", input="Hi.", response_format="pcm", speed=2.0, extra_body=extra
    )
    assert len(answer.content) == len(SOUND) // 2
    assert (synthesizer.utterances[-1].language, synthesizer.utterances[-1].seed) == ("zh", 5)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"input": ""}, "input", "empty_text"),
        ({"response_format": "m4a"}, "response_format", "invalid_value"),
        ({"speed": 4.5}, "speed", "invalid_value"),
        ({"instructions": "x" * 2_049}, "instructions", "description_too_long"),
        ({"extra_body": {"voice": 5}}, "voice", "invalid_value"),
        ({"extra_body": {"stream_format": "tape"}}, "stream_format", "invalid_value"),
    ],
)
def test_client_errors_are_400_in_openais_format(
    client: openai.OpenAI, body: dict[str, object], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": "Hi.", **body})  # type: ignore[arg-type]
    error = caught.value
    assert (error.type, error.param, error.code) == ("invalid_request_error", param, code)


def test_a_full_queue_is_a_rate_limit_that_says_when() -> None:
    with run_server(SteppedSynthesizer(slots=0, queue_size=0)) as url, client_at(url) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.")
        assert caught.value.response.headers["retry-after"] == "5"
        assert caught.value.type == "rate_limit_error"


def test_a_failure_of_the_engine_is_a_server_error() -> None:
    with run_server(FailingSynthesizer()) as url, client_at(url) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.")
        assert (caught.value.type, caught.value.code) == ("server_error", "synthesis_failed")


def test_a_deadline_holds_here_too() -> None:
    with run_server(SteppedSynthesizer()) as url, client_at(url) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            client.audio.speech.create(model="tts-1", voice="alloy", input="Hi.", extra_headers={"X-Deadline-Ms": "50"})
        assert (caught.value.status_code, caught.value.code) == (504, "deadline_exceeded")


def test_models_are_the_loaded_one_and_its_other_names(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[0] == "fake" and "gpt-4o-mini-tts" in names
    assert client.models.retrieve("tts-1-hd").owned_by == "qwen3tts-webui: fake voice for tests"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("whisper-1")


def test_every_listed_voice_works(client: openai.OpenAI, synthesizer: Fake) -> None:
    voices = client.get("/audio/voices", cast_to=dict)["voices"]  # type: ignore[type-var]
    names = {voice["id"]: (voice["name"], voice["language"]) for voice in voices}
    chinese = Presets.load().of("zh")[0]
    assert names[chinese.id] == (f"{chinese.name['en']} (Chinese)", "zh")
    assert names["alloy"] == ("alloy", "auto")
    assert {"alloy", "Vivian", Presets.load().of("zh")[0].id} <= {voice["id"] for voice in voices}
    for voice in voices:
        described(client, synthesizer, voice=voice["id"], response_format="pcm")
    assert len(synthesizer.utterances) == len(voices)


def test_an_unknown_path_is_reported_in_openais_format(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.get("/nothing", cast_to=dict)  # type: ignore[type-var]
    assert caught.value.type == "invalid_request_error"


def test_rejected_requests_get_openais_format() -> None:
    app = create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings())
    error = make_client(app, base_url="http://evil.example").post("/v1/audio/speech", json={}).json()["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["code"] == "forbidden_host"


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({}, None),
        ({"model": "kokoro", "voice": "Alloy"}, None),
        ({"voice": None, "instructions": None, "speed": None, "response_format": None}, None),
        ({"stream": True, "lang_code": "a", "task_type": "VoiceDesign", "instruct": "A calm man."}, None),
        ({"voice": "af_bella"}, "unknown voice af_bella replaced by {preset}"),
        ({"voice": ""}, "unknown voice  replaced by {preset}"),
        ({"voice": "af_bella", "instructions": "A calm man."}, "unknown voice af_bella ignored"),
        ({"speed": 4}, "speed 4 replaced by 2"),
        ({"pitch": 1, "x;y": 2}, "unknown fields ignored: pitch, x?y"),
    ],
)
def test_what_other_clients_send_is_understood(fields: dict[str, object], warning: str | None) -> None:
    app = create_app(Speech(Fake(), Presets.load()), Settings())
    answer = make_client(app).post("/v1/audio/speech", json={"input": "Hi.", **fields})
    assert (answer.status_code, answer.headers["x-model"]) == (200, "fake")
    preset = Presets.load().of("en")[0].id
    assert answer.headers.get("x-warning") == (warning and warning.format(preset=preset))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"voice": "Alloy", "instructions": None, "model": "kokoro", "lang_code": "a"}, None),
        ({"voice": "af_bella"}, "voice"),
        ({"pitch": 1}, "pitch"),
        ({"speed": 4}, "speed"),
    ],
)
def test_strict_mode_rejects_what_would_be_a_warning(fields: dict[str, object], param: str | None) -> None:
    app = create_app(Speech(Fake(), Presets.load()), Settings(strict_openai=True))
    answer = make_client(app).post("/v1/audio/speech", json={"input": "Hi.", **fields})
    assert answer.status_code == (200 if param is None else 400)
    assert "x-warning" not in answer.headers
    if param is not None:
        assert answer.json()["error"]["param"] == param
