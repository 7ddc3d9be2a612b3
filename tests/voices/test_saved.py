import base64
import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3tts_webui.audio.encode import encoded
from qwen3tts_webui.errors import BadFile, InvalidValue, UnknownVoice
from qwen3tts_webui.types import Passage
from qwen3tts_webui.voices.card import MAX_BYTES, MAX_FRAMES, SavedVoice, clean_name, pack, unpack
from qwen3tts_webui.voices.saved import SavedVoices

SAMPLE = encoded(np.zeros(4_800, dtype=np.float32), "opus")
CODES = (np.arange(25 * 16, dtype=np.int16).reshape(25, 16) * 7) % 3_072


def card(**more: object) -> SavedVoice:
    voice = SavedVoice(
        name="Grandmother, 奶奶",
        description="温柔的老奶奶",
        language="zh",
        engine="qwen3-tts",
        seed=2**64 - 1,
        passage=Passage(text="从前有座山。", codes=CODES),
        sample=SAMPLE,
    )
    return replace(voice, **more)


def fields(**more: object) -> dict[str, object]:
    return json.loads(pack(card())) | more


@pytest.fixture
def voices(tmp_path: Path) -> SavedVoices:
    return SavedVoices(tmp_path / "voices")


def same(one: SavedVoice, other: SavedVoice) -> bool:
    plain = [replace(voice, passage=None, id="", created=0.0) for voice in (one, other)]
    assert one.passage is not None and other.passage is not None
    assert one.passage.text == other.passage.text
    np.testing.assert_array_equal(one.passage.codes, other.passage.codes)
    return repr(plain[0]) == repr(plain[1])


def test_a_saved_voice_comes_back_whole(voices):
    saved = voices.save(card())
    again = voices.get(saved.id)
    assert same(again, card())
    assert again.passage.codes.dtype == np.int16
    assert (again.id, again.created) == (saved.id, saved.created)


def test_a_voice_needs_nothing_but_a_name(voices):
    again = voices.get(voices.save(SavedVoice(name="A")).id)
    assert (again.passage, again.sample, again.speaker, again.engine_voice) == (None, None, None, None)


def test_what_an_engine_is_asked_to_sound_like(voices):
    voice = voices.get(voices.save(card(speaker="vivian", engine_voice="zf_001")).id).voice
    assert (voice.description, voice.speaker, voice.engine_voice) == ("温柔的老奶奶", "vivian", "zf_001")
    assert voice.passage is not None and voice.passage.text == "从前有座山。"


def test_the_starred_come_first_then_the_newest(voices):
    ids = [voices.save(SavedVoice(name=name)).id for name in "abc"]
    voices.star(ids[0])
    assert [voice.name for voice in voices.list()] == ["a", "c", "b"]
    voices.star(ids[0], False)
    assert [voice.name for voice in voices.list()] == ["c", "b", "a"]


def test_rename_and_delete(voices):
    saved = voices.save(card())
    assert voices.rename(saved.id, "  New\nname ").name == "New name"
    assert same(voices.get(saved.id), card(name="New name"))
    voices.delete(saved.id)
    assert voices.list() == []
    with pytest.raises(UnknownVoice):
        voices.get(saved.id)


def test_an_exported_voice_can_be_imported_elsewhere(voices, tmp_path):
    saved = voices.save(card(starred=True))
    elsewhere = SavedVoices(tmp_path / "elsewhere")
    loaded = elsewhere.load_file(voices.export(saved.id))
    assert same(elsewhere.get(loaded.id), card())
    assert loaded.id != saved.id and not loaded.starred


def test_processes_that_share_the_folder_see_each_other(voices, tmp_path):
    other = SavedVoices(tmp_path / "voices")
    saved = voices.save(card())
    other.rename(saved.id, "other")
    assert voices.get(saved.id).name == "other"


def test_a_file_that_was_damaged_by_hand_does_not_hide_the_others(voices, tmp_path, caplog):
    voices.save(card())
    (tmp_path / "voices" / "saved-000000000000.voice").write_text("{")
    assert [voice.name for voice in voices.list()] == ["Grandmother, 奶奶"]
    assert "left out" in caplog.text


@pytest.mark.parametrize(
    "id", ["", "..", "../../library", "saved-", "saved-ABCDEFABCDEF", "zh-news", "\x00", "x" * 9_999]
)
def test_ids_that_are_not_there(voices, id):
    uses = [voices.get, voices.star, voices.delete, voices.export, lambda id: voices.rename(id, "a")]
    for use in uses:
        with pytest.raises(UnknownVoice):
            use(id)


@pytest.mark.parametrize("name", ["", "  \n", "\u202e", "\x00", "\ud800"])
def test_a_voice_without_a_name_is_refused(voices, name):
    with pytest.raises(InvalidValue, match="name must be 1 to 80 characters"):
        voices.save(card(name=name))
    saved = voices.save(card())
    with pytest.raises(InvalidValue):
        voices.rename(saved.id, name)


def test_names_are_one_short_line_that_reads_forward():
    assert clean_name(" a\r\n\tb \u202ec\u2066d\x00 ") == "a b cd"
    assert clean_name("字" * 200) == "字" * 80
    assert clean_name("👨\u200d👩\u200d👧 <b>") == "👨\u200d👩\u200d👧 <b>"


@pytest.mark.parametrize(
    ("name", "file_name"),
    [("奶奶 2", "奶奶-2.voice"), ("../../a\\b:c", "a-b-c.voice"), ("???", "voice.voice"), ('"; x="', "x.voice")],
)
def test_the_name_of_the_file_is_harmless(name, file_name):
    assert SavedVoice(name=name).file_name == file_name


