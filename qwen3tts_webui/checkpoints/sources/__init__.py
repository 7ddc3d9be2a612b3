"""Where checkpoints come from: Hugging Face, ModelScope, their mirrors, or a local folder."""

from qwen3tts_webui.checkpoints.sources.base import ByteStream, Checksum, Listing, RemoteFile, Source, TransientError
from qwen3tts_webui.checkpoints.sources.huggingface import HuggingFace
from qwen3tts_webui.checkpoints.sources.local import LocalFolder
from qwen3tts_webui.checkpoints.sources.modelscope import ModelScope

__all__ = [
    "ByteStream",
    "Checksum",
    "HuggingFace",
    "Listing",
    "LocalFolder",
    "ModelScope",
    "RemoteFile",
    "Source",
    "TransientError",
]
