"""Settings, with the precedence defaults < environment (`QWEN3TTS_...`) < flags. Built once, in the CLI, and passed on.

Also `asset(name)`, the only place that knows where the assets are stored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MAX_DESCRIPTION = 2_048

_PACKAGE = Path(__file__).resolve().parent


def asset(name: str) -> Path:
    """Return the path of `name` below assets/: inside an installed wheel, or next to the package in a checkout."""
    inside = _PACKAGE / "assets"
    return (inside if inside.is_dir() else _PACKAGE.parent / "assets") / name


class Settings(BaseSettings):
    """What users can set before the program starts; every field is also `QWEN3TTS_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="QWEN3TTS_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65_535)
    browser: bool = True
    model: str = "auto"
    also_load: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="further installed models to load in addition to `model`"
    )
    preview: bool = False
    models: Path | None = Field(default=None, description="where models are stored; None: this user's data folder")
    mirror: str = "hf"
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"] = "auto"
    outputs: Path = Path("outputs")
    outputs_network: bool = Field(default=False, description="`outputs` is a network share that several machines use")
    lexicon: Path | None = Field(
        default=None, description="CSV file of pronunciations; None: `lexicon.csv` in `outputs`"
    )
    recognizer: str = Field(
        default="auto",
        description="speech recognition for transcripts of recordings: auto (what is installed), off, or a folder",
    )
    page_language: Literal["auto", "en", "zh"] = "auto"
    max_text: int = Field(default=20_000, ge=1)
    queue_size: int = Field(default=64, ge=0)
    slots: int = Field(default=0, ge=0, description="utterances synthesized at once; 0 = what the device can take")
    idle_unload: float = Field(
        default=0, ge=0, description="minutes without requests after which the model's memory is freed; 0: never"
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="host names of the server, in addition to those of this machine"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="origins, such as https://example.org, that may call the API from a browser"
    )
    api_keys_file: Path | None = Field(
        default=None, description="file of hashed API keys; if it exists, every request needs a key"
    )
    strict_openai: bool = Field(
        default=False, description="reject on /v1 what is otherwise ignored or replaced with a warning"
    )
    rate_limit: str = Field(
        default="1200/minute", description="requests per client, in the syntax of the limits library"
    )
    client_streams: int = Field(default=128, ge=1, description="requests of one client that are synthesized at once")
    client_timeout_s: float = Field(default=20.0, gt=0, description="longest silence of a client, in seconds")
    websocket_max_s: float = Field(default=14_400.0, gt=0, description="longest life of a WebSocket, in seconds")
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("also_load", "allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _parse_list(cls, value: object) -> object:
        """Parse the list form of the environment: `a.example, b.example`."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
