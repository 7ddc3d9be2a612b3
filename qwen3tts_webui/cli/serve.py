"""Start the page and the API, and open the browser.

In: settings. Out: a server on one port, until Ctrl+C. Knows sockets and browsers, but not what is served.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import ipaddress
import logging
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3tts_webui.cli import desktop_window
from qwen3tts_webui.cli.arguments import (
    add_address_arguments,
    add_engine_arguments,
    add_outputs_argument,
    add_recognizer_argument,
    settings_from,
)
from qwen3tts_webui.cli.download_progress import ignore_background_reads
from qwen3tts_webui.cli.key import keys_file
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

_NUM_PORTS_TRIED = 50
_GRACE_S = 3


class NoFreePort(Exception):
    """All ports that were tried are in use. Only the command line reports it, so it has no error code."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `serve`."""
    add_engine_arguments(parser, several=True)
    add_address_arguments(parser)
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="do not open a browser")
    parser.add_argument("--desktop", action="store_true", help="open a desktop window instead of the browser")
    add_outputs_argument(parser)
    parser.add_argument(
        "--lexicon", type=Path, metavar="FILE", help="your pronunciations, a CSV file (default: lexicon.csv in outputs)"
    )
    add_recognizer_argument(parser)
    parser.add_argument("--insecure", action="store_true", help="allow a public host without an API key")
    parser.add_argument(
        "--allowed-host", dest="allowed_hosts", action="append", metavar="NAME",
        help="an additional host name of this machine; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--cors-origin", dest="cors_origins", action="append", metavar="ORIGIN",
        help="an origin, such as https://example.org, that may call the API from a browser; may be repeated",
    )  # fmt: skip
    parser.add_argument("--api-keys-file", type=Path, metavar="FILE", help="the file of the hashed API keys")
    parser.add_argument(
        "--strict-openai", action="store_true",
        help="reject unknown fields and voices on /v1 instead of ignoring them with a warning",
    )  # fmt: skip
    parser.add_argument(
        "--idle-unload", metavar="MINUTES",
        help="unload the model after this time without requests; the next one loads it again (default: never)",
    )  # fmt: skip
    parser.add_argument("--rate-limit", metavar="RATE", help="synthesis requests per client (default 1200/minute)")
    parser.add_argument("--log-format", help="text, or json for one JSON object per line")


def run(args: argparse.Namespace) -> int:
    """Listen, print the address, and serve until Ctrl+C."""
    from qwen3tts_webui.server.auth import ApiKeyStore
    from qwen3tts_webui.server.observability import configure_logging

    settings = settings_from(args)
    settings = settings.model_copy(update={"api_keys_file": keys_file(settings)})
    keys = ApiKeyStore(settings.api_keys_file)
    require_auth_for_public_host(settings.host, insecure=getattr(args, "insecure", False), keys=keys.required)
    if "desktop" in args:
        desktop_window.require()
    configure_logging(settings.log_level, settings.log_format)
    ignore_background_reads()
    with listen(settings.host, settings.port) as listener:
        port = listener.getsockname()[1]
        if settings.port not in (0, port):
            print(f"Port {settings.port} is in use; using {port}.")
        _serve(settings, listener, url(settings.host, port), desktop="desktop" in args)
    return 0


def require_auth_for_public_host(host: str, *, insecure: bool, keys: bool = False) -> None:
    """Raise `InvalidValue` for a host that other machines can reach without API keys, unless `insecure`."""
    if not insecure and not keys and not is_loopback(host):
        expected = "a loopback address (or create a key: qwen3tts-webui key new; or add --insecure)"
        raise InvalidValue(field="--host", expected=expected, got=host)


