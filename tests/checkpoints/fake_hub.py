"""A hub on this machine: the APIs of Hugging Face and ModelScope, over real HTTP, with failures on demand.

Files are on a second server, the "CDN", to which the hub redirects as the real one does; `asked` records requests.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from safetensors.numpy import save_file

MODEL = "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign"
REVISION = "5ecdb67327fd37bb2e042aab12ff7391903235d9"
BIG = "model.safetensors"


def make_checkpoint(folder: Path, *, numbers: int = 200_000, seed: int = 0) -> Path:
    """A folder with all the files of a checkpoint, small, its weights random."""
    (folder / "speech_tokenizer").mkdir(parents=True)
    (folder / "config.json").write_text('{"tts_model_type": "voice_design"}')
    (folder / "generation_config.json").write_text("{}")
    (folder / "vocab.json").write_text('{"a": 0}')
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "speech_tokenizer/config.json").write_text("{}")
    weights = np.random.default_rng(seed)
    save_file({"talker": weights.random(numbers, np.float32)}, folder / BIG)
    save_file({"decoder": weights.random(100, np.float32)}, folder / "speech_tokenizer" / BIG)
    return folder


@dataclass
class Asked:
    """One recorded request: which file, from which byte, with which authorization."""

    path: str
    range: str
    authorization: str


@dataclass
class FakeHub:
    """What the hub holds and what goes wrong; `statuses` are answered first, in order, per file or "list"."""

    folder: Path
    asked: list[Asked] = field(default_factory=list)
    statuses: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    break_after: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    corrupt: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    listed_size: dict[str, int] = field(default_factory=dict)
    sent_extra: dict[str, int] = field(default_factory=dict)
    extra_names: list[str] = field(default_factory=list)
    ignores_range: bool = False
    hold: threading.Event | None = None
    held: threading.Event = field(default_factory=threading.Event)
    retry_after: str = "0"
    url: str = ""
    cdn: str = ""

    def of(self, path: str) -> list[Asked]:
        """The requests for the bytes of one file."""
        return [asked for asked in self.asked if asked.path == path]

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    def size(self, name: str) -> int:
        return self.listed_size.get(name, (self.folder / name).stat().st_size)


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        if path == f"/api/models/{MODEL}":
            self._list(
                {"sha": REVISION, "siblings": [self._sibling(name) for name in self.hub.files()] + self._extra()}
            )
        elif path == f"/api/v1/models/{MODEL}/repo/files":
            folders = [{"Path": "speech_tokenizer", "Type": "tree", "Size": 0}]
            self._list({"Code": 200, "Data": {"Files": folders + [self._entry(name) for name in self.hub.files()]}})
        elif path == f"/api/v1/models/{MODEL}/repo":
            self._send(query["FilePath"][0])
        elif path.startswith(f"/{MODEL}/resolve/{REVISION}/"):
            self.send_response(302)
            self.send_header("Location", f"{self.hub.cdn}/cdn/{path.split(REVISION + '/')[1]}?signature=x")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path.startswith("/cdn/"):
            self._send(path.removeprefix("/cdn/"))
        else:
            self._refuse(404)

    def _list(self, answer: object) -> None:
        self._note("list")
        if not self._stumbles("list"):
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def _send(self, name: str) -> None:
        hub = self.hub
        self._note(name)
        if self._stumbles(name):
            return
        body = (hub.folder / name).read_bytes()
        if hub.corrupt[name]:
            hub.corrupt[name] -= 1
            body = bytes([body[0] ^ 1]) + body[1:] if not self._start() else body[:-1] + bytes([body[-1] ^ 1])
        body += bytes(hub.sent_extra.get(name, 0))
        start = 0 if hub.ignores_range else self._start()
        if start >= len(body) > 0:
            self._refuse(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self._body(name, body[start:])

    def _body(self, name: str, body: bytes) -> None:
        hub = self.hub
        if hub.break_after[name]:
            self.wfile.write(body[: hub.break_after[name].pop(0)])
            self.wfile.flush()
            self.connection.shutdown(2)
            self.close_connection = True
        elif hub.hold is not None and name == BIG:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            hub.held.set()
            hub.hold.wait(20)
            with_rest = body[len(body) // 2 :]
            try:
                self.wfile.write(with_rest)
            except OSError:
                self.close_connection = True
        else:
            self.wfile.write(body)

    def _stumbles(self, name: str) -> bool:
        if not self.hub.statuses[name]:
            return False
        self._refuse(self.hub.statuses[name].pop(0))
        return True

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", self.hub.retry_after)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _start(self) -> int:
        asked = self.headers.get("Range", "")
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0

    def _note(self, name: str) -> None:
        headers = self.headers
        self.hub.asked.append(Asked(name, headers.get("Range", ""), headers.get("Authorization", "")))

    def _sibling(self, name: str) -> dict[str, object]:
        body = (self.hub.folder / name).read_bytes()
        entry: dict[str, object] = {"rfilename": name, "size": self.hub.size(name)}
        if name.endswith(".safetensors"):
            digest = hashlib.sha256(body).hexdigest()
            return {**entry, "lfs": {"sha256": digest, "size": self.hub.size(name), "pointerSize": 134}}
        return {**entry, "blobId": hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()}

    def _extra(self) -> list[dict[str, object]]:
        return [{"rfilename": name, "size": 3, "blobId": "0" * 40} for name in self.hub.extra_names]

    def _entry(self, name: str) -> dict[str, object]:
        digest = hashlib.sha256((self.hub.folder / name).read_bytes()).hexdigest()
        return {"Path": name, "Type": "blob", "Size": self.hub.size(name), "Sha256": digest}


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that disconnect are expected here."""


@contextmanager
def running_hub(folder: Path) -> Iterator[FakeHub]:
    """Serve the checkpoint in `folder` until the block ends."""
    hub = FakeHub(folder)
    handler = type("Handler", (_Handler,), {"hub": hub})
    servers = [_Server(("127.0.0.1", 0), handler) for _ in range(2)]
    hub.url, hub.cdn = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    hub.cdn = hub.cdn.replace("127.0.0.1", "localhost")
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        if hub.hold is not None:
            hub.hold.set()
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
