"""What this machine has, what is wrong with it, and one thing to do about it. No torch is imported.

    check(look(settings, store)) -> [Line(topic, level, key, params)]

facts.py reads the machine, checks.py judges; the sentences are in the catalog, under each line's key.
"""

from qwen3tts_webui.doctor.checks import Level, Line, check, told
from qwen3tts_webui.doctor.facts import Facts, GpuFacts, look, room

__all__ = ["Facts", "GpuFacts", "Level", "Line", "check", "look", "room", "told"]