def is_loopback(host: str) -> bool:
    """Return True for localhost and the loopback addresses of IPv4 and IPv6."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `port`, or on the next free one.

    Raises `InvalidValue` for a host of another machine or a port reserved for root, `NoFreePort` if all are in use.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise InvalidValue(field="--host", expected="an address of this machine", got=host) from None
    last = min(port + _NUM_PORTS_TRIED, 65_536) - 1
    for candidate in range(port, last + 1):
        listener = socket.socket(family, kind, protocol)
        try:
            if sys.platform != "win32":  # on Windows it would take a port that is in use
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address[0], candidate))
            listener.listen()
            return listener
        except OSError as error:
            listener.close()
            if error.errno == errno.EADDRNOTAVAIL:
                raise InvalidValue(field="--host", expected="an address of this machine", got=host) from None
            if error.errno == errno.EACCES and candidate < 1024:
                raise InvalidValue(field="--port", expected="1024 or more for this user", got=candidate) from None
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):  # Windows reports its reserved ports as EACCES
                raise
    raise NoFreePort(f"No free port between {port} and {last}.")


def url(host: str, port: int) -> str:
    """Return the URL of the page for a browser on this machine."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1"
        elif address.version == 6:
            host = f"[{host}]"
    return f"http://{host}:{port}"


def _serve(settings: Settings, listener: socket.socket, address: str, *, desktop: bool) -> None:
    from qwen3tts_webui.cli.download_progress import offer_download
    from qwen3tts_webui.cli.factory import (
        build_app,
        build_history,
        build_model_installer,
        build_speech,
        build_store,
        choose_synthesizer,
        find_more_models,
        gradio_installed,
        load_more_models,
        warm_up_text,
    )
    from qwen3tts_webui.engine import GpuMonitor, visible_gpu
    from qwen3tts_webui.hot_swap import HotSwapSynthesizer

    def on_listening() -> None:
        print(f"Listening on {address} (press Ctrl+C to stop)", flush=True)
        if settings.browser and gradio_installed() and not desktop:
            open_browser(address)
        if info.preview and not settings.preview:
            offer_download(settings, installer)
        load_more_models(installer, more)
        warm_up_text(synthesizer)

    store = build_store(settings)
    more = find_more_models(settings, store)
    with contextlib.ExitStack() as stack:
        engine = choose_synthesizer(settings, store)
        synthesizer = stack.enter_context(contextlib.closing(HotSwapSynthesizer(engine)))
        watched = visible_gpu(settings.device, os.environ.get("CUDA_VISIBLE_DEVICES"))
        gpu = stack.enter_context(contextlib.closing(GpuMonitor(gpu=watched)))
        installer = stack.enter_context(contextlib.closing(build_model_installer(settings, store, synthesizer)))
        history = stack.enter_context(build_history(settings))
        info = synthesizer.info
        print(f"{info.label} on {info.device}, {info.dtype}", flush=True)
        if not gradio_installed():
            print("Gradio is not installed: serving the API without the page.", flush=True)
        app = build_app(settings, build_speech(settings, synthesizer, history), gpu, installer)
        server = _server(app, on_listening, settings)
        with contextlib.suppress(KeyboardInterrupt):
            if desktop:
                _serve_with_window(server, listener, address)
            else:
                server.run([listener])
    print("Stopped.")


def _serve_with_window(server: uvicorn.Server, listener: socket.socket, address: str) -> None:
    """Serve from another thread, because a window needs the main one. Closing the window ends the program."""
    thread = threading.Thread(target=server.run, args=([listener],), name="server")
    thread.start()
    try:
        desktop_window.show(address, "Qwen3-TTS")
    finally:
        server.should_exit = True
        thread.join()


def _server(app: Starlette, on_listening: Callable[[], None], settings: Settings) -> uvicorn.Server:
    from qwen3tts_webui.server import make_server

    logging.getLogger("uvicorn").setLevel("WARNING" if settings.log_level == "info" else settings.log_level.upper())
    return make_server(app, client_timeout_s=settings.client_timeout_s, grace_s=_GRACE_S, on_listening=on_listening)


def open_browser(address: str) -> None:
    """Open the page in a browser if there is a display; never blocks and never fails."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
