import io
import threading
import warnings

import numpy as np
import pytest
from PIL import Image

from qwen3tts_webui.audio.share_image import _wrap, mel_spectrogram, render_share_image
from tests.support.sounds import RATE, sine, syllables

HOSTILE = r"$x^2$ \frac{ <script> {{a}} ${b} 你好 世界 こんにちは 안녕 Привет 😀 " + "\x00\u202e\ud800 \u0378"


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_the_picture_is_a_png_of_a_fixed_size():
    assert pixels(render_share_image(syllables(1.0), title="Hello", caption="97 ms")).shape == (900, 1600, 3)


def test_title_and_caption_are_drawn():
    pcm = syllables(0.5)
    bare = pixels(render_share_image(pcm))
    titled, captioned = pixels(render_share_image(pcm, title="Hello")), pixels(render_share_image(pcm, caption="97 ms"))
    assert (bare[:140] == 255).all()
    assert (titled[:140] < 128).any() and (captioned[:140] < 128).any()
    assert (titled != captioned).any()


def test_the_waveform_is_drawn_where_there_is_audio():
    half = np.concatenate([sine(300, 1.0), np.zeros(RATE, dtype=np.float32)])
    wave = pixels(render_share_image(half))[150:400, 80:1580]
    green = (wave[..., 1] > wave[..., 0] + 40).sum(axis=0)
    assert green[:700].min() > 30
    assert green[800:].max() < 6


@pytest.mark.parametrize("title", [HOSTILE, "", "字" * 5_000, "$$", "$", "\\", "%", "\n\n", "a" * 5_000])
def test_any_title_is_plain_text(title):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert render_share_image(np.zeros(100, dtype=np.float32), title=title, caption=title)


@pytest.mark.parametrize("samples", [0, 1, 2, 1_023])
def test_any_length_can_be_drawn(samples):
    assert pixels(render_share_image(np.ones(samples, dtype=np.float32))).shape == (900, 1600, 3)


def test_silence_and_invalid_samples_can_be_drawn():
    assert render_share_image(np.full(1_000, np.nan, dtype=np.float32))


def test_many_threads_can_draw_at_once():
    expected = render_share_image(syllables(0.3), title="A")
    drawn: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: drawn.append(render_share_image(syllables(0.3), title="A"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [expected] * 4


@pytest.mark.parametrize("hz", [200, 1_000, 4_000])
def test_a_sine_is_loudest_in_the_mel_band_around_it(hz):
    band = int(mel_spectrogram(sine(hz, 1.0)).mean(axis=1).argmax())
    mel = 2595 * np.log10(1 + hz / 700) / (2595 * np.log10(1 + 12_000 / 700)) * 81
    assert abs(band + 1 - mel) <= 1.0


def test_a_full_scale_sine_is_near_0_db():
    assert mel_spectrogram(sine(1_000, 1.0, level=1.0)).max() == pytest.approx(0.0, abs=3.0)


def test_long_audio_has_no_more_columns_than_a_picture_can_show():
    assert mel_spectrogram(np.zeros(600 * RATE, dtype=np.float32)).shape == (80, 1_600)


def test_titles_break_between_words_and_chinese_counts_double():
    assert _wrap("one two three four", 9, 3) == "one two\nthree\nfour"
    assert _wrap("你好世界再见", 4, 3) == "你好\n世界\n再见"
    assert _wrap("one two three four", 9, 1) == "one tw…"
    assert _wrap("a\n\nb\tc", 9, 1) == "a b c"
