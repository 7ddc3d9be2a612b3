"""Exports from the page: every file, the request as a command that says the same, and a video of the presenter view."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import av
import pytest

from qwen3tts_webui.server.auth import ApiKeyStore
from tests.support.fakes import RealTimeSynthesizer

from .conftest import SHORT_FRAMES, Studio, Visit, serve

pytestmark = pytest.mark.browser
Fresh = Callable[..., Visit]
HOSTILE = 'It\'s "quoted" `x` $(id) \\ ${y} 你好 \U0001f600\nsecond line'


def spoken(visit: Visit, text: str) -> Visit:
    visit.type(text)
    visit.generate()
    visit.until("stats.state === 'done' && stats.audio")
    return visit


def chosen(visit: Visit, name: str) -> bytes:
    """Download with the menu item `name`."""
    visit.page.locator("#export-menu").evaluate("(menu) => (menu.open = true)")
    with visit.page.expect_download() as download:
        visit.page.click(f"#export-menu [data-i18n='export.{name}']")
    content: bytes = download.value.path().read_bytes()
    return content


@pytest.fixture(scope="module")
def two_lines(studio: Studio, fresh_once: Fresh) -> Visit:
    """A page on which two lines were spoken."""
    return spoken(fresh_once(studio.url), "one\ntwo")


@pytest.mark.parametrize(
    ("name", "magic"),
    [
        ("flac", b"fLaC"),
        ("opus", b"OggS"),
        ("mp3", b""),
        ("srt", b"1\n00:00"),
        ("vtt", b"WEBVTT"),
        ("picture", b"\x89PNG"),
    ],
)
def test_every_file_of_the_menu_can_be_downloaded(two_lines: Visit, name: str, magic: bytes) -> None:
    content = chosen(two_lines, name)
    assert content.startswith(magic)
    assert len(content) > 40


def test_the_zip_has_a_file_for_each_segment(two_lines: Visit) -> None:
    archive = zipfile.ZipFile(io.BytesIO(chosen(two_lines, "zip")))
    assert archive.namelist() == ["001-one.wav", "002-two.wav", "subtitles.srt"]
    assert len(archive.read("001-one.wav")) == 44 + 2 * SHORT_FRAMES * 1920


def test_downloads_are_disabled_before_the_first_audio(studio: Studio, fresh: Fresh) -> None:
    visit = fresh(studio.url)
    links = visit.page.locator("#wave-card a[data-export]")
    assert links.count() == 8
    assert links.evaluate_all("all => all.every((link) => link.ariaDisabled === 'true' && !link.hasAttribute('href'))")


@pytest.mark.parametrize("language", ["curl", "python"])
def test_the_copied_request_gives_the_same_audio(studio: Studio, fresh: Fresh, tmp_path: Path, language: str) -> None:
    visit = fresh(studio.url, permissions=["clipboard-read", "clipboard-write"])
    spoken(visit, HOSTILE)
    asked = studio.synthesizer.utterances[-2:]
    heard = visit.page.evaluate(
        "async () => [...new Uint8Array(await (await fetch(`${qwen3tts.stats.audio}?format=wav`)).arrayBuffer())]"
    )
    visit.page.click("#export-menu summary")
    visit.page.click(f"#copy-{language}")
    visit.page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('Copied')")
    command = visit.page.evaluate("navigator.clipboard.readText()")
    program = ["bash", "-c", command] if language == "curl" else [sys.executable, "-c", command]
    subprocess.run(program, cwd=tmp_path, check=True, timeout=60, capture_output=True)
    again = studio.synthesizer.utterances[-2:]
    assert [(one.text, one.seed, one.voice) for one in again] == [(one.text, one.seed, one.voice) for one in asked]
    assert (tmp_path / "speech.wav").read_bytes() == bytes(heard)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Studio, str]]:
    """A server with an API key, and the key."""
    folder = tmp_path_factory.mktemp("keyed")
    file = folder / "keys.json"
    _, secret = ApiKeyStore(file).create()
    studio = serve(RealTimeSynthesizer(rate=20.0, num_frames=5), folder, api_keys_file=file)
    yield studio, secret
    studio.close()


@pytest.mark.parametrize("language", ["curl", "python"])
def test_the_copied_request_reads_the_api_key_from_the_environment(
    keyed: tuple[Studio, str], fresh: Fresh, tmp_path: Path, language: str
) -> None:
    studio, secret = keyed
    visit = fresh(f"{studio.url}?key={secret}", permissions=["clipboard-read", "clipboard-write"])
    spoken(visit, "one")
    with visit.page.expect_response("**/icon.svg"):
        visit.page.click("#export-menu summary")
    visit.page.click(f"#copy-{language}")
    visit.page.wait_for_function("() => document.querySelector('#status').textContent.startsWith('Copied')")
    command = visit.page.evaluate("navigator.clipboard.readText()")
    assert secret not in command
    program = ["bash", "-c", command] if language == "curl" else [sys.executable, "-c", command]
    run = partial(subprocess.run, program, cwd=tmp_path, timeout=60, capture_output=True)
    assert run(env={**os.environ, "QWEN3TTS_API_KEY": "qtts_wrong"}).returncode != 0
    (tmp_path / "speech.wav").unlink(missing_ok=True)
    assert run(env={**os.environ, "QWEN3TTS_API_KEY": secret}).returncode == 0
    assert (tmp_path / "speech.wav").read_bytes().startswith(b"RIFF")
    assert visit.complaints == []


def test_the_menu_works_with_the_keyboard(studio: Studio, fresh: Fresh) -> None:
    visit = spoken(fresh(studio.url), "one")
    visit.page.focus("#export-menu summary")
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("ArrowDown")
    assert visit.page.evaluate("document.activeElement.dataset.i18n") == "export.flac"
    visit.page.keyboard.press("ArrowUp")
    assert visit.page.evaluate("document.activeElement.dataset.i18n") == "export.api"
    visit.page.keyboard.press("Escape")
    assert visit.page.evaluate("document.getElementById('export-menu').open") is False


LIKE_CHROME = """() => {  // this Chromium cannot write MP4
  window.MediaRecorder = class extends MediaRecorder {
    static isTypeSupported = (type) => type !== "video/mp4;codecs=avc1.640028,mp4a.40.2";
    constructor(stream, options) {
      super(stream, { ...options, mimeType: "video/webm" });
      window.asked = options.mimeType;
    }
  };
}"""


def test_the_presenter_shows_the_current_segment_and_saves_a_video_with_audio(
    studio: Studio, fresh: Fresh, tmp_path: Path
) -> None:
    visit = spoken(fresh(studio.url), "first words\nlast words")
    visit.page.fill("#description textarea", "A calm old man, close to the microphone.")
    visit.page.click("#open-presenter")
    canvas = visit.page.locator("#presenter-canvas")
    canvas.wait_for()
    assert canvas.get_attribute("aria-label") == "last words"
    picture = "() => document.querySelector('#presenter-canvas').toDataURL()"
    plain = visit.page.evaluate(picture)
    visit.page.uncheck("#presenter-latency")
    visit.page.wait_for_function(f"before => ({picture})() !== before", arg=plain)
    plain = visit.page.evaluate(picture)
    visit.page.check("#presenter-description")
    visit.page.wait_for_function(f"before => ({picture})() !== before", arg=plain)
    visit.page.select_option("#presenter-format", "square")
    visit.page.click("#presenter-generate")
    visit.until("stats.state === 'done' && !stats.receiving")
    with visit.page.expect_download(timeout=30_000) as download:
        visit.page.click("#presenter-record")
    film = tmp_path / download.value.suggested_filename
    assert film.stem == "first-words-last-words"
    assert film.suffix in (".mp4", ".webm")
    download.value.save_as(film)
    with av.open(str(film)) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
        length_s = container.duration / av.time_base
        frames = list(container.decode(audio=0))
    heard_s = sum(frame.samples / frame.sample_rate for frame in frames)
    assert heard_s > 2.0  # two lines of 1.2 s
    assert length_s == pytest.approx(float(frames[-1].time) + frames[-1].samples / frames[-1].sample_rate, abs=0.5)
    assert max(abs(frame.to_ndarray()).max() for frame in frames) > 0.01
    with av.open(str(film)) as container:
        pictures = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert set(pictures) == {(960, 960)}
    visit.page.evaluate(LIKE_CHROME)
    with visit.page.expect_download(timeout=30_000) as download:
        visit.page.click("#presenter-record")
    assert download.value.suggested_filename == "first-words-last-words.mp4"
    assert visit.page.evaluate("asked") == "video/mp4;codecs=avc1.42E01F,mp4a.40.2"  # the second choice
    visit.page.keyboard.press("Escape")
    assert not canvas.is_visible()
    visit.page.reload()
    visit.page.wait_for_function("window.qwen3tts?.ready")
    visit.page.click("#open-presenter")
    assert visit.page.input_value("#presenter-format") == "square"
    assert not visit.page.is_checked("#presenter-latency")
