"""Settings: defaults < environment (`QWEN3TTS_...`) < flags. Built once, in the CLI, and handed on.

Also `asset(name)`, the only place that knows where the assets lie.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MAX_DESCRIPTION = 2_048

_PACKAGE = Path(__file__).resolve().parent


def asset(name: str) -> Path:
    """The path of `name` below assets/: inside an installed wheel, or beside the package in a checkout."""
    inside = _PACKAGE / "assets"
    return (inside if inside.is_dir() else _PACKAGE.parent / "assets") / name


class Settings(BaseSettings):
    """What a person can decide before the program starts; every field is also `QWEN3TTS_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="QWEN3TTS_", frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65_535)
    browser: bool = True
    model: str = "auto"
    preview: bool = False
    models: Path | None = Field(default=None, description="where models lie; None: this user's data folder")
    mirror: str = "hf"
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16", "int8", "int4"] = "auto"
    outputs: Path = Path("outputs")
    outputs_network: bool = Field(default=False, description="`outputs` is a network share that several machines use")
    page_language: Literal["auto", "en", "zh"] = "auto"
    max_text: int = Field(default=20_000, ge=1)
    queue_size: int = Field(default=64, ge=0)
    slots: int = Field(default=0, ge=0, description="utterances spoken at once; 0 = as many as the device carries")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="host names, besides those of this machine, under which the server may be called"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="websites, such as https://example.org, whose scripts may call the API"
    )
    api_keys_file: Path | None = Field(
        default=None, description="hashed API keys; where there is such a file, all need one"
    )
    rate_limit: str = Field(default="1200/minute", description="requests to speak, a client; as the limits library")
    client_streams: int = Field(default=128, ge=1, description="requests of one client that are spoken at once")
    client_timeout_s: float = Field(default=20.0, gt=0, description="how long a client may neither send nor read")
    websocket_max_s: float = Field(default=14_400.0, gt=0, description="how long one WebSocket may stay open")
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """In the environment a list is one line: `a.example, b.example`."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
