"""The weights: which there are, where they lie, whether they fit, and how they come here. No torch, no web.

    Store(folder).find("auto") -> Path | None
    download(store, mirror("hf"), DEFAULT.id, Meter(...), Stop(...)) -> Path

known.py names the released checkpoints, needs.py says what they need, checkpoint.py whether a folder is whole, store.py
where it lies. source.py is what a mirror or a USB stick can do (huggingface.py, modelscope.py, folder.py), transfer.py
brings one file, download.py all of them, background.py in a thread.
"""

from qwen3tts_webui.models.download import MIRRORS, download, free_bytes, mirror
from qwen3tts_webui.models.folder import Folder
from qwen3tts_webui.models.known import DEFAULT, KNOWN, KnownModel, known
from qwen3tts_webui.models.meter import Meter, Progress
from qwen3tts_webui.models.needs import Fit, Room, fit
from qwen3tts_webui.models.store import Store, default_folder
from qwen3tts_webui.models.transfer import Patience, Stop

__all__ = [
    "DEFAULT",
    "KNOWN",
    "MIRRORS",
    "Fit",
    "Folder",
    "KnownModel",
    "Meter",
    "Patience",
    "Progress",
    "Room",
    "Stop",
    "Store",
    "default_folder",
    "download",
    "fit",
    "free_bytes",
    "known",
    "mirror",
]
