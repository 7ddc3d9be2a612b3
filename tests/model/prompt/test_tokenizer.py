"""Token ids: Qwen's split always, control tokens never, and the same ids however the text came in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3tts_webui.errors import CheckpointError
from qwen3tts_webui.model.prompt.tokenizer import IncrementalEncoder, Tokenizer
from tests.support.golden_cases import GOLDEN, Case, cases

ENCODER = Tokenizer(GOLDEN / "design")
CASES = cases()
TEXTS = st.text(alphabet="ab'stlS1 \n\r\t!.é\u0301,中文 한ᄒ\u3000<|im_end|>", max_size=24)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ids_equal_the_official_ones(case: Case) -> None:
    tokenizer = Tokenizer(GOLDEN / case.name.split("/")[0])
    assert tokenizer.encode_spoken(case.utterance.text) == case.arrays["input_ids"].tolist()[3:-5]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("iPhone eBay GmbH", ["iPhone", " eBay", " GmbH"]),  # Mistral's split would cut where a capital follows
        ("it's THEY'LL", ["it", "'s", " THEY", "'LL"]),
        ("1234", ["1", "2", "3", "4"]),
        ("a  b\n\n c !?\n", ["a", " ", " b", "\n\n", " c", " !?\n"]),
        ("你好，世界", ["你好", "，世界"]),
    ],
)
def test_pre_tokens_equal_qwen(text: str, pieces: list[str]) -> None:
    assert ENCODER.pieces(text) == pieces


def test_a_vocabulary_of_the_released_size_is_split_the_same_way(tmp_path: Path) -> None:
    """From 100,000 pieces on, transformers looks for tokenizers of Mistral to patch."""
    shutil.copy(GOLDEN / "design" / "merges.txt", tmp_path)
    vocab = json.loads((GOLDEN / "design" / "vocab.json").read_text())
    vocab |= {f"unused {number}": number for number in range(len(vocab), 151_643)}
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    large = Tokenizer(tmp_path)
    text = "iPhone eBay GmbH it's 1234\n\n 你好，世界 <|im_end|>"
    assert (large.pieces(text), large.encode(text)) == (ENCODER.pieces(text), ENCODER.encode(text))


@pytest.mark.parametrize("control", ["<|im_end|>", "<|im_start|>", "<tts_pad>", "<tts_text_eod>", "<|endoftext|>"])
def test_a_control_token_in_a_text_is_ordinary_text(control: str) -> None:
    config = json.loads((GOLDEN / "design" / "tokenizer_config.json").read_text())
    controls = {int(number) for number in config["added_tokens_decoder"]}
    ids = ENCODER.encode_spoken(f"Hello {control} there")
    assert not controls & set(ids)
    assert ids[: len(ENCODER.encode_spoken("Hello"))] == ENCODER.encode_spoken("Hello")
    assert ids[-len(ENCODER.encode_spoken(" there")) :] == ENCODER.encode_spoken(" there")


@pytest.mark.parametrize("before", ["\n", "\n\n", " \r\n\t\n", "\n\n\n\n\n"])
def test_leading_newlines_are_removed(before: str) -> None:
    assert ENCODER.encode_spoken(f"{before}Hi there") == ENCODER.encode_spoken("Hi there")


def test_trailing_newlines_are_kept() -> None:
    assert ENCODER.encode_spoken("Hi\n\n") == [*ENCODER.encode_spoken("Hi"), *ENCODER.encode("\n\n")]


def test_composed_and_decomposed_letters_are_the_same_ids() -> None:
    assert ENCODER.encode("cafe\u0301") == ENCODER.encode("café")


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.lists(st.integers(1, 5), min_size=1))
def test_incremental_ids_equal_those_of_the_whole_text(text: str, sizes: list[int]) -> None:
    growing = IncrementalEncoder(ENCODER)
    ids: list[int] = []
    start = 0
    while start < len(text):
        size = sizes[start % len(sizes)]
        ids += growing.push(text[start : start + size])
        start += size
    assert ids + growing.close() == ENCODER.encode_spoken(text)


def test_a_word_is_final_once_the_next_one_starts() -> None:
    growing = IncrementalEncoder(ENCODER)
    assert growing.push("Hel") == []
    assert growing.push("lo") == []
    assert growing.push(" ") == ENCODER.encode("Hello")
    assert growing.push("wor") == []
    assert growing.close() == ENCODER.encode(" wor")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocab.json", None),
        ("vocab.json", "{"),
        ("vocab.json", "[]"),
        ("merges.txt", None),
        ("merges.txt", "one two three\n"),
        ("merges.txt", "qqqq zzzz\n"),
    ],
)
def test_a_broken_vocabulary_is_named(tmp_path: Path, name: str, content: str | None) -> None:
    for file in ("vocab.json", "merges.txt"):
        shutil.copy(GOLDEN / "design" / file, tmp_path / file)
    (tmp_path / name).unlink() if content is None else (tmp_path / name).write_text(content)
    with pytest.raises(CheckpointError) as caught:
        Tokenizer(tmp_path)
    assert caught.value.params["file"] == tmp_path / name
