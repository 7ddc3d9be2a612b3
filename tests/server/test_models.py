"""Models and diagnostics over HTTP: a download from its first byte to the hot swap, and every rejected request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.checkpoints import CATALOG, LocalStore, MemoryBudget, ModelInstaller, RetryPolicy
from qwen3tts_webui.config import Settings
from qwen3tts_webui.diagnostics import Finding
from qwen3tts_webui.errors import NO_OBJECT, CheckpointError
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.checkpoints.fake_hub import BIG, MODEL, FakeHub, make_checkpoint, running_hub
from tests.checkpoints.test_installer import Starter
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client
from tests.support.wait import wait_until

ROUTE = "/api/models/download"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with running_hub(make_checkpoint(tmp_path / "hub")) as running:
        yield running


@pytest.fixture
def starter() -> Starter:
    return Starter()


@pytest.fixture
def client(tmp_path: Path, hub: FakeHub, starter: Starter) -> Iterator[TestClient]:
    switch = HotSwapSynthesizer(ZeroCostSynthesizer(), idle_timeout_s=0.02)
    store = LocalStore(tmp_path / "models", caches=())
    room = MemoryBudget(device="cuda:0", dtypes=("bfloat16",), free_bytes=24 << 30)
    retry_policy = RetryPolicy(max_attempts=1, initial_wait_s=0.001)
    installer = ModelInstaller(store, switch, starter, lambda: room, mirror=hub.url, retry_policy=retry_policy)
    lines = [
        Finding("gpu", "warning", "gpu.none"),
        Finding("torch", "problem", "torch.none"),
        Finding("port", "ok", "port.ours", {"host": "h"}),
    ]
    app = create_app(Speech(switch, Presets.load()), Settings(), model_installer=installer, run_doctor=lambda: lines)
    with make_client(app) as client:
        yield client
    if hub.hold is not None:
        hub.hold.set()
    installer.close()
    switch.close()


def test_a_downloaded_model_is_used_without_a_restart(client: TestClient, starter: Starter):
    assert client.get("/api/info").json()["name"] == "fake"
    answer = client.post(ROUTE, json={"model": MODEL})
    assert answer.status_code == 202
    assert answer.json()["download"]["model"] == MODEL
    wait_until(lambda: bool(starter.started))
    seen = client.get("/api/models").json()
    assert (seen["download"]["state"], seen["loading"]["state"]) == ("done", "loading")
    assert seen["download"]["done_bytes"] == seen["download"]["total_bytes"] > 800_000
    starter.started[0].ready = True
    wait_until(lambda: client.get("/api/info").json()["name"] == "model")
    assert client.get("/api/models").json()["models"][0]["installed"] is True


def test_a_model_is_loaded_in_addition_and_unloaded(client: TestClient, starter: Starter):
    client.post(ROUTE, json={"model": MODEL, "also": True})
    wait_until(lambda: bool(starter.started))
    starter.started[0].ready = True
    wait_until(lambda: len(client.get("/api/info").json()["engines"]) == 2)
    info = client.get("/api/info").json()
    assert [engine["name"] for engine in info["engines"]] == ["fake", "model"] and info["name"] == "fake"
    assert 'model="' + MODEL.split("/")[1] in client.get("/metrics").text
    state = client.get("/api/models").json()["models"][0]
    assert (state["active"], state["loaded"]) == (False, True)
    assert client.post("/api/models/unload", json={"model": MODEL}).status_code == 202
    assert len(client.get("/api/info").json()["engines"]) == 1
    assert client.post("/api/models/unload", json={"model": MODEL}).status_code == 404


def test_the_list_says_what_exists_and_fits(client: TestClient, hub: FakeHub):
    seen = client.get("/api/models").json()
    assert [model["id"] for model in seen["models"]] == [model.id for model in CATALOG]
    assert (seen["download"], seen["loading"], seen["mirrors"]) == (None, None, ["hf", "modelscope"])
    assert seen["mirror"] == hub.url.removeprefix("http://")
    default = seen["models"][0]
    assert default["fits"] is True
    assert default["fit"]["device"] == "cuda:0"
    assert default["approximate"] is True
    assert default["bytes"] == CATALOG[0].approximate_bytes


def test_a_download_is_stopped(client: TestClient, hub: FakeHub):
    hub.hold = threading.Event()
    client.post(ROUTE, json={"model": MODEL})
    assert hub.held.wait(20)
    assert client.delete(ROUTE).status_code == 202
    hub.hold.set()
    wait_until(lambda: client.get("/api/models").json()["download"]["state"] == "stopped")
    assert client.delete(ROUTE).status_code == 404
    assert client.get("/api/models").json()["models"][0]["installed"] is False


def test_a_failure_is_in_the_clients_language(client: TestClient, hub: FakeHub):
    hub.corrupt[BIG] = 9
    client.post(ROUTE, json={"model": MODEL})
    wait_until(lambda: client.get("/api/models").json()["download"]["state"] == "failed")
    error = client.get("/api/models", headers={"Accept-Language": "zh"}).json()["download"]["error"]
    assert error["code"] == "checksum_mismatch"
    assert "请换一个镜像" in error["message"]


def test_an_invalid_file_is_named_without_its_folder(client: TestClient, starter: Starter, tmp_path: Path):
    starter.refuses = CheckpointError(file=tmp_path / "config.json", key="", problem=NO_OBJECT)
    client.post(ROUTE, json={"model": MODEL})
    wait_until(lambda: (client.get("/api/models").json()["loading"] or {}).get("state") == "failed")
    error = client.get("/api/models", headers={"Accept-Language": "zh"}).json()["loading"]["error"]
    assert error == {"code": "checkpoint", "message": "config.json：不是 JSON 对象"}


FOLDER = "/api/models/folder"


def local(client: TestClient, host: str = "127.0.0.1") -> TestClient:
    """A client that connects from the server's machine."""
    return make_client(client.app, client=(host, 50_000), base_url="http://localhost:7860")


