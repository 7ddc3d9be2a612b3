"""The command line: settings from flags, one-sentence errors, public hosts, free ports."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from qwen3tts_webui import __version__
from qwen3tts_webui.cli import SUBCOMMANDS, main, serve, synthesize
from qwen3tts_webui.cli.arguments import parse, settings_from, valid_unicode
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue


def settings_of(*argv: str) -> Settings:
    return settings_from(parse(argv, SUBCOMMANDS))


# flags


@pytest.mark.parametrize("asked", [None, "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_idle_threads_sleep_soon_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asked: str | None
):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "THP_MEM_ALLOC_ENABLE"):
        monkeypatch.setenv(name, "")  # so that what main sets goes away with the test
        monkeypatch.delenv(name)
    if asked:
        monkeypatch.setenv(asked, "7")
    assert main(["voices"]) == 0
    expected = {None: "20000", "GOMP_SPINCOUNT": "7", "OMP_WAIT_POLICY": None}[asked]
    assert os.environ.get("GOMP_SPINCOUNT") == expected
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == "1"


def test_no_arguments_serve_with_the_defaults():
    args = parse([], SUBCOMMANDS)
    assert args.run is serve.run
    assert settings_from(args) == Settings()


def test_every_flag_of_serve_reaches_its_setting(tmp_path: Path):
    flags = ["--no-browser", "--host", "::1", "--port", "7999", "--model", "m", "--device", "cpu", "--dtype", "float32"]
    settings = settings_of(*flags, "--outputs", str(tmp_path), "--preview")
    assert settings == Settings(
        browser=False,
        host="::1",
        port=7999,
        model="m",
        device="cpu",
        dtype="float32",
        outputs=tmp_path,
        preview=True,
    )


def test_the_environment_counts_and_a_flag_counts_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("QWEN3TTS_PORT", "8001")
    monkeypatch.setenv("QWEN3TTS_HOST", "127.0.0.2")
    settings = settings_of("serve", "--port", "8002")
    assert (settings.host, settings.port) == ("127.0.0.2", 8002)


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--port", "70000"], "--port must be less than or equal to 65535, not 70000.\n"),
        (["--port", "web"], "--port must be a valid integer, unable to parse string as an integer, not web.\n"),
        (
            ["--dtype", "int2"],
            "--dtype must be 'auto', 'float32', 'bfloat16', 'float16', 'int8' or 'int4', not int2.\n",
        ),
        (
            ["--host", "0.0.0.0"],
            "--host must be a loopback address (or create a key: ",
        ),
        (["voices", "--language", "tlh"], "The language tlh is not supported."),
    ],
)
def test_errors_are_one_sentence_and_exit_code_2(argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(sentence)
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_invalid_environment_variables_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("QWEN3TTS_QUEUE_SIZE", "-1")
    assert main(["serve"]) == 2
    assert capsys.readouterr().err == "QWEN3TTS_QUEUE_SIZE must be greater than or equal to 0, not -1.\n"


def test_version_flag(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"qwen3tts-webui {__version__}\n"


# who may listen


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "::1"])
def test_loopback_hosts_need_no_key(host: str):
    serve.require_auth_for_public_host(host, insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])
def test_public_hosts_need_a_key_or_insecure(host: str):
    with pytest.raises(InvalidValue):
        serve.require_auth_for_public_host(host, insecure=False)
    serve.require_auth_for_public_host(host, insecure=True)


# ports


def test_a_port_in_use_is_replaced_by_the_next_free_one():
    with serve.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with serve.listen("127.0.0.1", port) as second:
            assert port < second.getsockname()[1] < port + 50


def test_without_a_free_port_the_range_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serve, "_NUM_PORTS_TRIED", 1)
    with serve.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(serve.NoFreePort, match=f"^No free port between {port} and {port}\\.$"):
            serve.listen("127.0.0.1", port)


def test_a_free_port_is_used():
    with serve.listen("127.0.0.1", 20_000) as probe:  # below those that systems assign for port 0
        port = probe.getsockname()[1]
    with serve.listen("127.0.0.1", port) as listener:
        assert listener.getsockname()[1] == port


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7"])
def test_hosts_of_other_machines_are_rejected(host: str):
    with pytest.raises(InvalidValue, match="--host must be an address of this machine"):
        serve.listen(host, 0)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:7860"),
        ("localhost", "http://localhost:7860"),
        ("0.0.0.0", "http://127.0.0.1:7860"),
        ("::", "http://127.0.0.1:7860"),
        ("::1", "http://[::1]:7860"),
    ],
)
def test_url_for_the_browser(host: str, address: str):
    assert serve.url(host, 7860) == address


# voices


def test_voices_lists_every_preset_of_a_language(capsys: pytest.CaptureFixture[str]):
    assert main(["voices", "--language", "Japanese", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found
    assert {voice["language"] for voice in found} == {"ja"}
    assert main(["voices", "--language", "ja"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [voice["id"] for voice in found]


def test_every_subcommand_has_help(capsys: pytest.CaptureFixture[str]):
    for name in SUBCOMMANDS:
        with pytest.raises(SystemExit):
            main([name, "--help"])
        assert capsys.readouterr().out.startswith(f"usage: qwen3tts-webui {name}")


# say


@pytest.mark.parametrize(
    "flags", [["--greedy"], ["--speaker", "Vivian"], ["--text-mode", "streaming"], ["--max-frames", "3"]]
)
def test_say_rejects_flags_that_the_preview_voice_would_ignore(
    flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["say", "--preview", "--text", "One.", "--output", str(tmp_path / "x.wav"), *flags]) == 2
    assert f"does not support {flags[0]}. Select a checkpoint with --model." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "flags", [["--seed", "-1"], ["--seed", "x"], ["--seed", str(2**63)], ["--output", "/no/such/folder/x.wav"]]
)
def test_say_rejects_invalid_flags(flags: list[str], tmp_path: Path):
    with pytest.raises(SystemExit) as exit:
        main(["say", "--preview", "--text", "One.", "--output", str(tmp_path / "x.wav"), *flags])
    assert exit.value.code == 2


def test_a_missing_checkpoint_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["say", "--model", str(tmp_path / "none"), "--text", "One.", "--output", str(tmp_path / "x.wav")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_float_samples_are_written_unchanged(tmp_path: Path):
    pcm = np.array([0.0, 0.1, -1.0, 1e-7, 0.99999], np.float32)
    synthesize.write_wav(tmp_path / "x.wav", pcm, comment="who", as_float=True)
    read, rate = soundfile.read(tmp_path / "x.wav", dtype="float32")
    assert rate == 24_000
    assert np.array_equal(read, pcm)


def test_invalid_bytes_can_be_named_in_errors():
    assert valid_unicode("a\udcff世") == "a\ufffd世"


def test_a_damaged_model_ends_in_a_sentence_with_advice(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "config.json").write_text("{}")
    assert main(["say", "--model", str(tmp_path), "--text", "Hi.", "--output", str(tmp_path / "out.wav")]) == 2
    complaint = capsys.readouterr().err
    assert "This model is damaged or incomplete. Choose another folder with --model" in complaint
    assert "Traceback" not in complaint
