"""The models panel: a download by click, its progress and end, and the engine label."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from qwen3tts_webui.checkpoints import CATALOG, LocalStore, MemoryBudget, ModelInstaller, RetryPolicy, SpeedMeter
from qwen3tts_webui.config import Settings
from qwen3tts_webui.diagnostics import collect_facts, run_checks
from qwen3tts_webui.errors import InsufficientMemory
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import LoadState
from qwen3tts_webui.voices import Presets
from tests.checkpoints.fake_hub import BIG, FakeHub, make_checkpoint, running_hub
from tests.checkpoints.test_installer import Starter
from tests.support.cloning import CloningFake
from tests.support.fakes import SteppedSynthesizer, ZeroCostSynthesizer
from tests.support.wait import wait_until

from .axe import serious

pytestmark = pytest.mark.browser


class Scene:
    """The whole program with a fake hub, on its own port."""

    def __init__(self, folder: Path, hub: FakeHub) -> None:
        self.hub = hub
        self.starter = Starter()
        self.switch = HotSwapSynthesizer(ZeroCostSynthesizer(), idle_timeout_s=0.02)
        store = LocalStore(folder / "models", caches=())
        room = MemoryBudget(device="cuda:0", dtypes=("bfloat16",), free_bytes=24 << 30)
        retry_policy = RetryPolicy(max_attempts=1, initial_wait_s=0.001)
        self.installer = ModelInstaller(
            store,
            self.switch,
            self.starter,
            lambda: room,
            mirror=hub.url,
            retry_policy=retry_policy,
            speed_meter=SpeedMeter(folder / "speed.json", lambda size: {"1.7B": 0.4}[size]),
        )
        self.settings = Settings(outputs=folder)
        self.url = ""
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        wait_until(lambda: bool(self.url))

    async def _serve(self) -> None:
        from qwen3tts_webui.server import create_app
        from qwen3tts_webui.ui import mount_page

        speech = Speech(self.switch, Presets.load())
        app = create_app(
            speech,
            self.settings,
            page=lambda app: mount_page(app, speech, self.settings),
            model_installer=self.installer,
            run_doctor=lambda: run_checks(collect_facts(self.settings, self.installer.store, serving=True)),
        )
        self._server = server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))

        async def announce() -> None:
            while not server.started:
                await asyncio.sleep(0.02)
            self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"

        announcing = asyncio.create_task(announce())
        await server.serve()
        await announcing

    def close(self) -> None:
        if self.hub.hold is not None:
            self.hub.hold.set()
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self.installer.close()
        self.switch.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with running_hub(make_checkpoint(tmp_path / "hub")) as hub:
        scene = Scene(tmp_path, hub)
        yield scene
        scene.close()


def test_a_model_is_downloaded_stopped_resumed_and_activated_by_click(scene: Scene, fresh: Callable[..., Any]) -> None:
    scene.hub.hold = threading.Event()
    visit = fresh(scene.url)
    page = visit.page
    page.wait_for_function("() => document.querySelector('#engine').dataset.kind === 'preview'")
    page.click("#engine-open")
    assert page.locator(".model-row").count() == len(CATALOG) == 5
    assert page.locator("[data-recommended=true] b").inner_text() == "Qwen3-TTS VoiceDesign 1.7B recommended"
    page.click("text=Measure the speed")
    page.wait_for_selector("[data-recommended=true] small:has-text('makes 0.40 s of speech per second here')")
    for close in (lambda: page.keyboard.press("Escape"), lambda: page.mouse.click(5, 895)):
        close()
        assert page.evaluate("document.getElementById('machine').matches(':popover-open')") is False
        page.click("#engine-open")
    assert page.locator("#machine-mirror option").all_inner_texts() == [
        scene.hub.url.removeprefix("http://"), "Hugging Face", "ModelScope"
    ]  # fmt: skip
    page.evaluate("window.button = document.querySelector('.model-row button')")
    page.click(".model-row:first-child button")
    assert scene.hub.held.wait(20)
    page.wait_for_function("() => !document.querySelector('#machine-download').hidden")
    page.wait_for_function("() => document.querySelector('#machine-bar').value > 0.2")
    page.wait_for_function("() => /^\\d+ %$/.test(document.querySelector('#engine-next').textContent)")
    assert page.evaluate("button.isConnected && button.textContent") == "Stop"  # updated in place, once a second
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.click(".model-row:first-child button:has-text('Stop')")
    scene.hub.hold.set()
    wait_until(lambda: scene.installer.progress.state == "stopped")
    scene.hub.hold = None

    scene.hub.break_after[BIG] += [50_000, *[0] * 8]
    page.click(".model-row:first-child button:has-text('Resume')")
    page.wait_for_selector("#machine-problem:has-text('finished parts are kept')")
    scene.hub.break_after[BIG].clear()
    page.context.set_offline(True)
    page.click(".model-row:first-child button:has-text('Resume')")
    page.wait_for_selector("#machine-problem:has-text('The connection to the server was lost')")
    page.wait_for_selector("#engine-what:has-text('The page cannot reach the server')")
    page.context.set_offline(False)
    page.wait_for_selector("#machine-problem:has-text('finished parts are kept')")  # as before

    page.click(".model-row:first-child button:has-text('Resume')")
    wait_until(lambda: bool(scene.starter.started), 30)
    page.wait_for_function("() => document.querySelector('#model-summary').textContent.includes('Loading')")
    scene.starter.started[0].ready = True
    page.wait_for_function("() => document.querySelector('#engine').dataset.kind === 'real'")
    page.wait_for_function("() => document.querySelector('#model-summary').textContent.includes('is active')")
    page.wait_for_selector("#status:has-text('speaks from now on')")
    assert [words for words in visit.complaints if "ERR_INTERNET_DISCONNECTED" not in words] == []


class IdleEngine(SteppedSynthesizer):
    """An engine with a model that was unloaded, and is loaded again whenever the test says so."""

    def __init__(self) -> None:
        super().__init__(num_frames=2)
        self.info = replace(self.info, preview=False, label="Qwen3-TTS, Small", model="Small")
        self.load_state = LoadState(state="unloaded", load_s=3.2)
        self.memory_bytes = 0

    def suspend(self) -> Future[None]:
        suspension: Future[None] = Future()
        suspension.set_result(None)
        return suspension

    def resume(self) -> None: ...


def test_an_idle_model_is_woken_and_a_model_that_fails_leaves_the_old_one(
    scene: Scene, fresh: Callable[..., Any]
) -> None:
    engine = IdleEngine()
    scene.switch.swap_to(engine)
    visit = fresh(scene.url)
    page = visit.page
    page.wait_for_function("() => document.querySelector('#engine-what').textContent.includes('about 4 s')")
    visit.type("One line.")
    visit.generate()
    page.wait_for_function("() => document.querySelector('#status').textContent === 'Waking the model, about 4 s…'")
    wait_until(lambda: engine.load.running == 1)
    engine.load_state = LoadState(state="loaded", load_s=3.2)
    engine.step()
    engine.step()
    visit.until("stats.state === 'done'")
    scene.starter.crowded = True
    page.click("#engine-open")
    page.click(".model-row:first-child button")
    wait_until(lambda: bool(scene.starter.started), 30)
    page.wait_for_function(
        "() => document.querySelector('#model-summary').textContent.includes('does not fit next to Small')"
    )
    scene.starter.started[0].failure = InsufficientMemory(needed_gib=9.0, device="cpu", free_gib=1.0, hint="")
    page.wait_for_function("() => !document.querySelector('#machine-problem').hidden")
    problem = page.locator("#machine-problem").inner_text()
    assert "needs 9.0 GiB" in problem and problem.endswith("Small is used again.")
    assert scene.switch.current is engine


def test_a_missing_model_is_offered_and_loaded_in_addition(scene: Scene, fresh: Callable[..., Any]) -> None:
    design, base = CATALOG[0], CATALOG[4]
    make_checkpoint(scene.installer.store.path_of(design.id))
    active = CloningFake()
    model = base.id.split("/")[1]
    active.info = replace(active.info, preview=False, label=model, model=model, model_type="base")
    scene.switch.swap_to(active)
    visit = fresh(scene.url)
    page = visit.page
    page.wait_for_selector("#engine[data-kind=real]")
    visit.type("One line.")
    visit.generate()
    page.wait_for_selector("#retry:has-text('Show Qwen3-TTS-12Hz-1.7B-VoiceDesign')")
    page.click("#retry")
    assert "fits: needs" in page.locator(".model-row:first-child small").inner_text()
    page.click(".model-row:first-child button:has-text('Also load')")
    wait_until(lambda: bool(scene.starter.started), 30)
    page.wait_for_function("() => document.querySelector('#model-summary').textContent.includes('in addition')")
    started = scene.starter.started[0]
    started.info = replace(started.info, model_type="voice_design")
    started.ready = True
    page.wait_for_function("() => document.querySelector('#model-summary').textContent.includes('Also loaded: Qwen3')")
    visit.generate()
    visit.until("stats.state === 'done' && stats.samples > 0")
    assert len(started.utterances) == 1 and active.utterances == []
    page.click("#engine-open")
    page.click(".model-row:first-child button:has-text('Unload')")
    page.wait_for_selector(".model-row:first-child button:has-text('Also load')")
    wait_until(lambda: started.closed)


def test_an_existing_folder_is_loaded(scene: Scene, fresh: Callable[..., Any], tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "disk" / "My-Voice")
    page = fresh(scene.url).page
    page.click("#engine-open")
    page.wait_for_selector("#model-folder")
    assert page.locator("#model-folder-command").is_hidden()
    page.fill("#model-folder-path", str(folder.parent))
    page.click("#model-folder button")
    page.wait_for_selector("#machine-problem:has-text('Enter the full path of the folder that contains config.json')")
    page.fill("#model-folder-path", str(folder))
    page.keyboard.press("Enter")
    wait_until(lambda: bool(scene.starter.started), 30)
    page.wait_for_selector("#model-summary:has-text('Loading My-Voice')")
    assert page.locator("#machine-problem").is_hidden()
    scene.starter.started[0].ready = True
    page.wait_for_selector("#status:has-text('My-Voice speaks from now on')")
    page.wait_for_selector("#model-summary:has-text('My-Voice is active.')")
    page.reload()
    page.wait_for_selector("#engine[data-kind=real]")
    assert page.input_value("#model-folder-path") == str(folder)


def test_the_diagnostics_are_in_the_page_language(scene: Scene, fresh: Callable[..., Any]) -> None:
    page = fresh(scene.url, locale="zh-CN").page
    page.wait_for_selector("#engine-open")
    page.click("#engine-open")
    page.wait_for_selector("#model-folder:has-text('已有的模型文件夹')")
    page.wait_for_function("() => document.querySelectorAll('#machine-lines li').length > 8")
    page.click("#machine details summary")
    assert "此浏览器可以播放实时音频" in page.locator("#machine-lines").inner_text()
    assert page.locator("#machine h3").inner_text() == "模型与本机"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_panel(scene: Scene, fresh: Callable[..., Any], scheme: str) -> None:
    visit = fresh(scene.url, color_scheme=scheme)
    visit.page.click("#engine-open")
    visit.page.wait_for_function("() => document.querySelectorAll('#machine-lines li').length > 8")
    assert serious(visit) == []
