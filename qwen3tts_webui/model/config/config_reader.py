"""Read config.json strictly: each method returns a value of the right type or raises, naming the file and the key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from qwen3tts_webui.errors import NO_FOLDER, NO_OBJECT, UNREADABLE, CheckpointError, ErrorDetail, invalid_json

T = TypeVar("T", int, float)


@dataclass(frozen=True, slots=True)
class Section:
    """One JSON object of a config file, and its path in that file, for error messages."""

    content: Mapping[str, Any]
    file: Path
    path: str = ""

    def error(self, key: str, problem: str) -> CheckpointError:
        """An exception that names the file and the full path of `key`."""
        return CheckpointError(file=self.file, key=f"{self.path}{key}", problem=problem)

    def value(self, key: str) -> Any:
        if key not in self.content:
            raise self.error(key, ErrorDetail("no_key", "the key is missing"))
        return self.content[key]

    def section(self, key: str) -> Section:
        content = self.content.get(key)
        if not isinstance(content, Mapping):
            raise self.error(key, "the section is missing")
        return Section(content, self.file, f"{self.path}{key}.")

    def optional_section(self, key: str) -> Section:
        """The section, or an empty one if it is missing or null."""
        return self.section(key) if self.content.get(key) is not None else Section({}, self.file, f"{self.path}{key}.")

    def size(self, key: str, kind: type[T]) -> T:
        """A positive number."""
        value = self.value(key)
        if not isinstance(value, (int, kind)) or isinstance(value, bool) or value <= 0:
            raise self.error(key, f"must be positive, not {value!r}")
        return kind(value)

    def id(self, key: str, limit: int) -> int:
        """An id in [0, limit)."""
        value = self.value(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
            raise self.error(key, f"must be an id below {limit}, not {value!r}")
        return value

    def all_ids(self, limit: int) -> dict[str, int]:
        """Every entry of this section: lower-case name -> id."""
        return {name.lower(): self.id(name, limit) for name in self.content}

    def factors(self, key: str) -> tuple[int, ...]:
        values = self.value(key)
        if not isinstance(values, list) or not all(isinstance(value, int) and value > 1 for value in values):
            raise self.error(key, f"must be a list of factors, not {values!r}")
        return tuple(values)

    def one_of(self, key: str, *allowed: object) -> Any:
        value = self.value(key)
        if value not in allowed:
            raise self.error(key, f"must be {' or '.join(map(repr, allowed))}, not {value!r}")
        return value


def read_config(folder: Path) -> Section:
    """Read config.json in `folder`. Raises CheckpointError."""
    if not folder.is_dir():
        raise CheckpointError(file=folder, key="", problem=NO_FOLDER)
    file = folder / "config.json"
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise CheckpointError(file=file, key="", problem=UNREADABLE) from error
    except ValueError as error:
        raise CheckpointError(file=file, key="", problem=invalid_json(error)) from error
    if not isinstance(content, Mapping):
        raise CheckpointError(file=file, key="", problem=NO_OBJECT)
    return Section(content, file)
