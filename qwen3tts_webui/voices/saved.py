"""Voices that somebody kept: one small file each, below `outputs/voices/`.

In: a voice that was heard (description, seed, and what an engine needs to go on in it). Out: the same voice, any time,
here or on another machine: the file in the folder is the file that is exported. Several processes may share the folder;
nothing is cached. Knows no engine.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from qwen3tts_webui.errors import BadFile, InvalidValue, UnknownVoice
from qwen3tts_webui.voices.card import EXTENSION, MAX_NAME, SavedVoice, clean_name, pack, unpack
from qwen3tts_webui.voices.files import remove_abandoned, write_whole

log = logging.getLogger(__name__)

MAX_VOICES = 1_000
_ID = re.compile(r"saved-[0-9a-f]{12}")


class SavedVoices:
    """The voices in `folder`. Safe to use from any thread.

    Methods raise `UnknownVoice` for an id that is not there and `OSError` when the disk fails.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder)

    def save(self, voice: SavedVoice) -> SavedVoice:
        """Keep a new voice; it comes back with its id. Raises `InvalidValue` for a field that cannot be kept."""
        name = clean_name(voice.name)
        if not name:
            raise InvalidValue(field="name", expected=f"1 to {MAX_NAME} characters", got="empty")
        if sum(1 for _ in self._files()) >= MAX_VOICES:
            raise InvalidValue(field="voices", expected=f"at most {MAX_VOICES}", got=MAX_VOICES + 1)
        new = replace(voice, name=name, id=f"saved-{secrets.token_hex(6)}", created=time.time())
        write_whole(self._path(new.id), pack(new))
        return new

    def get(self, id: str) -> SavedVoice:
        data = self.export(id)
        return replace(unpack(data), id=id)

    def list(self) -> list[SavedVoice]:
        """The starred ones first, then the newest. A file that was damaged by hand is left out."""
        voices = []
        for path in self._files():
            try:
                voices.append(self.get(path.stem))
            except (BadFile, UnknownVoice) as error:
                log.warning("%s is left out: %s", path.name, error)
        return sorted(voices, key=lambda voice: (not voice.starred, -voice.created, voice.id))

    def rename(self, id: str, name: str) -> SavedVoice:
        cleaned = clean_name(name)
        if not cleaned:
            raise InvalidValue(field="name", expected=f"1 to {MAX_NAME} characters", got="empty")
        return self._change(replace(self.get(id), name=cleaned))

    def star(self, id: str, starred: bool = True) -> SavedVoice:
        return self._change(replace(self.get(id), starred=starred))

    def delete(self, id: str) -> None:
        try:
            self._path(id).unlink()
        except FileNotFoundError:
            raise UnknownVoice(got=id) from None

    def export(self, id: str) -> bytes:
        """The one file that `load_file` takes."""
        try:
            return self._path(id).read_bytes()
        except FileNotFoundError:
            raise UnknownVoice(got=id) from None

    def load_file(self, data: bytes) -> SavedVoice:
        """Keep the voice in an exported file, under a new id. Raises `BadFile` for anything else."""
        return self.save(replace(unpack(data), starred=False))

    def _change(self, voice: SavedVoice) -> SavedVoice:
        write_whole(self._path(voice.id), pack(voice))
        return voice

    def _path(self, id: str) -> Path:
        if not _ID.fullmatch(id):
            raise UnknownVoice(got="?")
        return self._folder / f"{id}.{EXTENSION}"

    def _files(self) -> Iterator[Path]:
        return (path for path in self._folder.glob(f"*.{EXTENSION}") if _ID.fullmatch(path.stem))
