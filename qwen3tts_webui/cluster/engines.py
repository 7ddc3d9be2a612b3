"""The engines of one replica: all configured models, loaded before it takes requests. Does not need Ray."""

from __future__ import annotations

from functools import partial

from qwen3tts_webui.checkpoints import LocalStore, ModelSwitch
from qwen3tts_webui.cli.factory import choose_synthesizer, find_more_models, start_model
from qwen3tts_webui.config import Settings
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.readiness import wait_until_ready

_LOAD_TIMEOUT_S = 900.0  # the largest model on a slow disk, with its warm-up


def load_engines(settings: Settings, store: LocalStore) -> HotSwapSynthesizer:
    """Load the configured model and those in addition, one after another; blocks until all are ready.

    Raises the error of the first model that cannot be loaded.
    """
    more = find_more_models(settings, store)
    synthesizer = HotSwapSynthesizer(choose_synthesizer(settings, store))
    try:
        wait_until_ready(synthesizer.current, timeout_s=_LOAD_TIMEOUT_S)
        switch = ModelSwitch(synthesizer, partial(start_model, settings))
        for _, folder in more:
            switch.add(folder)
    except BaseException:
        synthesizer.close()
        raise
    return synthesizer
