# syntax=docker/dockerfile:1
# Two targets: `docker build --target cuda -t qwen3tts-webui .` (NVIDIA GPU) and `--target cpu`.
# What changes rarely comes first: Python, torch, the packages, the program. CUDA comes inside torch's wheels.

FROM python:3.12-slim AS base
ENV PIP_CACHE_DIR=/root/.cache/pip \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    XDG_CACHE_HOME=/tmp/cache \
    MPLCONFIGDIR=/tmp/matplotlib \
    GRADIO_TEMP_DIR=/tmp/gradio \
    HF_HOME=/models/hub \
    QWEN3TTS_OUTPUTS=/app/outputs \
    QWEN3TTS_MODELS=/models
WORKDIR /app
# Only /tmp, /models and outputs are written to: the root file system may be read-only.
RUN useradd --uid 1000 --no-create-home --home-dir /tmp speaker \
    && install --directory --owner=speaker --group=speaker outputs /models

FROM base AS torch-cpu
ARG TORCH_VERSION=2.13.0
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install "torch==${TORCH_VERSION}+cpu" --extra-index-url https://download.pytorch.org/whl/cpu

# On Linux the registry's own build is the one for CUDA 13 (driver 580 or newer).
# Triton, which comes with it, compiles its kernels on the machine at hand, and wants a C compiler for what calls them.
FROM base AS torch-cuda
ARG TORCH_VERSION=2.13.0
# hadolint ignore=DL3008  # any gcc of this Debian will do
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install "torch==${TORCH_VERSION}"

# The wheel, built once for both targets.
FROM base AS wheel
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY assets assets
COPY qwen3tts_webui qwen3tts_webui
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --no-deps --wheel-dir /wheels .

# The packages that the program needs: this layer changes only when pyproject.toml or constraints.txt do.
FROM torch-cpu AS packages-cpu
COPY pyproject.toml constraints.txt docker/requirements.py ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python requirements.py pyproject.toml preview > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt

FROM torch-cuda AS packages-cuda
COPY pyproject.toml constraints.txt docker/requirements.py ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python requirements.py pyproject.toml preview > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt

FROM packages-cpu AS cpu
COPY docker/start.sh docker/healthcheck.py ./
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-deps /wheels/*.whl
USER 1000:1000
VOLUME ["/app/outputs", "/models"]
EXPOSE 7860
HEALTHCHECK --interval=10s --timeout=5s --start-period=180s --retries=3 CMD ["python", "/app/healthcheck.py"]
ENTRYPOINT ["/bin/sh", "/app/start.sh"]

FROM packages-cuda AS cuda
COPY docker/start.sh docker/healthcheck.py ./
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-deps /wheels/*.whl
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 1000:1000
VOLUME ["/app/outputs", "/models"]
EXPOSE 7860
HEALTHCHECK --interval=10s --timeout=5s --start-period=180s --retries=3 CMD ["python", "/app/healthcheck.py"]
ENTRYPOINT ["/bin/sh", "/app/start.sh"]
