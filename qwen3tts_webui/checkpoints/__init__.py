"""Model checkpoints: catalog, local storage, memory estimates and downloads. Needs neither torch nor a web framework.

    LocalStore(folder).find("auto") -> Path | None
    download(store, source_for("hf"), DEFAULT_MODEL.id, ProgressTracker(...), CancelToken(...)) -> Path

catalog.py lists the released checkpoints, memory_estimate.py says what they need, integrity.py whether a folder is
complete, local_store.py where it is stored. sources/ has the hubs and local folders. file_download.py downloads one
file, download.py a whole model, background_download.py in a thread; installer.py activates the result,
model_switch.py replaces the active engine.
"""

from qwen3tts_webui.checkpoints.catalog import CATALOG, DEFAULT_MODEL, CatalogModel, find_in_catalog, is_model_id
from qwen3tts_webui.checkpoints.download import MIRRORS, download, free_disk_bytes, source_for
from qwen3tts_webui.checkpoints.file_download import CancelToken, RetryPolicy
from qwen3tts_webui.checkpoints.installer import EngineStart, ModelInstaller, ModelsOverview, ModelState
from qwen3tts_webui.checkpoints.integrity import check_checkpoint
from qwen3tts_webui.checkpoints.local_store import LocalStore, default_models_folder, display_name, verify_checkpoint
from qwen3tts_webui.checkpoints.memory_estimate import (
    MemoryBudget,
    MemoryEstimate,
    ParameterCounts,
    estimate_memory,
    memory_by_purpose,
)
from qwen3tts_webui.checkpoints.model_switch import ModelSwitch, StartEngine, StartingEngine
from qwen3tts_webui.checkpoints.progress import DownloadProgress, ProgressTracker
from qwen3tts_webui.checkpoints.sources import LocalFolder, Source
from qwen3tts_webui.checkpoints.speed_meter import SpeedMeter, bench_speed

__all__ = [
    "CATALOG",
    "DEFAULT_MODEL",
    "MIRRORS",
    "CancelToken",
    "CatalogModel",
    "DownloadProgress",
    "EngineStart",
    "LocalFolder",
    "LocalStore",
    "MemoryBudget",
    "MemoryEstimate",
    "ModelInstaller",
    "ModelState",
    "ModelSwitch",
    "ModelsOverview",
    "ParameterCounts",
    "ProgressTracker",
    "RetryPolicy",
    "Source",
    "SpeedMeter",
    "StartEngine",
    "StartingEngine",
    "bench_speed",
    "check_checkpoint",
    "default_models_folder",
    "display_name",
    "download",
    "estimate_memory",
    "find_in_catalog",
    "free_disk_bytes",
    "is_model_id",
    "memory_by_purpose",
    "source_for",
    "verify_checkpoint",
]
