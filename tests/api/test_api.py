"""The Python API: one engine, the same rules as the server, and nothing imported before it is needed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qwen3tts_webui import Lexicon, LexiconEntry, normalize_text
from qwen3tts_webui.api import SpeechModel, load_model
from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.errors import (
    CheckpointError,
    EmptyText,
    EngineStopped,
    InvalidFile,
    InvalidValue,
    NotReady,
    SynthesisError,
    Unsupported,
)
from qwen3tts_webui.types import AcousticPrompt, NormalizeMode, Voice
from qwen3tts_webui.voices import SavedVoice, serialize_voice
from tests.support.cloning import CloningFake, FakeRecognizer
from tests.support.fakes import (
    ContinuingSynthesizer,
    FailingSynthesizer,
    SteppedSynthesizer,
    ZeroCostSynthesizer,
    audio_of,
    codes_of,
)
from tests.support.sounds import syllables

GOLDEN = Path(__file__).resolve().parents[1] / "golden"


@pytest.fixture
def model() -> Iterator[SpeechModel]:
    with SpeechModel(ContinuingSynthesizer()) as model:
        yield model


def test_a_text_becomes_the_audio_of_the_engine(model: SpeechModel) -> None:
    audio = model.generate("Hello.", voice="A calm old man.", language="English", seed=7)
    assert np.array_equal(audio.samples, audio_of("Hello.", 5))
    assert (audio.samples.dtype, audio.sample_rate, audio.finish_reason, audio.seed) == (np.float32, 24_000, "stop", 7)
    assert audio.timings.total_ms is not None
    assert repr(audio) == "Audio(0.40 s, 24000 Hz, stop, seed=7)"


def test_texts_of_a_batch_share_a_seed_and_may_outnumber_the_queue() -> None:
    with SpeechModel(ZeroCostSynthesizer(slots=1, queue_size=2)) as model:
        results = model.generate([f"Number {number}." for number in range(7)])
        assert len({audio.seed for audio in results}) == 1
        assert [len(audio) for audio in results] == [5 * 1_920] * 7
        assert model.generate([]) == []


def test_pauses_and_lines_are_those_of_the_server(model: SpeechModel) -> None:
    audio = model.generate("One.[pause 500ms]Two.")
    assert len(audio) == 2 * 5 * 1_920 + 12_000


def test_a_result_is_continued_in_its_voice(model: SpeechModel) -> None:
    first = model.generate("One.", seed=1)
    assert model.generate("Two.", continue_from=first).finish_reason == "stop"
    with pytest.raises(InvalidValue):
        model.generate("Two.", continue_from=first, speaker="Vivian")


def test_a_voice_file_is_a_voice(model: SpeechModel, tmp_path: Path) -> None:
    prompt = AcousticPrompt(text="One.", codes=codes_of("One.", 5))
    saved = SavedVoice(name="Mine", seed=11, acoustic_prompt=prompt)
    path = tmp_path / "mine.voice"
    path.write_bytes(serialize_voice(saved))
    by_path, by_text = (model.generate("Two.", voice=voice) for voice in (path, str(path)))
    assert by_path.seed == by_text.seed == model.generate("Two.", voice=saved).seed == 11
    assert model.generate("Two.", voice=saved, seed=3).seed == 3
    with pytest.raises(InvalidFile):
        model.generate("Two.", voice=tmp_path / "none.voice")


def test_a_recording_becomes_a_voice_that_can_be_used_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clip = tmp_path / "clip.flac"
    clip.write_bytes(encode_all(syllables(2.0), "flac"))
    engine = CloningFake()
    with SpeechModel(engine) as model:
        voice = model.clone(clip, "What I said.")
        assert "too_short" in caplog.text
        stereo = np.stack([syllables(4.0)] * 2, axis=1)
        for used in (voice, voice, model.clone(stereo, x_vector_only=True), model.clone(clip.read_bytes(), "Said.")):
            model.generate("Hello.", voice=used)
        references = [said.voice.reference for said in engine.utterances]
        assert [one.mode for one in references if one is not None] == ["icl", "icl", "xvector", "icl"]
        assert references[0] is references[1] is voice.reference
        for wrong in (np.full(48_000, np.nan), np.zeros(48_000), np.zeros(100)):
            with pytest.raises(InvalidFile):
                model.clone(wrong, "What I said.")
        for samples, rate in ((np.zeros((9, 1, 1)), 24_000), (np.zeros(9), 1), (np.zeros(61 * 8_000), 8_000)):
            with pytest.raises(InvalidValue):
                model.clone(samples, "What I said.", sample_rate=rate)
        with pytest.raises(InvalidValue, match="text"):
            model.clone(clip, "")
        with pytest.raises(Unsupported, match="verify"):
            model.clone(clip)
    recognizer = FakeRecognizer()
    with SpeechModel(engine, recognizer=recognizer) as model:
        heard = model.clone(clip).reference
        assert heard is not None and (heard.text, heard.mode) == ("What I said.", "icl")
        assert model.clone(clip, x_vector_only=True).reference.text == ""  # type: ignore[union-attr]
        assert len(recognizer.heard) == 1
    with SpeechModel(ZeroCostSynthesizer()) as model, pytest.raises(Unsupported, match="Base"):
        model.clone(clip, "What I said.")


def test_a_stream_is_the_same_audio_from_one_frame_on(model: SpeechModel) -> None:
    chunks = list(model.stream("Hello."))
    assert len(chunks[0]) == 1_920
    assert np.array_equal(np.concatenate(chunks), audio_of("Hello.", 5))


def test_closing_a_stream_cancels() -> None:
    engine, received = SteppedSynthesizer(num_frames=1_000_000), threading.Event()

    def step() -> None:
        while not received.is_set():
            engine.step()

    with SpeechModel(engine) as model:
        stream = model.stream("Hello.")
        assert engine.load.running + engine.load.queued == 0  # nothing is submitted before the first `next`
        stepping = threading.Thread(target=step)
        stepping.start()
        assert len(next(stream)) == 1_920
        received.set()
        stepping.join()
        stream.close()
        engine.step()
        assert engine.load.running + engine.load.queued == 0


def test_an_asynchronous_stream_is_the_same_audio(model: SpeechModel) -> None:
    async def collect() -> list[np.ndarray]:
        return [chunk async for chunk in model.astream("Hello.")]

    assert np.array_equal(np.concatenate(asyncio.run(collect())), audio_of("Hello.", 5))


def test_wrong_arguments_are_rejected_before_any_work(model: SpeechModel) -> None:
    with pytest.raises(EmptyText):
        model.stream("…")
    with pytest.raises(InvalidValue):
        model.generate("Hello.", temperature=99.0)
    with pytest.raises(Unsupported):
        model.generate("Hello.", voice=Voice(engine_voice_id="x"))
    with pytest.raises(TypeError):
        model.generate("Hello.", no_such_option=1)  # type: ignore[call-arg]


def test_a_failure_is_raised_and_not_left_out() -> None:
    engine = FailingSynthesizer(fails=lambda utterance: "Two" in utterance.text, after=1)
    with SpeechModel(engine) as model, pytest.raises(SynthesisError):
        model.generate("One.\n\nTwo.")


def test_closing_ends_a_call_that_waits() -> None:
    model = SpeechModel(SteppedSynthesizer())
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            model.generate("Hello.")
        except EngineStopped as error:
            errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while model._speech.load.queued + model._speech.load.running == 0:
        pass
    model.close()
    waiting.join()
    assert len(errors) == 1
    model.close()
    with pytest.raises(NotReady):
        model.generate("Hello.")


@pytest.mark.parametrize(
    ("name", "start"), [("a.wav", b"RIFF"), ("a.flac", b"fLaC"), ("a.opus", b"OggS"), ("a.MP3", b"\xff")]
)
def test_the_extension_chooses_the_format(model: SpeechModel, tmp_path: Path, name: str, start: bytes) -> None:
    path = model.generate("Hello.").save(tmp_path / name)
    data = path.read_bytes()
    assert data.startswith((start, b"ID3"))


def test_a_notebook_gets_a_player_and_an_unknown_extension_is_rejected(model: SpeechModel, tmp_path: Path) -> None:
    audio = model.generate("Hello.")
    assert audio._repr_mimebundle_()["text/html"].startswith('<audio controls src="data:audio/wav;base64,UklGR')
    with pytest.raises(InvalidValue):
        audio.save(tmp_path / "a.txt")


def test_a_checkpoint_speaks_in_the_dtype_of_the_server() -> None:
    with load_model(GOLDEN / "custom", device="cpu", dtype="float32", slots=1) as model:
        assert model.speakers
        audio = model.generate("Hello.", speaker=model.speakers[0], seed=1, max_duration_s=0.4)
        assert 0 < len(audio) <= 9_600
        assert "float32" in repr(model)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        load_model(tmp_path / "none" / "at" / "all")


@pytest.mark.parametrize(
    "code",
    [
        "import qwen3tts_webui; dir(qwen3tts_webui)",
        "from qwen3tts_webui import load_model; load_model('preview').generate('Hello.')",
        "import contextlib, qwen3tts_webui.cli as cli\nwith contextlib.suppress(SystemExit): cli.main(['--help'])",
    ],
)
def test_transformers_is_not_imported_without_a_checkpoint(code: str) -> None:
    check = f"{code}\nimport sys; assert not {{'torch', 'transformers', 'tokenizers'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, stdout=subprocess.DEVNULL)


def test_a_text_is_shown_as_it_will_be_read(model: SpeechModel) -> None:
    (line,) = model.normalize("SQL runs 5 km.", "en", mode="on")
    assert (line.written, line.spoken) == ("SQL runs 5 km.", "SQL runs five kilometers.")
    model.lexicon = Lexicon([LexiconEntry("SQL", "sequel", "en")])
    assert [one.spoken for one in model.normalize("SQL\n\n5 km", "en", mode="auto")] == ["sequel", "5 kilometers"]
    assert normalize_text("5 km", "en", mode="on").spoken == "five kilometers"


@pytest.mark.parametrize(("mode", "spoken"), [("auto", "5 kilometers"), ("on", "five kilometers"), ("off", "5 km")])
def test_each_mode_reaches_the_engine(mode: NormalizeMode, spoken: str) -> None:
    engine = ContinuingSynthesizer()
    with SpeechModel(engine) as model:
        model.generate("5 km", language="en", normalize=mode)
        list(model.stream("5 km", language="en", normalize=mode))
    assert [utterance.text for utterance in engine.utterances] == [spoken, spoken]
