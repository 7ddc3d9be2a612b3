"""From a name to a `SpeechModel`: an engine for a checkpoint, or the embedded preview voice."""

from __future__ import annotations

from pathlib import Path

from qwen3tts_webui.api.speech_model import SpeechModel
from qwen3tts_webui.checkpoints import LocalStore, default_models_folder, display_name
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import DownloadError, ErrorDetail
from qwen3tts_webui.recognition import find_recognizer
from qwen3tts_webui.types import Synthesizer


def load_model(
    name: str | Path, *, device: str | None = None, dtype: str | None = None, slots: int | None = None
) -> SpeechModel:
    """Load a model with the defaults of the server; it loads in the background, and `generate` waits for it.

    `name` is the id of a downloaded model ("owner/name"), a checkpoint folder, "auto" (any installed model), or
    "preview" for the embedded preview voice. `device`, `dtype` and `slots` (utterances generated at once) are those of
    the command line; None takes the server's setting, "auto" unless the environment says otherwise.

    Raises `DownloadError` for a model that is not installed, `CheckpointError`, `InsufficientMemory`, and
    `InvalidValue` for the device, the dtype or the recognizer of the environment.
    """
    settings = Settings()
    if str(name) == "preview":
        from qwen3tts_webui.preview import PreviewSynthesizer

        return SpeechModel(PreviewSynthesizer(queue_size=settings.queue_size), max_text=settings.max_text)
    store = LocalStore((settings.models or default_models_folder()).expanduser().absolute())
    folder = store.find(str(name))
    if folder is None:
        raise DownloadError(what=name, reason=ErrorDetail("not_installed", "it is not installed on this machine"))
    engine = _start_engine(
        folder,
        device=settings.device if device is None else device,
        dtype=settings.dtype if dtype is None else dtype,
        slots=settings.slots if slots is None else slots,
        queue_size=settings.queue_size,
    )
    return SpeechModel(engine, max_text=settings.max_text, recognizer=find_recognizer(settings.recognizer))


def _start_engine(folder: Path, *, device: str, dtype: str, slots: int, queue_size: int) -> Synthesizer:
    from qwen3tts_webui.engine import start_engine  # imports torch

    return start_engine(
        folder, name=display_name(folder), device=device, dtype=dtype, slots=slots, queue_size=queue_size
    )
