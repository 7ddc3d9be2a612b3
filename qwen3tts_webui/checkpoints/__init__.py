"""The weights: which there are, where they lie, whether they fit, and how they come here. No torch, no web.

    Store(folder).find("auto") -> Path | None
    download(store, mirror("hf"), DEFAULT.id, Meter(...), Stop(...)) -> Path

known.py names the released checkpoints, needs.py says what they need, checkpoint.py whether a folder is whole, store.py
where it lies. source.py is what a mirror or a USB stick can do (huggingface.py, modelscope.py, folder.py), transfer.py
brings one file, download.py all of them, background.py in a thread.
"""

from qwen3tts_webui.checkpoints.catalog import CATALOG, DEFAULT_MODEL, CatalogModel, find_in_catalog
from qwen3tts_webui.checkpoints.download import MIRRORS, download, free_bytes, source_for
from qwen3tts_webui.checkpoints.file_download import CancelToken, RetryPolicy
from qwen3tts_webui.checkpoints.local_store import LocalStore, default_models_folder
from qwen3tts_webui.checkpoints.memory_estimate import MemoryBudget, MemoryEstimate, estimate_memory
from qwen3tts_webui.checkpoints.progress import DownloadProgress, ProgressTracker
from qwen3tts_webui.checkpoints.sources.local import LocalFolder

__all__ = [
    "DEFAULT_MODEL",
    "CATALOG",
    "MIRRORS",
    "MemoryEstimate",
    "LocalFolder",
    "CatalogModel",
    "ProgressTracker",
    "RetryPolicy",
    "DownloadProgress",
    "MemoryBudget",
    "CancelToken",
    "LocalStore",
    "default_models_folder",
    "download",
    "estimate_memory",
    "free_bytes",
    "find_in_catalog",
    "source_for",
]
