"""What the page's routes serve, without a browser."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from qwen3tts_webui.config import Settings, asset
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.text import LANGUAGES
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ZeroCostSynthesizer


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    async def app() -> FastAPI:  # Gradio leaves an event loop unclosed where it finds none
        from qwen3tts_webui.ui import mount_page

        app = FastAPI(docs_url=None)
        mount_page(app, Speech(ZeroCostSynthesizer(), Presets.load()), Settings())
        return app

    yield TestClient(asyncio.run(app()))


def test_the_page_is_at_the_root(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "gradio_config" in page.text


def test_the_bootstrap_data_has_all_that_the_browser_needs(client: TestClient) -> None:
    bootstrap = client.get("/studio/bootstrap.json").json()
    assert bootstrap["messages"]["zh"] == dict(Catalog("zh").messages)
    assert {preset["language"] for preset in bootstrap["presets"]} == {language.code for language in LANGUAGES}
    assert bootstrap["limits"] == {
        "text": 20_000,
        "description": 2_048,
        "min_speed": 0.5,
        "max_speed": 2.0,
        "max_pause_s": 10.0,
    }


@pytest.mark.parametrize(
    "path", ["/studio/bootstrap.json", "/studio/main.js", "/studio/page.css", "/studio/icons/icon.svg"]
)
def test_files_are_asked_about_each_time_and_sent_only_when_changed(client: TestClient, path: str) -> None:
    first = client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_versioned_files_are_compressed_and_kept(client: TestClient) -> None:
    prefix = re.search(r"studio-\w{12}", client.get("/").text)
    assert prefix is not None
    response = client.get(f"/{prefix[0]}/main.js")
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["content-encoding"] == "gzip"
    assert response.text == client.get("/studio/main.js", headers={"Accept-Encoding": "identity"}).text
    assert response.text == asset("web/main.js").read_text(encoding="utf-8")
    styles = client.get(f"/{prefix[0]}/styles.css").text
    assert asset("web/regions/voice/voice.css").read_text(encoding="utf-8") in styles
    assert "class Player" in client.get(f"/{prefix[0]}/page.js").text
    for missing in ("nothing.js", "../pyproject.toml", "%2e%2e/pyproject.toml", ""):
        assert client.get(f"/{prefix[0]}/{missing}").status_code in (404, 405)


def test_the_html_loads_what_the_page_needs_before_gradio_asks_for_it(client: TestClient) -> None:
    page = client.get("/")
    head = page.text.partition("</head>")[0]
    assert page.headers["content-length"] == str(len(page.content))
    scripts = re.findall(r'<link rel="modulepreload" href="(assets/.+\.js)">', head)
    styles = re.findall(r'<link rel="stylesheet" disabled href="(assets/.+\.css)">', head)
    assert len(scripts) + len(styles) == len(asset("gradio_files.txt").read_text(encoding="utf-8").split())
    joined = client.get(re.search(r"/?(studio-\w+/styles\.css)", head)[1]).text  # type: ignore[index]
    for url in scripts + styles:
        file = client.get(url)
        assert (file.status_code, "immutable" in file.headers["cache-control"]) == (200, True)
        assert url in scripts or file.text in joined
    theme = re.search(r'<link rel="preload" as="style" href="(theme\.css\?v=\w{64})">', head)
    assert theme is not None
    assert client.get(theme[1]).status_code == 200


def test_no_event_of_the_page_reaches_python(client: TestClient) -> None:
    config = client.get("/config").json()
    called = [event["api_name"] for event in config["dependencies"] if event["backend_fn"]]
    assert called == ["generate", "generate_stream"]  # of Gradio's clients


def test_gradio_is_quiet(client: TestClient) -> None:
    config = client.get("/config").json()
    assert config["analytics_enabled"] is False
    assert config["footer_links"] == []


NAMESPACES = r"http://(?:www\.w3\.org/2000/svg|schemas\.openxmlformats\.org/)"  # names, not addresses


def _modules() -> dict[str, str]:
    root = asset("web")
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files}


@pytest.mark.parametrize("name", sorted(_modules()))
def test_no_module_names_another_host(name: str) -> None:
    source = re.sub(NAMESPACES, "", _modules()[name])
    assert re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z]+", source) == []


def test_both_languages_have_every_sentence_of_the_page() -> None:
    en, zh = (set(Catalog(language).messages) for language in ("en", "zh"))
    ours = {key for key in en | zh if not key.startswith("error.") or key.startswith("error.page.")}
    assert ours - en == set()
    assert ours - zh == set()


def test_every_key_that_the_page_uses_is_in_the_catalog() -> None:
    sources = "\n".join(_modules().values())
    regions = "\n".join(
        path.read_text(encoding="utf-8") for path in (asset("").parent / "qwen3tts_webui" / "ui").rglob("*.py")
    )
    used = set(re.findall(r'(?<!#)\b(?:t|say)\(\s*"([a-z_]+\.[a-z_.]+)"', sources + regions))
    drawer = _modules()["regions/settings/settings_drawer.js"]
    used |= {f"settings.{key}" for key in re.findall(r'#t\(\s*"([a-z_.]+)"', drawer)}
    used |= set(re.findall(r'data-i18n(?:-\w+)?="([a-z_]+\.[a-z_.]+)"', regions))
    used |= set(re.findall(r'\["(header\.[a-z]+)"', sources))
    assert len(used) > 30
    assert used - set(Catalog("en").messages) == set()


def test_the_catalogs_are_sorted_and_readable() -> None:
    for language in ("en", "zh"):
        text = asset(f"i18n/{language}.json").read_text(encoding="utf-8")
        assert list(json.loads(text)) == sorted(json.loads(text))
