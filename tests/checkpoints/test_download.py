"""Downloads from a hub that disconnects and corrupts: a verified model, or nothing that could be loaded."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from qwen3tts_webui.checkpoints import (
    CancelToken,
    LocalFolder,
    LocalStore,
    ProgressTracker,
    RetryPolicy,
    Source,
    download,
    source_for,
)
from qwen3tts_webui.errors import (
    ChecksumMismatch,
    DiskFull,
    DownloadError,
    DownloadStopped,
    HubError,
    HubUnreachable,
    InvalidValue,
)
from tests.checkpoints.fake_hub import BIG, MODEL, FakeHub, make_checkpoint

HASTY = RetryPolicy(max_attempts=3, initial_wait_s=0.001)


def load(
    store: LocalStore,
    source: Source,
    *,
    model: str = MODEL,
    tracker: ProgressTracker | None = None,
    stop: CancelToken | None = None,
) -> Path:
    return download(store, source, model, tracker or ProgressTracker(model), stop or CancelToken(model), HASTY)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "qwen3tts-webui.json"
    }


def nothing_to_load(store: LocalStore) -> bool:
    return store.find(MODEL) is None and store.find("auto") is None and not store.path_of(MODEL).exists()


@pytest.fixture(params=["", "modelscope+"], ids=["huggingface", "modelscope"])
def source(request: pytest.FixtureRequest, hub: FakeHub) -> Source:
    return source_for(request.param + hub.url)


# all goes well


def test_every_file_arrives_as_it_is(store: LocalStore, hub: FakeHub, source: Source):
    folder = load(store, source)
    assert folder == store.folder / MODEL
    assert contents(folder) == contents(hub.folder)
    assert store.find("auto") == store.find(MODEL) == folder
    assert not store.partial(MODEL).exists()


def test_the_manifest_says_what_came_from_where(store: LocalStore, hub: FakeHub):
    manifest = json.loads((load(store, source_for(hub.url)) / "qwen3tts-webui.json").read_text())
    assert manifest["model"] == MODEL
    assert manifest["source"] == hub.url.removeprefix("http://")
    assert manifest["files"][BIG]["size"] == (hub.folder / BIG).stat().st_size
    assert len(manifest["files"][BIG]["sha256"]) == 64
    assert len(manifest["files"]["config.json"]["git_sha1"]) == 40


def test_a_second_download_makes_no_request(store: LocalStore, hub: FakeHub, source: Source):
    load(store, source)
    hub.asked.clear()
    load(store, source)
    assert hub.asked == []


def test_only_what_a_checkpoint_needs_is_loaded(store: LocalStore, hub: FakeHub):
    hub.extra_names = [
        "../escape.json",
        "/etc/x.json",
        "pickle.bin",
        "a/b/c.json",
        ".hidden.json",
        "README.md",
        "..\\x.txt",
    ]
    load(store, source_for(hub.url))
    assert {asked.path for asked in hub.asked} == {"list", *hub.files()}


def test_the_bytes_are_counted(store: LocalStore, hub: FakeHub):
    tracker = ProgressTracker(MODEL)
    load(store, source_for(hub.url), tracker=tracker)
    total = sum(len(body) for body in contents(hub.folder).values())
    assert (tracker.progress.state, tracker.progress.done_bytes, tracker.progress.total_bytes) == ("done", total, total)


# the connection breaks off


def test_a_broken_connection_resumes_where_it_stopped(store: LocalStore, hub: FakeHub, source: Source):
    hub.break_after[BIG] = [100_000, 200_000]
    folder = load(store, source)
    assert contents(folder) == contents(hub.folder)
    starts = [int(asked.range.removeprefix("bytes=").rstrip("-") or 0) for asked in hub.of(BIG)]
    assert len(starts) == 3
    assert 0 == starts[0] < starts[1] <= 100_000
    assert starts[1] < starts[2] <= 300_000


def test_a_later_start_resumes_a_failed_download(store: LocalStore, hub: FakeHub, source: Source):
    hub.break_after[BIG] = [300_000, 0, 0, 0, 0]
    with pytest.raises(HubUnreachable):
        load(store, source)
    assert nothing_to_load(store)
    hub.break_after.clear()
    hub.asked.clear()
    tracker = ProgressTracker(MODEL)
    assert contents(load(store, source, tracker=tracker)) == contents(hub.folder)
    (again,) = hub.of(BIG)
    assert 0 < int(again.range.removeprefix("bytes=").rstrip("-")) <= 300_000
    assert hub.of("config.json") == []
    assert tracker.progress.done_bytes == tracker.progress.total_bytes


def test_a_host_without_ranges_restarts(store: LocalStore, hub: FakeHub, source: Source):
    hub.ignores_range = True
    hub.break_after[BIG] = [300_000]
    assert contents(load(store, source)) == contents(hub.folder)
    assert [bool(asked.range) for asked in hub.of(BIG)] == [False, True]


def test_retries_are_limited(store: LocalStore, hub: FakeHub, source: Source):
    hub.break_after[BIG] = [0] * 9
    with pytest.raises(HubUnreachable) as raised:
        load(store, source)
    assert str(raised.value).startswith(hub.url.removeprefix("http://"))
    assert len(hub.of(BIG)) == HASTY.max_attempts + 1
    assert nothing_to_load(store)


def test_an_unreachable_host(store: LocalStore):
    with pytest.raises(HubUnreachable):
        load(store, source_for("http://127.0.0.1:9"))
    assert nothing_to_load(store)


# wrong data from the hub


def test_a_corrupt_transfer_is_repeated(store: LocalStore, hub: FakeHub, source: Source):
    hub.corrupt[BIG] = 1
    assert contents(load(store, source)) == contents(hub.folder)
    assert len(hub.of(BIG)) == 2


@pytest.mark.parametrize("name", [BIG, "speech_tokenizer/config.json"])
def test_corrupt_bytes_are_never_kept(store: LocalStore, hub: FakeHub, source: Source, name: str):
    hub.corrupt[name] = 9
    with pytest.raises(ChecksumMismatch, match=name):
        load(store, source)
    assert nothing_to_load(store)
    assert not (store.partial(MODEL) / name).exists()
    assert not (store.partial(MODEL) / f"{name}.part").exists()


def test_damage_to_a_partial_file_is_detected(store: LocalStore, hub: FakeHub, source: Source):
    hub.break_after[BIG] = [300_000, 0, 0, 0, 0]
    with pytest.raises(HubUnreachable):
        load(store, source)
    half = store.partial(MODEL) / f"{BIG}.part"
    half.write_bytes(b"x" + half.read_bytes()[1:])
    hub.break_after.clear()
    assert contents(load(store, source)) == contents(hub.folder)


@pytest.mark.parametrize("lie", [-1, 1, 10**6])
def test_a_wrong_size_in_the_list_is_never_kept(store: LocalStore, hub: FakeHub, source: Source, lie: int):
    hub.listed_size[BIG] = (hub.folder / BIG).stat().st_size + lie
    with pytest.raises(ChecksumMismatch):
        load(store, source)
    assert nothing_to_load(store)


def test_more_bytes_than_announced_are_never_kept(store: LocalStore, hub: FakeHub, source: Source):
    hub.sent_extra[BIG] = 5
    with pytest.raises(ChecksumMismatch):
        load(store, source)
    assert nothing_to_load(store)


def test_another_kind_of_repository_is_rejected_before_any_download(store: LocalStore, hub: FakeHub, source: Source):
    (hub.folder / "speech_tokenizer" / "config.json").unlink()
    with pytest.raises(DownloadError, match=r"not a Qwen3-TTS checkpoint: speech_tokenizer/config.json is missing"):
        load(store, source)
    assert {asked.path for asked in hub.asked} == {"list"}


def test_invalid_weights_are_not_installed(store: LocalStore, hub: FakeHub, source: Source):
    (hub.folder / BIG).write_bytes(b"not a safetensors file, but with the right checksum")
    with pytest.raises(DownloadError, match=r"model.safetensors: truncated, or not a safetensors file"):
        load(store, source)
    assert nothing_to_load(store)


# the hub refuses


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("where", ["list", BIG])
def test_permanent_errors_are_not_retried(store: LocalStore, hub: FakeHub, source: Source, status: int, where: str):
    hub.statuses[where] = [status] * 9
    with pytest.raises(HubError, match=f"HTTP {status}"):
        load(store, source)
    assert len(hub.of(where)) == 1
    assert nothing_to_load(store)


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("where", ["list", BIG])
def test_a_request_to_a_busy_hub_is_retried(store: LocalStore, hub: FakeHub, source: Source, status: int, where: str):
    hub.statuses[where] = [status, status]
    assert contents(load(store, source)) == contents(hub.folder)
    assert len(hub.of(where)) == 3


def test_a_hub_that_stays_busy_is_named(store: LocalStore, hub: FakeHub, source: Source):
    hub.statuses["list"] = [503] * 9
    with pytest.raises(HubError, match="HTTP 503"):
        load(store, source)
    assert len(hub.of("list")) == HASTY.max_attempts


def test_the_users_token_is_sent_to_the_hub_only(store: LocalStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub import constants

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    load(store, source_for("hf"))
    assert {asked.authorization for asked in hub.of("list")} == {"Bearer hf_secret"}
    assert {asked.authorization for asked in hub.of(BIG)} == {""}  # the CDN is another host
    hub.asked.clear()
    shutil.rmtree(store.folder)
    monkeypatch.setattr(constants, "ENDPOINT", "https://huggingface.co")
    load(store, source_for(hub.url))
    assert {asked.authorization for asked in hub.asked} == {""}


def test_a_proxy_is_used(store: LocalStore, hub: FakeHub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", hub.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    hub.cdn = "http://cdn.invalid"
    folder = load(
        store, source_for("http://hub.invalid")
    )  # a plain HTTP proxy gets the whole URL and answers for the host
    assert contents(folder) == contents(hub.folder)


# disk full


def test_a_full_disk_is_detected_before_the_download(store: LocalStore, hub: FakeHub, source: Source):
    hub.listed_size[BIG] = 10**18
    with pytest.raises(DiskFull, match=r"needs 1000000000\.1 GB of disk space"):
        load(store, source)
    assert {asked.path for asked in hub.asked} == {"list"}


# a person stops it


def test_a_stopped_download_leaves_nothing_to_load_and_resumes_later(store: LocalStore, hub: FakeHub, source: Source):
    hub.hold = threading.Event()
    tracker, stop, ended = ProgressTracker(MODEL), CancelToken(MODEL), []

    def run() -> None:
        try:
            load(store, source, tracker=tracker, stop=stop)
        except DownloadStopped as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert hub.held.wait(20)
    stop.cancel()
    hub.hold.set()
    thread.join(20)
    assert len(ended) == 1
    assert tracker.progress.state == "stopped"
    assert nothing_to_load(store)
    hub.hold = None
    hub.asked.clear()
    assert contents(load(store, source)) == contents(hub.folder)
    assert hub.of("config.json") == []


def test_two_downloads_of_one_model_exclude_each_other(store: LocalStore, hub: FakeHub):
    with store.lock(MODEL), pytest.raises(DownloadError, match="another download of it is in progress"):
        load(store, source_for(hub.url))


# repair, copies, mirrors


def test_a_damaged_model_is_not_found_and_only_damaged_files_are_downloaded_again(store: LocalStore, hub: FakeHub):
    folder = load(store, source_for(hub.url))
    os.truncate(folder / BIG, 1000)
    assert store.find("auto") is None
    hub.asked.clear()
    assert contents(load(store, source_for(hub.url))) == contents(hub.folder)
    assert [asked.path for asked in hub.asked] == ["list", BIG]
    assert hub.of(BIG)[0].range == "bytes=1000-"


def test_a_folder_on_a_stick_is_copied_with_checks(store: LocalStore, tmp_path: Path):
    stick = make_checkpoint(tmp_path / "U 盘" / "Qwen3-TTS-12Hz-1___7B-VoiceDesign")
    source = LocalFolder(stick)
    assert source.model == MODEL
    folder = load(store, source, model=source.model)
    assert contents(folder) == contents(stick)
    assert store.find() == folder


def test_a_copy_of_our_own_folder_is_compared_with_its_checksums(store: LocalStore, hub: FakeHub, tmp_path: Path):
    stick = tmp_path / "stick"
    shutil.copytree(load(store, source_for(hub.url)), stick)
    body = bytearray((stick / BIG).read_bytes())
    body[-1] ^= 1
    (stick / BIG).write_bytes(body)
    other = LocalStore(tmp_path / "other", caches=())
    with pytest.raises(ChecksumMismatch):
        load(other, LocalFolder(stick))
    assert nothing_to_load(other)


@pytest.mark.parametrize(("name", "model"), [("My Model", "local/model"), ("tiny", "local/tiny")])
def test_a_foreign_folder_keeps_its_name_if_possible(tmp_path: Path, name: str, model: str):
    assert LocalFolder(make_checkpoint(tmp_path / name)).model == model


@pytest.mark.parametrize("name", ["hff", "ftp://x", "", "modelscope+x", "/usb", "https://"])
def test_an_unknown_mirror_is_rejected(name: str):
    with pytest.raises(InvalidValue, match=r"--mirror must be hf, modelscope or a URL"):
        source_for(name)
