"""What is found and what is not: a folder counts only when every file in it is whole."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from qwen3tts_webui.checkpoints import CATALOG, LocalStore, ParameterCounts, check_checkpoint
from qwen3tts_webui.errors import CheckpointError
from tests.checkpoints.fake_hub import BIG, MODEL, make_checkpoint

ORACLE = Path(__file__).resolve().parents[3] / "shared/oracle/checkpoints/vd_micro"


def test_numbers_of_parameters_are_read_from_the_headers(tmp_path: Path):
    assert check_checkpoint(make_checkpoint(tmp_path / "x", numbers=1_234)) == ParameterCounts(
        language_model=1_234, text_embedding=0, codec=100, stored_bytes=4
    )


def test_shards_are_counted_through_their_index(tmp_path: Path):
    folder = make_checkpoint(tmp_path / "x", numbers=50)
    (folder / BIG).rename(folder / "a.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"talker": "a.safetensors"}}))
    assert check_checkpoint(folder).language_model == 50
    index.write_text(json.dumps({"weight_map": {"talker": "a.safetensors", "more": "b.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"b\.safetensors: the file is missing"):
        check_checkpoint(folder)
    index.write_text(json.dumps({"weight_map": {"talker": "a.safetensors", "lost": "a.safetensors"}}))
    with pytest.raises(CheckpointError, match="listed in the index"):
        check_checkpoint(folder)


@pytest.mark.parametrize(
    "name", ["config.json", "vocab.json", "merges.txt", BIG, "speech_tokenizer/config.json", f"speech_tokenizer/{BIG}"]
)
def test_every_missing_file_is_named(tmp_path: Path, name: str):
    folder = make_checkpoint(tmp_path / "x")
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match="the file is missing") as raised:
        check_checkpoint(folder)
    assert raised.value.params["file"] == folder / name


@pytest.mark.parametrize("size", [0, 7, 8, 100, 799_999])
def test_truncated_weights_are_detected(tmp_path: Path, size: int):
    folder = make_checkpoint(tmp_path / "x")
    os.truncate(folder / BIG, size)
    with pytest.raises(CheckpointError):
        check_checkpoint(folder)


def test_a_pointer_of_git_lfs_is_named_as_such(tmp_path: Path):
    folder = make_checkpoint(tmp_path / "x")
    (folder / BIG).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3833402552\n")
    with pytest.raises(CheckpointError, match="git lfs pull"):
        check_checkpoint(folder)


def test_an_index_that_leads_out_of_the_folder_is_refused(tmp_path: Path):
    folder = make_checkpoint(tmp_path / "x")
    (folder / BIG).rename(tmp_path / "out.safetensors")
    index = {"weight_map": {"talker": "../out.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="does not name files in this folder"):
        check_checkpoint(folder)


@pytest.mark.skipif(not ORACLE.is_dir(), reason="the shared oracle checkpoints are not on this machine")
def test_a_checkpoint_in_the_released_format_is_complete(store: LocalStore):
    assert store.find(str(ORACLE)) == ORACLE


def test_auto_takes_the_default_model_first(store: LocalStore):
    last = make_checkpoint(store.path_of(CATALOG[2].id))
    assert store.find("auto") == last
    first = make_checkpoint(store.path_of(CATALOG[0].id))
    assert store.find("auto") == first


def test_auto_takes_an_unreleased_model_if_there_is_no_other(store: LocalStore):
    folder = make_checkpoint(store.path_of("local/tiny"))
    assert store.find("auto") is None  # without a manifest its origin is unknown
    files = {BIG: {"size": (folder / BIG).stat().st_size}}
    (folder / "qwen3tts-webui.json").write_text(json.dumps({"model": "local/tiny", "files": files}))
    assert store.find("auto") == folder


def test_an_unfinished_download_is_never_found(store: LocalStore):
    make_checkpoint(store.partial(MODEL))
    assert store.find("auto") is None
    assert store.find(MODEL) is None


def test_a_manifest_must_match_its_files(store: LocalStore):
    folder = make_checkpoint(store.path_of(MODEL))
    (folder / "qwen3tts-webui.json").write_text(json.dumps({"files": {"generation_config.json": {"size": 3}}}))
    assert store.find(MODEL) is None
    (folder / "qwen3tts-webui.json").write_text("{")
    assert store.find(MODEL) is None


def test_the_caches_of_the_hubs_are_searched(tmp_path: Path):
    store = LocalStore(tmp_path / "ours", caches=(tmp_path / "hf", tmp_path / "ms"))
    modelscope = make_checkpoint(tmp_path / "ms/Qwen/Qwen3-TTS-12Hz-1___7B-VoiceDesign")
    assert store.find() == modelscope
    snapshots = tmp_path / "hf" / f"models--{MODEL.replace('/', '--')}" / "snapshots"
    broken = make_checkpoint(snapshots / "new")
    (broken / BIG).unlink()
    assert store.find() == modelscope
    whole = make_checkpoint(snapshots / "old")
    assert store.find() == whole


@pytest.mark.parametrize("name", [MODEL, MODEL.split("/")[1], MODEL.lower()])
def test_a_model_is_found_by_any_of_its_names(store: LocalStore, name: str):
    folder = make_checkpoint(store.path_of(MODEL))
    assert store.find(name) == folder


def test_a_named_folder_must_be_complete(store: LocalStore, tmp_path: Path):
    folder = make_checkpoint(tmp_path / "x")
    assert store.find(str(folder)) == folder
    (folder / "vocab.json").write_text("")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        store.find(str(folder))
    with pytest.raises(CheckpointError, match="the folder does not exist"):
        store.find(str(tmp_path / "none"))


def test_bytes_are_counted_while_the_files_move_away(tmp_path: Path):
    store = LocalStore(tmp_path)
    partial, elsewhere = store.partial(MODEL), tmp_path / "elsewhere"
    for number in range(50):
        file = partial / f"part {number}" / "x"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"12345")
    assert store.partial_bytes(MODEL) == 250
    stop = threading.Event()

    def move() -> None:
        while not stop.is_set():
            partial.rename(elsewhere)
            elsewhere.rename(partial)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        assert all(0 <= store.partial_bytes(MODEL) <= 250 for _ in range(300))
    finally:
        stop.set()
        mover.join()
