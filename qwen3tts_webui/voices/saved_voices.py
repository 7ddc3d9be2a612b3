"""Saved voices: one small file each, below `outputs/voices/`.

In: a voice that was synthesized (description, seed, and what an engine needs to continue it). Out: the same voice, at
any time, here or on another machine: the stored file is the exported file. Several processes may share the folder;
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

from qwen3tts_webui.atomic_files import remove_stale_temp_files, write_atomically
from qwen3tts_webui.errors import EMPTY, InvalidFile, InvalidValue, UnknownVoice, at_most, num_characters
from qwen3tts_webui.voices.voice_file import (
    MAX_NAME,
    VOICE_FILE_EXTENSION,
    SavedVoice,
    clean_name,
    parse_voice,
    serialize_voice,
)

log = logging.getLogger(__name__)

MAX_VOICES = 1_000
_ID = re.compile(r"saved-[0-9a-f]{12}")


class SavedVoices:
    """The voices in `folder`. Safe to use from any thread.

    Methods raise `UnknownVoice` for an unknown id and `OSError` when the disk fails.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale_temp_files(folder)

    def save(self, voice: SavedVoice) -> SavedVoice:
        """Store a new voice and return it with its id. Raises `InvalidValue` for a field beyond the limits."""
        name = _checked_name(voice.name)
        if sum(1 for _ in self._files()) >= MAX_VOICES:
            expected = at_most(MAX_VOICES)
            raise InvalidValue(field="voices", expected=expected, got=MAX_VOICES + 1)
        new = replace(voice, name=name, id=f"saved-{secrets.token_hex(6)}", created=time.time())
        write_atomically(self._path(new.id), serialize_voice(new))
        return new

    def get(self, id: str) -> SavedVoice:
        """Return one voice."""
        return replace(parse_voice(self.export(id)), id=id)

    def list(self) -> list[SavedVoice]:
        """Return all voices, starred ones first, then newest first. Damaged files are skipped."""
        voices = []
        for path in self._files():
            try:
                voices.append(self.get(path.stem))
            except (InvalidFile, UnknownVoice) as error:
                log.warning("%s is skipped: %s", path.name, error)
        return sorted(voices, key=lambda voice: (not voice.starred, -voice.created, voice.id))

    def rename(self, id: str, name: str) -> SavedVoice:
        """Change the name of a voice and return it."""
        return self._write(replace(self.get(id), name=_checked_name(name)))

    def set_starred(self, id: str, starred: bool = True) -> SavedVoice:
        """Star or unstar a voice and return it."""
        return self._write(replace(self.get(id), starred=starred))

    def delete(self, id: str) -> None:
        """Delete a voice."""
        try:
            self._path(id).unlink()
        except FileNotFoundError:
            raise UnknownVoice(got=id) from None

    def export(self, id: str) -> bytes:
        """Return the file that `import_file` accepts."""
        try:
            return self._path(id).read_bytes()
        except FileNotFoundError:
            raise UnknownVoice(got=id) from None

    def import_file(self, data: bytes) -> SavedVoice:
        """Store the voice of an exported file under a new id. Raises `InvalidFile` for anything else.

        The returned voice has the lexicon of the file, which is not stored with the voice.
        """
        voice = parse_voice(data)
        return replace(self.save(replace(voice, starred=False, lexicon=())), lexicon=voice.lexicon)

    def _write(self, voice: SavedVoice) -> SavedVoice:
        write_atomically(self._path(voice.id), serialize_voice(voice))
        return voice

    def _path(self, id: str) -> Path:
        if not _ID.fullmatch(id):
            raise UnknownVoice(got="?")
        return self._folder / f"{id}.{VOICE_FILE_EXTENSION}"

    def _files(self) -> Iterator[Path]:
        return (path for path in self._folder.glob(f"*.{VOICE_FILE_EXTENSION}") if _ID.fullmatch(path.stem))


def _checked_name(name: str) -> str:
    cleaned = clean_name(name)
    if not cleaned:
        expected = num_characters(1, MAX_NAME)
        raise InvalidValue(field="name", expected=expected, got=EMPTY)
    return cleaned
