"""The engine with a counting backend: order, ends, cancellation, failures, text streams; then with the real one."""

from __future__ import annotations

import numpy as np
import pytest

from qwen3tts_webui.errors import Busy, EngineStopped, NotReady, SynthesisError, UnknownVoice, Unsupported
from qwen3tts_webui.preview import PreviewSynthesizer
from qwen3tts_webui.preview.backend import PACKET
from qwen3tts_webui.streams import PcmStream, TextQueue
from qwen3tts_webui.types import Pcm, Utterance, Voice
from tests.support.wait import wait_until

from .conftest import VOICE, CountingBackend


def say(engine: PreviewSynthesizer, text: str, **fields: object) -> PcmStream:
    stream = PcmStream()
    engine.submit([(Utterance(text=text, language="en", **fields), stream)])  # type: ignore[arg-type]
    return stream


def heard(stream: PcmStream) -> str:
    """The characters that a `CountingBackend` received, without spaces between clauses."""
    return "".join(chr(round(float(pcm[0]) * 65_536)) for pcm in stream).replace(" ", "")


def test_says_what_it_is(engine: PreviewSynthesizer):
    assert engine.info.preview
    assert engine.info.label == "Preview voice (Kokoro-82M), not Qwen3-TTS"
    assert engine.info.languages == ("zh", "en", "ja", "ko", "de", "fr", "ru", "pt", "es", "it")


def test_speaks_every_word_in_order_and_ends(engine: PreviewSynthesizer):
    stream = say(engine, "One morning, a very long while ago, there was a quiet lake. Nobody went there.", seed=7)
    assert heard(stream) == "Onemorning,averylongwhileago,therewasaquietlake.Nobodywentthere."
    assert stream.result is not None
    assert (stream.result.finish_reason, stream.result.seed, stream.result.engine_voice_id) == ("stop", 7, VOICE.id)


def test_audio_arrives_before_the_last_clause_is_generated(counting: CountingBackend, engine: PreviewSynthesizer):
    stream = say(engine, "One morning, a very long while ago, there was a quiet lake. Nobody went there.")
    heard(stream)
    assert len(counting.clauses) > 1
    assert stream.result is not None
    assert stream.result.num_samples == sum(len(clause) for clause in counting.clauses) * PACKET


def test_an_utterance_before_loading_has_finished_waits(counting: CountingBackend, engine: PreviewSynthesizer):
    counting.may_load.clear()
    late = PreviewSynthesizer(make_backend=lambda: counting)
    stream = say(late, "Hello")
    assert not late.ready
    counting.may_load.set()
    assert heard(stream) == "Hello"
    assert late.ready
    late.close()


def test_closing_while_it_loads_ends_the_loading(counting: CountingBackend):
    counting.may_load.clear()
    engine = PreviewSynthesizer(make_backend=lambda: counting)
    stream = say(engine, "Hello")
    engine.close()
    assert not engine._thread.is_alive()
    with pytest.raises(EngineStopped):
        list(stream)


def test_a_loading_failure_is_reported():
    def broken() -> CountingBackend:
        raise OSError("no library")

    engine = PreviewSynthesizer(make_backend=broken)
    wait_until(lambda: bool(engine._failure))
    with pytest.raises(NotReady, match="no library"):
        say(engine, "Hello")
    engine.close()


def test_without_kokoro_the_label_says_so(counting: CountingBackend):
    counting.fallback_reason = "a data wheel is missing"
    engine = PreviewSynthesizer(make_backend=lambda: counting)
    wait_until(lambda: engine.ready)
    assert engine.info.label == "Preview voice (espeak-ng; Kokoro-82M is not installed), not Qwen3-TTS"
    engine.close()


def test_a_full_queue_takes_all_or_none(counting: CountingBackend):
    counting.may_load.clear()
    engine = PreviewSynthesizer(queue_size=2, slots=2, make_backend=lambda: counting)
    say(engine, "one")
    with pytest.raises(Busy):
        engine.submit([(Utterance(text=f"{number}"), PcmStream()) for number in range(4)])
    assert (engine.load.running, engine.load.queued) == (1, 0)
    counting.may_load.set()
    engine.close()


def test_a_cancel_ends_synthesis_within_one_packet(counting: CountingBackend, engine: PreviewSynthesizer):
    counting.seconds_per_packet = 0.01
    stream = say(engine, "A clause that goes on and on and on without any end that anybody could see from here")
    next(iter(stream))
    stream.cancel()
    made = counting.packets
    wait_until(lambda: engine.load.running == 0)
    assert counting.packets <= made + 1


def test_a_failure_ends_only_its_own_utterance(counting: CountingBackend, engine: PreviewSynthesizer):
    counting.refuses = "poison"
    bad, good = say(engine, "poison"), say(engine, "Good")
    with pytest.raises(SynthesisError):
        list(bad)
    assert heard(good) == "Good"


def test_listeners_take_turns_clause_by_clause(counting: CountingBackend):
    counting.may_load.clear()
    engine = PreviewSynthesizer(make_backend=lambda: counting)
    text = "{0} {0} {0} {0} {0} {0}. " * 4
    first, second = say(engine, text.format("Ann")), say(engine, text.format("Bob"))
    counting.may_load.set()
    heard(first), heard(second)
    speakers = [clause[:3] for clause in counting.clauses]
    assert speakers[:4] == ["Ann", "Bob", "Ann", "Bob"]
    engine.close()


