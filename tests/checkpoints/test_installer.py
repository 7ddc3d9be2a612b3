"""The installer: a model is downloaded, its engine starts and replaces the active one without a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qwen3tts_webui.checkpoints import CATALOG, LocalStore, MemoryBudget, ModelInstaller, RetryPolicy
from qwen3tts_webui.errors import Busy, InsufficientMemory, SpeechError
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from tests.checkpoints.fake_hub import BIG, MODEL, FakeHub, make_checkpoint
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.wait import wait_until

HASTY = RetryPolicy(max_attempts=2, initial_wait_s=0.001)


class StartingFake(ZeroCostSynthesizer):
    """An engine that is ready, or fails, when the test says so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(ready=False)
        self.info = replace(self.info, name="model", model=folder.name, preview=False)
        self.failure: SpeechError | None = None


class Starter:
    """Starts `StartingFake`s and keeps them."""

    def __init__(self) -> None:
        self.started: list[StartingFake] = []
        self.refuses: Exception | None = None

    def __call__(self, folder: Path) -> StartingFake:
        if self.refuses is not None:
            raise self.refuses
        self.started.append(StartingFake(folder))
        return self.started[-1]


class Scene:
    def __init__(self, store: LocalStore, mirror: str) -> None:
        self.preview = ZeroCostSynthesizer()
        self.switch = HotSwapSynthesizer(self.preview, idle_timeout_s=0.02)
        self.starter = Starter()
        room = MemoryBudget(device="cpu", dtype="float32", free_bytes=32 << 30)
        self.installer = ModelInstaller(
            store, self.switch, self.starter, lambda: room, mirror=mirror, retry_policy=HASTY
        )


@pytest.fixture
def scene(store: LocalStore, hub: FakeHub) -> Iterator[Scene]:
    scene = Scene(store, hub.url)
    yield scene
    if hub.hold is not None:
        hub.hold.set()
    scene.installer.close()
    scene.switch.close()


def state_of(scene: Scene) -> Callable[[str], Callable[[], bool]]:
    return lambda state: lambda: scene.installer.loading is not None and scene.installer.loading.state == state


def test_the_preview_voice_speaks_until_the_model_can(scene: Scene):
    scene.installer.download()
    wait_until(lambda: bool(scene.starter.started))
    assert scene.switch.info.name == "fake"
    assert scene.switch.ready
    scene.starter.started[0].ready = True
    wait_until(lambda: scene.switch.info.name == "model")
    assert scene.switch.info.model == MODEL.split("/")[1]
    wait_until(lambda: scene.preview.closed)
    wait_until(state_of(scene)("ready"))


def test_a_model_that_is_here_is_loaded_without_a_hub(scene: Scene, store: LocalStore, hub: FakeHub):
    make_checkpoint(store.path_of(MODEL))
    scene.installer.download(MODEL)
    wait_until(lambda: bool(scene.starter.started))
    scene.starter.started[0].ready = True
    wait_until(state_of(scene)("ready"))
    assert hub.asked == []


@pytest.mark.parametrize(
    "error", [InsufficientMemory(needed_gib=5.0, device="cpu", free_gib=1.0, hint=""), RuntimeError("CUDA says no")]
)
def test_a_model_that_cannot_be_started_leaves_the_preview_voice(scene: Scene, error: Exception):
    scene.starter.refuses = error
    scene.installer.download()
    wait_until(state_of(scene)("failed"))
    assert scene.installer.loading is not None
    assert type(scene.installer.loading.error) is (
        InsufficientMemory if isinstance(error, InsufficientMemory) else SpeechError
    )
    assert scene.switch.info.name == "fake"
    assert not scene.preview.closed


def test_an_engine_that_fails_while_loading_is_closed(scene: Scene):
    scene.installer.download()
    wait_until(lambda: bool(scene.starter.started))
    scene.starter.started[0].failure = SpeechError()
    wait_until(state_of(scene)("failed"))
    assert scene.starter.started[0].closed
    assert scene.switch.info.name == "fake"


def test_a_failed_download_starts_no_engine_and_can_be_tried_again(scene: Scene, hub: FakeHub):
    hub.corrupt[BIG] = 2
    scene.installer.download()
    wait_until(lambda: scene.installer.progress is not None and scene.installer.progress.state == "failed")
    assert scene.starter.started == []
    scene.installer.download()
    wait_until(lambda: bool(scene.starter.started))


def test_one_download_at_a_time(scene: Scene, hub: FakeHub):
    hub.hold = threading.Event()
    scene.installer.download(MODEL)
    assert hub.held.wait(20)
    scene.installer.download(MODEL)
    with pytest.raises(Busy):
        scene.installer.download(CATALOG[2].id)
    assert scene.installer.stop()
    hub.hold.set()
    wait_until(lambda: not scene.installer.progress.running)
    assert scene.installer.progress.state == "stopped"
    assert not scene.installer.stop()
    assert scene.starter.started == []


def test_the_end_of_the_program_ends_a_load(scene: Scene):
    scene.installer.download()
    wait_until(lambda: bool(scene.starter.started))
    scene.installer.close()
    wait_until(lambda: scene.starter.started[0].closed)


def test_the_overview_knows_what_is_here_and_what_it_needs(scene: Scene, store: LocalStore):
    before = scene.installer.overview()
    assert [model.id for model in before.models] == [known.id for known in CATALOG]
    default = before.models[0]
    assert (default.default, default.installed, default.approximate, default.partial_bytes) == (True, False, True, 0)
    assert default.bytes == CATALOG[0].approximate_bytes
    assert (before.download, before.loading) == (None, None)
    folder = make_checkpoint(store.path_of(MODEL))
    default = scene.installer.overview().models[0]
    assert (default.installed, default.approximate) == (True, False)
    assert default.bytes == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert default.fit.needed_bytes == (200_000 + 100 + 4 * 2048 * 57_344) * 4