@pytest.mark.parametrize(
    "codes",
    [
        np.full((2, 16), 3_072, dtype=np.int16),
        np.full((2, 16), -1, dtype=np.int16),
        np.zeros((2, 15), dtype=np.int16),
        np.zeros((0, 16), dtype=np.int16),
        np.zeros((MAX_FRAMES + 1, 16), dtype=np.int16),
    ],
)
def test_codes_that_no_engine_makes_are_not_saved(voices, codes):
    with pytest.raises(InvalidValue):
        voices.save(card(passage=Passage(text="a", codes=codes)))
    assert voices.list() == []


def test_the_longest_passage_can_be_saved(voices):
    codes = np.full((MAX_FRAMES, 16), 3_071, dtype=np.int16)
    saved = voices.save(card(passage=Passage(text="a" * 20_000, codes=codes)))
    assert voices.get(saved.id).passage.codes.shape == (MAX_FRAMES, 16)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def zip_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("../../../etc/passwd", bytes(10_000_000))
    return file.getvalue()


class Opened:
    def __reduce__(self):
        return (open, ("/tmp/never", "w"))


HOSTILE = {
    "nothing": b"",
    "random bytes": bytes(range(256)),
    "a zip bomb with a traversal": zip_bomb(),
    "a pickle": pickle.dumps(Opened()),
    "a pickled array": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "too large": b" " * (MAX_BYTES + 1),
    "a deep nest": b"[" * 1_000_000,
    "a deep nest in a field": b'{"format":' + b'{"a":' * 200_000,
    "a list": b"[]",
    "a number of a million digits": b'{"format": ' + b"9" * 1_000_000 + b"}",
    "not utf-8": b'{"format": "\xff\xfe"}',
    "a key twice": b'{"name": "a", ' + pack(card())[1:],
    "another format": json.dumps(fields(format="other")).encode(),
    "no format": json.dumps({"version": 1}).encode(),
    "a newer version": json.dumps(fields(version=3)).encode(),
    "a version that is true": json.dumps(fields(version=True)).encode(),
    "an unknown field": json.dumps(fields(path="/etc/passwd")).encode(),
    "a missing field": json.dumps({k: v for k, v in fields().items() if k != "seed"}).encode(),
    "NaN": json.dumps(fields(created=float("nan"))).encode(),
    "Infinity": json.dumps(fields(created=float("inf"))).encode(),
    "a float that overflows": pack(card()).replace(b'"created": 0.0', b'"created": 1e999'),
    "a negative time": json.dumps(fields(created=-1.0)).encode(),
    "a seed too large": json.dumps(fields(seed=2**64)).encode(),
    "a negative seed": json.dumps(fields(seed=-1)).encode(),
    "a seed with a fraction": json.dumps(fields(seed=1.5)).encode(),
    "a seed that is text": json.dumps(fields(seed="1")).encode(),
    "a name that is a list": json.dumps(fields(name=["a"])).encode(),
    "a name of controls": json.dumps(fields(name="\x00\u202e")).encode(),
    "a name that is too long": json.dumps(fields(name="a" * 1_001)).encode(),
    "a lone surrogate": json.dumps(fields(description="\ud800")).encode(),
    "a description too long": json.dumps(fields(description="a" * 2_049)).encode(),
    "a language that is a path": json.dumps(fields(language="../zh")).encode(),
    "starred is a number": json.dumps(fields(starred=1)).encode(),
    "a passage that is a list": json.dumps(fields(passage=[1])).encode(),
    "a passage without codes": json.dumps(fields(passage={"text": "a", "frames": 1})).encode(),
    "codes that are no base64": json.dumps(fields(passage={"text": "a", "frames": 1, "codes": "?" * 43})).encode(),
    "codes that are too few": json.dumps(fields(passage={"text": "a", "frames": 2, "codes": b64(bytes(32))})).encode(),
    "codes with half a number": json.dumps(
        fields(passage={"text": "a", "frames": 1, "codes": b64(bytes(31))})
    ).encode(),
    "a code too large": json.dumps(
        fields(passage={"text": "a", "frames": 1, "codes": b64(np.full(16, 3_072, "<i2").tobytes())})
    ).encode(),
    "a negative code": json.dumps(
        fields(passage={"text": "a", "frames": 1, "codes": b64(np.full(16, -1, "<i2").tobytes())})
    ).encode(),
    "frames without end": json.dumps(fields(passage={"text": "a", "frames": 10**12, "codes": ""})).encode(),
    "no frames": json.dumps(fields(passage={"text": "a", "frames": 0, "codes": ""})).encode(),
    "a sample that is a page": json.dumps(fields(sample=b64(b"<script>alert(1)</script>"))).encode(),
    "a sample that is too large": json.dumps(fields(sample=b64(b"OggS" + bytes(2 * 2**20)))).encode(),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused_and_leave_nothing(voices, data, tmp_path):
    with pytest.raises(BadFile) as caught:
        voices.load_file(data)
    assert len(str(caught.value)) < 120
    assert list((tmp_path / "voices").iterdir()) == []


def test_the_file_that_the_hostile_ones_are_made_from_is_good(voices):
    assert same(voices.load_file(json.dumps(fields()).encode()), card())


def test_the_error_names_the_field_and_not_what_is_in_it():
    with pytest.raises(BadFile, match="passage in it is not what it should be"):
        unpack(json.dumps(fields(passage={"secret words": 1})).encode())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_or_read_but_never_crash(data):
    whole = bytearray(pack(card(sample=None)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        voice = unpack(bytes(whole))
    except BadFile:
        return
    assert voice.passage is None or (voice.passage.codes.min() >= 0 and voice.passage.codes.max() <= 3_071)
