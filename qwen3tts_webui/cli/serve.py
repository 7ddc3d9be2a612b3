"""Start the page and the API, and open the browser.

In: settings. Out: a server on one port, until Ctrl+C. Knows sockets and browsers, nothing of what is served.
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
from qwen3tts_webui.cli.arguments import add_engine_arguments, settings_from
from qwen3tts_webui.cli.download_progress import ignore_background_reads
from qwen3tts_webui.cli.key import keys_file
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

_PORTS_TRIED = 50
_GRACE_S = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `serve`."""
    add_engine_arguments(parser)
    parser.add_argument("--host", help="the address to listen on (default 127.0.0.1: only this machine)")
    parser.add_argument(
        "--port", help="the port to listen on (default 7860); if it is taken, the next free one; 0: any"
    )
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="do not open a browser")
    parser.add_argument("--desktop", action="store_true", help="a window of its own instead of the browser")
    parser.add_argument("--outputs", type=Path, metavar="DIR", help="where speech is kept (default outputs)")
    parser.add_argument(
        "--insecure", action="store_true", help="allow a host that other machines can reach, without a key"
    )
    parser.add_argument(
        "--allowed-host", dest="allowed_hosts", action="append", metavar="NAME",
        help="another name under which this machine is called; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--cors-origin", dest="cors_origins", action="append", metavar="ORIGIN",
        help="a website, such as https://example.org, whose scripts may call the API; may be repeated",
    )  # fmt: skip
    parser.add_argument("--api-keys-file", type=Path, metavar="FILE", help="where the hashed API keys are")
    parser.add_argument("--rate-limit", metavar="RATE", help="requests to speak, a client (default 1200/minute)")
    parser.add_argument("--log-format", help="text or json: one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """Listen, say where, and serve until Ctrl+C."""
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
            print(f"Port {settings.port} is taken: using {port}.")
        _speak_until_stopped(settings, listener, url(settings.host, port), desktop="desktop" in args)
    return 0


def require_auth_for_public_host(host: str, *, insecure: bool, keys: bool = False) -> None:
    """Raises `InvalidValue` for a host that others can reach without `keys`, unless a person asked for just that."""
    if not insecure and not keys and not is_loopback(host):
        expected = "an address of this machine alone (or make a key: qwen3tts-webui key new; or add --insecure)"
        raise InvalidValue(field="--host", expected=expected, got=host)


def is_loopback(host: str) -> bool:
    """True for localhost and the loopback addresses of IPv4 and IPv6."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `port`, or on the next free one.

    Raises `InvalidValue` for a host that is not ours, a port that this user may not have, or when all are taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise InvalidValue(field="--host", expected="an address of this machine", got=host) from None
    for candidate in range(port, min(port + _PORTS_TRIED, 65_536)):
        listener = socket.socket(family, kind, protocol)
        try:
            if sys.platform != "win32":  # there it would take a port that somebody else listens on
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
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):  # Windows says EACCES of ports that it reserved
                raise
    raise InvalidValue(field="--port", expected="one that has a free one among the next 50", got=port)


def url(host: str, port: int) -> str:
    """Where a browser on this machine finds the page."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1"
        elif address.version == 6:
            host = f"[{host}]"
    return f"http://{host}:{port}"


def _speak_until_stopped(settings: Settings, listener: socket.socket, address: str, *, desktop: bool) -> None:
    from qwen3tts_webui.cli.download_progress import offer_download
    from qwen3tts_webui.cli.factory import (
        build_app,
        build_history,
        build_model_installer,
        build_speech,
        build_store,
        choose_synthesizer,
        gradio_installed,
    )
    from qwen3tts_webui.engine.gpu_monitor import GpuMonitor
    from qwen3tts_webui.hot_swap import HotSwapSynthesizer

    def on_listening() -> None:
        print(f"Listening on {address} (Ctrl+C stops it)", flush=True)
        if settings.browser and gradio_installed() and not desktop:
            open_browser(address)
        if info.preview and not settings.preview:
            offer_download(settings, installer)

    store = build_store(settings)
    with contextlib.ExitStack() as parts:
        switch = parts.enter_context(contextlib.closing(HotSwapSynthesizer(choose_synthesizer(settings, store))))
        gpu = parts.enter_context(contextlib.closing(GpuMonitor()))
        installer = parts.enter_context(contextlib.closing(build_model_installer(settings, store, switch)))
        library = parts.enter_context(build_history(settings))
        info = switch.info
        print(f"{info.label} on {info.device}, {info.dtype}", flush=True)
        if not gradio_installed():
            print("Gradio is not installed: the API is here, the page is not.", flush=True)
        app = build_app(settings, build_speech(settings, switch, library), gpu, installer)
        server = _server(app, on_listening, settings)
        with contextlib.suppress(KeyboardInterrupt):
            if desktop:
                _behind_a_window(server, listener, address)
            else:
                server.run([listener])
    print("Stopped.")


def _behind_a_window(server: uvicorn.Server, listener: socket.socket, address: str) -> None:
    """Serve from another thread: a window wants the main one. Closing the window ends the program."""
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
    """Open the page where there is a screen; never waits and never fails."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
