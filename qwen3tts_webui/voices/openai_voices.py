"""The voice names of OpenAI's speech API, which many clients offer, and descriptions that they stand for here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

OPENAI_VOICES: Mapping[str, str] = MappingProxyType(
    {
        "alloy": "A woman of about 30, medium pitch, clear and neutral, at a steady pace, like a product guide.",
        "ash": "A man of about 35, medium-low pitch, clear and precise, relaxed but awake, like a good teacher.",
        "ballad": "A man of about 40, medium pitch, mellow and lyrical, unhurried, like a reader of poems.",
        "cedar": "A man of about 45, low pitch, warm and rich, calm and natural, like an old friend.",
        "coral": "A woman of about 28, medium-high pitch, warm and friendly, lively, like a welcoming host.",
        "echo": "A man of about 30, medium pitch, smooth and even, calm, like a navigation assistant.",
        "fable": "A British man of about 35, medium pitch, bright and expressive, like a teller of tales.",
        "marin": "A woman of about 35, medium pitch, natural and smooth, attentive, like a conversation partner.",
        "nova": "A woman of about 24, high pitch, bright and crisp, energetic, like a presenter of a young channel.",
        "onyx": "A man of about 50, very low pitch, deep and resonant, slow and sure, like a film trailer at rest.",
        "sage": "A woman of about 50, medium-low pitch, soft and thoughtful, unhurried, like a wise counsellor.",
        "shimmer": "A woman of about 26, high pitch, light and clear, gentle and optimistic, like a morning show.",
        "verse": "A man of about 28, medium pitch, versatile and lively, with feeling, like a stage actor.",
    }
)
"""The descriptions that OpenAI's voice names stand for: a similar character, not an imitation of OpenAI's voices."""