def test_a_client_hears_the_older_utterance_first(counting: CountingBackend):
    counting.may_load.clear()
    engine = PreviewSynthesizer(make_backend=lambda: counting)
    text = "{0} {0} {0} {0} {0} {0}. " * 4
    first, second = say(engine, text.format("Ann"), client="x"), say(engine, text.format("Bob"), client="x")
    counting.may_load.set()
    heard(first), heard(second)
    speakers = [clause[:3] for clause in counting.clauses]
    assert len(speakers) > 2
    assert speakers == sorted(speakers)
    engine.close()


def test_a_long_clause_yields_to_the_first_words_of_another_client(counting: CountingBackend):
    counting.seconds_per_packet, counting.yields = 0.002, True
    engine = PreviewSynthesizer(make_backend=lambda: counting)
    text = "Ann speaks on and on without any pause for breath as she has so very much to tell everyone today " * 3
    long = [say(engine, text, client="ann") for _ in range(6)]
    wait_until(lambda: len(counting.clauses) > 2)
    before = len(counting.clauses)
    assert heard(say(engine, "Hello", client="bob")) == "Hello"
    clauses = counting.clauses[before:]
    assert clauses[0] == "Hello" or clauses[1] == "Hello"
    assert [heard(stream) for stream in long] == [text.replace(" ", "")] * 6, "what was interrupted is complete"
    engine.close()


def test_a_slow_client_does_not_delay_others(engine: PreviewSynthesizer):
    slow = PcmStream(capacity_s=0.01)
    text = "This is the first sentence of many. Here comes another sentence. And a third one."
    engine.submit([(Utterance(text=text, language="en"), slow)])
    assert heard(say(engine, "Hello")) == "Hello"
    assert not slow.ended
    assert heard(slow) == text.replace(" ", "")


def test_a_text_stream_is_synthesized_while_it_is_written(counting: CountingBackend, engine: PreviewSynthesizer):
    feed = TextQueue()
    stream = say(engine, "", text_stream=feed)
    feed.write("Hello there, my fri")
    wait_until(lambda: counting.clauses == ["Hello there,"])
    feed.write("end.")
    wait_until(lambda: counting.clauses == ["Hello there,", "my friend."])
    feed.write(" The end")
    feed.close()
    assert heard(stream) == "Hellothere,myfriend.Theend"


def test_max_frames_limits_the_audio(engine: PreviewSynthesizer):
    stream = say(engine, "Hello there", max_frames=3)
    assert heard(stream) == "Hel"
    assert stream.result is not None
    assert (stream.result.finish_reason, stream.result.num_samples) == ("length", 3 * PACKET)


def test_closing_fails_running_utterances_and_rejects_new_ones(counting: CountingBackend, engine: PreviewSynthesizer):
    counting.seconds_per_packet = 0.01
    stream = say(engine, "A clause that goes on and on and on without any end that anybody could see from here")
    next(iter(stream))
    engine.close()
    engine.close()
    with pytest.raises(EngineStopped):
        list(stream)
    with pytest.raises(NotReady):
        say(engine, "Hello")


def test_closing_with_grace_finishes_running_utterances(counting: CountingBackend, engine: PreviewSynthesizer):
    stream = say(engine, "Hello there")
    engine.close(grace_s=10)
    assert heard(stream) == "Hellothere"


@pytest.mark.parametrize(
    ("voice", "error"),
    [
        (Voice(engine_voice_id="kokoro:nobody:+0.00:1.00"), UnknownVoice),
        (Voice(engine_voice_id="../../etc/passwd"), UnknownVoice),
        (Voice(speaker="Vivian"), Unsupported),
    ],
)
def test_an_unknown_voice_is_rejected_at_once(engine: PreviewSynthesizer, voice: Voice, error: type[Exception]):
    with pytest.raises(error):
        say(engine, "Hello", voice=voice)


def whole(stream: PcmStream) -> Pcm:
    return np.concatenate(list(stream))


def test_real_speech_comes_in_small_packets_and_is_reproducible(voice: PreviewSynthesizer):
    first = say(voice, "Good morning.", seed=3)
    blocks = list(first)
    assert max(len(block) for block in blocks) <= PACKET
    pcm = np.concatenate(blocks)
    assert 0.5 * 24_000 < len(pcm) < 3 * 24_000
    assert 0.02 < float(np.sqrt(np.mean(pcm**2))) < 0.3
    assert first.result is not None
    kept = Voice(engine_voice_id=first.result.engine_voice_id)
    assert np.array_equal(pcm, whole(say(voice, "Good morning.", seed=99, voice=kept)))


def test_cancelling_real_speech_stops_a_running_model(voice: PreviewSynthesizer):
    stream = say(voice, "word " * 60)
    next(iter(stream))
    stream.cancel()
    wait_until(lambda: voice.load.running == 0)
    assert stream.result is not None
    assert stream.result.finish_reason == "cancelled"
