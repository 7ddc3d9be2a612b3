"""Qwen3-TTS for many listeners: one device, and one thread that owns it.

    engine = start_engine("Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign")     # loads in the background
    engine.submit([(utterance, sink)])

scheduler.py decides the next step without torch, core.py is the loop, packets.py passes audio to the listeners,
sequence.py is the state of an utterance. The model runs in model_runner.py, on a GPU in cuda_graph_runner.py (with
capture.py and host_transfer.py). engine.py is the thread around the core, factory.py and device.py choose what fits the
machine. Names are imported on first use: the GPU monitor needs no torch.
"""

from typing import TYPE_CHECKING

from qwen3tts_webui.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from qwen3tts_webui.engine.capture import CodecStream, CudaCapture
    from qwen3tts_webui.engine.cuda_graph_runner import CudaGraphRunner, GraphShape
    from qwen3tts_webui.engine.device import probe_hardware
    from qwen3tts_webui.engine.engine import Engine
    from qwen3tts_webui.engine.factory import configure_cuda, start_engine, start_engine_with
    from qwen3tts_webui.engine.gpu_monitor import GpuMonitor, GpuSample, visible_gpu
    from qwen3tts_webui.engine.host_transfer import CudaTimer
    from qwen3tts_webui.engine.model_runner import ModelRunner, SlotAssignment
    from qwen3tts_webui.engine.sizing import KV_LENGTH, CpuPlan, plan_on_cpu

__all__ = [
    "KV_LENGTH",
    "CodecStream",
    "CpuPlan",
    "CudaCapture",
    "CudaGraphRunner",
    "CudaTimer",
    "Engine",
    "GpuMonitor",
    "GpuSample",
    "GraphShape",
    "ModelRunner",
    "SlotAssignment",
    "configure_cuda",
    "plan_on_cpu",
    "probe_hardware",
    "start_engine",
    "start_engine_with",
    "visible_gpu",
]

_EXPORTS = {
    "capture": (
        "CodecStream",
        "CudaCapture",
    ),
    "cuda_graph_runner": (
        "CudaGraphRunner",
        "GraphShape",
    ),
    "device": ("probe_hardware",),
    "engine": ("Engine",),
    "factory": (
        "configure_cuda",
        "start_engine",
        "start_engine_with",
    ),
    "gpu_monitor": (
        "GpuMonitor",
        "GpuSample",
        "visible_gpu",
    ),
    "host_transfer": ("CudaTimer",),
    "model_runner": (
        "ModelRunner",
        "SlotAssignment",
    ),
    "sizing": (
        "KV_LENGTH",
        "CpuPlan",
        "plan_on_cpu",
    ),
}

__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
