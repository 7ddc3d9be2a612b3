"""`qwen3tts-webui key`: shown once, listed without its secret, revoked; and what a key allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen3tts_webui.cli import main, serve
from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.server.auth import ApiKeyStore


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QWEN3TTS_API_KEYS_FILE", str(tmp_path / "keys.json"))
    return tmp_path / "keys.json"


def test_a_new_key_is_shown_once_and_works(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "new", "laptop"]) == 0
    secret = capsys.readouterr().out.split()[0]
    assert ApiKeyStore(file).id_of(secret) is not None
    assert main(["key", "list"]) == 0
    listed = capsys.readouterr().out
    assert "laptop" in listed and secret not in listed


def test_a_key_is_revoked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key, secret = ApiKeyStore(file).create()
    assert main(["key", "revoke", key.id]) == 0
    assert ApiKeyStore(file).id_of(secret) is None
    assert main(["key", "revoke", key.id]) == 2


def test_with_a_key_others_may_reach_the_server() -> None:
    with pytest.raises(InvalidValue):
        serve.require_auth_for_public_host("0.0.0.0", insecure=False, keys=False)
    serve.require_auth_for_public_host("0.0.0.0", insecure=False, keys=True)


def test_the_file_can_be_named_as_a_flag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.json"
    assert main(["key", "new", "--api-keys-file", str(other)]) == 0
    secret = capsys.readouterr().out.split()[0]
    key_id = ApiKeyStore(other).id_of(secret)
    assert key_id is not None
    assert main(["key", "list", "--api-keys-file", str(other)]) == 0
    assert key_id in capsys.readouterr().out
    assert main(["key", "revoke", key_id, "--api-keys-file", str(other)]) == 0
    assert ApiKeyStore(other).all() == ()


def test_a_key_may_have_a_weight(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "new", "studio", "--weight", "2.5"]) == 0
    assert [key.weight for key in ApiKeyStore(file).all()] == [2.5]
    assert main(["key", "new", "broken", "--weight", "0"]) == 2
    assert main(["key", "list"]) == 0
    assert "studio  (weight 2.5)" in capsys.readouterr().out
