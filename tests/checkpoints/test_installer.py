"""The installer: a model is downloaded, its engine starts and replaces the active one without a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from qwen3tts_webui.checkpoints import CATALOG, LocalStore, MemoryBudget, ModelInstaller, RetryPolicy
from qwen3tts_webui.errors import Busy, EngineStopped, InsufficientMemory, NotFound, SpeechError
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.types import LoadState, MemoryRelease, PcmSink, Utterance
from tests.checkpoints.fake_hub import BIG, MODEL, FakeHub, make_checkpoint
from tests.support.fakes import Job, SteppedSynthesizer, ZeroCostSynthesizer, audio_of
from tests.support.wait import wait_until

HASTY = RetryPolicy(max_attempts=2, initial_wait_s=0.001)


class StartingFake(ZeroCostSynthesizer):
    """An engine that is ready, or fails, when the test says so."""

    def __init__(self, folder: Path) -> None:
        super().__init__(ready=False)
        self.info = replace(self.info, name="model", model=folder.name, preview=False)
        self.failure: SpeechError | None = None


class Starter:
    """Starts `StartingFake`s and keeps them. If it is `crowded`, another engine has to free its memory first."""

    def __init__(self) -> None:
        self.started: list[StartingFake] = []
        self.refuses: Exception | None = None
        self.crowded = False

    def __call__(self, folder: Path, *, release: MemoryRelease | None = None) -> StartingFake:
        if self.refuses is not None:
            raise self.refuses
        if self.crowded and release is None:
            raise InsufficientMemory(needed_gib=9.0, device="cpu", free_gib=1.0, hint="")
        self.started.append(StartingFake(folder))
        return self.started[-1]


class Scene:
    def __init__(self, store: LocalStore, mirror: str) -> None:
        self.preview = ZeroCostSynthesizer()
        self.switch = HotSwapSynthesizer(self.preview, idle_timeout_s=0.02)
        self.starter = Starter()
        room = MemoryBudget(device="cpu", dtypes=("float32",), free_bytes=32 << 30)
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


def test_the_preview_voice_is_active_until_the_model_is_ready(scene: Scene):
    scene.installer.download()
    wait_until(lambda: bool(scene.starter.started))
    assert scene.switch.info.name == "fake"
    assert scene.switch.ready
    scene.starter.started[0].ready = True
    wait_until(lambda: scene.switch.info.name == "model")
    assert scene.switch.info.model == MODEL.split("/")[1]
    wait_until(lambda: scene.preview.closed)
    wait_until(state_of(scene)("ready"))


def test_an_installed_model_is_loaded_without_a_hub(scene: Scene, store: LocalStore, hub: FakeHub):
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


def test_a_model_is_loaded_in_addition_made_active_and_unloaded(scene: Scene, store: LocalStore):
    make_checkpoint(store.path_of(MODEL))
    name = MODEL.split("/")[1]
    scene.installer.download(MODEL, also=True)
    wait_until(lambda: bool(scene.starter.started))
    engine = scene.starter.started[0]
    engine.ready = True
    wait_until(state_of(scene)("ready"))
    assert [one.info.model for one in scene.switch.engines] == ["fake", name]
    state = scene.installer.overview().models[0]
    assert (state.active, state.loaded, scene.installer.loading.also) == (False, True, True)
    scene.installer.load_also(MODEL, store.path_of(MODEL))  # no effect
    scene.installer.activate(MODEL, store.path_of(MODEL))  # without loading it again
    assert [one.info.model for one in scene.switch.engines] == [name, "fake"]
    assert scene.starter.started == [engine]
    with pytest.raises(NotFound):
        scene.installer.unload(MODEL)  # it is active
    scene.switch.promote(scene.preview)
    scene.installer.unload(MODEL)
    wait_until(lambda: engine.closed)
    assert scene.switch.engines == (scene.preview,)


def test_a_model_that_does_not_fit_in_addition_changes_nothing(scene: Scene, store: LocalStore):
    scene.starter.crowded = True
    scene.installer.load_also(MODEL, make_checkpoint(store.path_of(MODEL)))
    assert scene.installer.loading is not None and isinstance(scene.installer.loading.error, InsufficientMemory)
    assert scene.switch.engines == (scene.preview,)


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


def test_the_overview_lists_installed_models_and_their_memory(scene: Scene, store: LocalStore):
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
    assert default.fit.needed_bytes == (200_000 + 100 + 2048 * 57_344) * 4


# models that do not fit in memory together


class CrowdedFake(SteppedSynthesizer):
    """An engine with a model that takes all memory of the device."""

    def __init__(self, device: Device, name: str, release: MemoryRelease | None = None) -> None:
        super().__init__(num_frames=2)
        self.info = replace(self.info, name="model", model=name, preview=False)
        self.failure: SpeechError | None = None
        self.ready = False
        self.memory_bytes = 8 << 30
        self.load_state = LoadState(state="loaded", load_s=1.0)
        self._device = device
        self._release = release
        self._suspension: Future[None] | None = None
        if release is None:
            self.load_model()
        else:
            self._thread = threading.Thread(target=self._load_later, daemon=True)
            self._thread.start()

    def load_model(self) -> None:
        assert self._device.holder is None, "two models in memory"
        self._device.holder, self.ready = self.info.model, True

    def _load_later(self) -> None:
        assert self._release is not None
        try:
            self._release.wait()
        except EngineStopped as error:
            self.failure = error
            return
        if self._device.broken == self.info.model:
            self.failure = InsufficientMemory(needed_gib=9.0, device="cpu", free_gib=1.0, hint="")
        else:
            self.load_model()

    def submit(self, requests: Sequence[tuple[Utterance, PcmSink]]) -> None:
        self.start([Job(utterance, sink, self.frames_for(utterance)) for utterance, sink in requests])

    def step(self) -> None:
        if self._device.holder == self.info.model:
            super().step()

    def suspend(self) -> Future[None]:
        assert not self.load.running, "it is still speaking"
        self._suspension = Future()
        self._device.holder = None
        self._suspension.set_result(None)
        return self._suspension

    def resume(self) -> None:
        self._suspension = None
        self.load_model()

    def close(self, *, grace_s: float = 0.0) -> None:
        super().close()
        if self._device.holder == self.info.model:
            self._device.holder = None


@dataclass
class Device:
    """A device with memory for one model; the one named `broken` does not load."""

    holder: str | None = None
    broken: str = ""
    started: list[CrowdedFake] = field(default_factory=list)

    def start(self, folder: Path, *, release: MemoryRelease | None = None) -> CrowdedFake:
        if self.holder is not None and release is None:
            raise InsufficientMemory(needed_gib=9.0, device="cpu", free_gib=1.0, hint="")
        assert release is None or release.num_bytes == 8 << 30
        engine = CrowdedFake(self, folder.name, release)
        self.started.append(engine)
        return engine


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[tuple[Device, HotSwapSynthesizer, ModelInstaller]]:
    device = Device()
    old = device.start(tmp_path / "old")
    switch = HotSwapSynthesizer(old, idle_timeout_s=0.02)
    room = MemoryBudget(device="cpu", dtypes=("float32",), free_bytes=1 << 30)
    installer = ModelInstaller(LocalStore(tmp_path, caches=()), switch, device.start, lambda: room)
    yield device, switch, installer
    installer.close()
    switch.close()


def activate(installer: ModelInstaller, folder: Path) -> threading.Thread:
    thread = threading.Thread(target=installer.activate, args=("owner/new", folder), daemon=True)
    thread.start()
    return thread


def test_the_old_model_leaves_memory_first_and_requests_wait_for_the_new_one(
    crowded: tuple[Device, HotSwapSynthesizer, ModelInstaller], tmp_path: Path
):
    device, switch, installer = crowded
    old = device.started[0]
    first, second = PcmStream(), PcmStream()
    switch.submit([(Utterance(text="one"), first)])
    thread = activate(installer, tmp_path / "new")
    wait_until(lambda: switch.info.model == "new")
    assert (device.holder, switch.ready) == ("old", False)  # it is still speaking
    assert installer.loading is not None and installer.loading.replacing == "old"
    switch.submit([(Utterance(text="two"), second)])
    old.step()
    old.step()
    assert np.array_equal(np.concatenate(list(first)), audio_of("one", 2))
    thread.join(20)
    assert (device.holder, old.closed, installer.loading.state) == ("new", True, "ready")
    device.started[1].step()
    device.started[1].step()
    assert np.array_equal(np.concatenate(list(second)), audio_of("two", 2))


def test_a_model_that_fails_after_the_old_one_left_brings_the_old_one_back(
    crowded: tuple[Device, HotSwapSynthesizer, ModelInstaller], tmp_path: Path
):
    device, switch, installer = crowded
    device.broken = "new"
    activate(installer, tmp_path / "new").join(20)
    assert (device.holder, switch.info.model, device.started[0].closed) == ("old", "old", False)
    assert device.started[1].closed
    assert installer.loading is not None
    assert (installer.loading.state, installer.loading.replacing) == ("failed", "old")
    assert isinstance(installer.loading.error, InsufficientMemory)
    stream = PcmStream()
    switch.submit([(Utterance(text="one"), stream)])
    device.started[0].step()
    device.started[0].step()
    assert np.array_equal(np.concatenate(list(stream)), audio_of("one", 2))


def test_the_end_of_the_program_ends_a_switch_while_the_old_model_speaks(
    crowded: tuple[Device, HotSwapSynthesizer, ModelInstaller], tmp_path: Path
):
    device, switch, installer = crowded
    switch.submit([(Utterance(text="one"), PcmStream())])
    thread = activate(installer, tmp_path / "new")
    wait_until(lambda: switch.info.model == "new")
    installer.close()
    switch.close()
    thread.join(20)
    assert not thread.is_alive()
    assert all(engine.closed for engine in device.started)