def test_a_folder_of_this_machine_is_checked_and_used(client: TestClient, starter: Starter, tmp_path: Path):
    folder = make_checkpoint(tmp_path / "own" / "My-Voice")
    here = local(client)
    assert here.get("/api/models").json()["folders"] is True
    assert here.post(FOLDER, json={"folder": f' "{folder / "model.safetensors"}" '}).status_code == 202
    wait_until(lambda: bool(starter.started))
    starter.started[0].ready = True
    wait_until(lambda: client.get("/api/info").json()["name"] == "model")
    seen = here.get("/api/models").json()
    assert seen["active"] == seen["loading"]["model"] == "My-Voice"
    assert not any(model["active"] for model in seen["models"])


def test_a_folder_without_a_model_is_answered_with_advice_and_tells_nothing_else(client: TestClient, tmp_path: Path):
    here = local(client)
    damaged = make_checkpoint(tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"short")
    (tmp_path / "secret.txt").write_text("secret")

    def error(path: str) -> dict[str, str]:
        answer = here.post(FOLDER, json={"folder": path})
        assert answer.status_code == 422
        found: dict[str, str] = answer.json()["error"]
        return found

    missing = error(str(tmp_path / "missing"))
    assert missing["code"] == "not_a_model_folder" and "full path of the folder" in missing["message"]
    unusable = [
        str(tmp_path),
        str(tmp_path / "secret.txt"),
        "damaged",
        "",
        "\0",
        "x" * 3_000,
        "~nobody-here/x",
        "/root/x/y",
    ]
    assert [error(path) for path in unusable] == [missing] * len(unusable)
    message = error(str(damaged))["message"]
    assert "(model.safetensors: truncated, or not a safetensors file)" in message and str(tmp_path) not in message


@pytest.mark.parametrize("headers", [{}, {"Host": "192.168.0.9"}, {"X-Forwarded-For": "127.0.0.1"}, {"Via": "1.1 a"}])
def test_no_remote_client_can_name_a_folder(
    client: TestClient, starter: Starter, tmp_path: Path, headers: dict[str, str]
):
    folder = str(make_checkpoint(tmp_path / "own"))
    far = local(client, "127.0.0.1" if headers else "192.168.0.7")
    assert far.get("/api/models", headers=headers).json().get("folders") is not True
    answers = [far.post(FOLDER, json={"folder": path}, headers=headers) for path in (folder, "/missing")]
    assert {answer.status_code for answer in answers} <= {403, 421}
    assert answers[0].json() == answers[1].json()
    assert starter.started == []


@pytest.mark.parametrize(
    "body",
    [
        {"model": "someone/else"},
        {"model": "../x"},
        {"model": MODEL, "mirror": "http://evil.example"},
        {"model": MODEL, "more": 1},
        {"model": 7},
        {},
    ],
)
def test_only_released_models_from_named_mirrors(client: TestClient, hub: FakeHub, body: object):
    assert client.post(ROUTE, json=body).status_code == 422
    assert hub.asked == []


def test_a_form_of_another_website_starts_nothing(client: TestClient, hub: FakeHub):
    answer = client.post(ROUTE, content='{"model": "' + MODEL + '"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert hub.asked == []


def test_the_doctor_uses_the_clients_language(client: TestClient):
    seen = client.get("/api/doctor", headers={"Accept-Language": "zh-CN"}).json()
    assert seen["ok"] is False
    assert [line["level"] for line in seen["lines"]] == ["warning", "problem", "ok"]
    assert seen["lines"][1]["text"] == "没有安装 torch"
    assert seen["lines"][1]["action"] != ""
    assert client.get("/api/doctor").json()["lines"][2] == {
        "topic": "port",
        "level": "ok",
        "text": "This server listens on h",
        "action": "",
    }


def test_without_an_installer_there_are_no_models():
    app = create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings())
    with make_client(app) as client:
        assert client.get("/api/models").json()["models"] == []
        assert client.post(ROUTE, json={"model": MODEL}).status_code == 404
        assert client.get("/api/doctor").status_code == 404
