"""Text: from raw input to segments that an engine can synthesize. Needs neither torch nor a web framework."""

from qwen3tts_webui.text.analysis import LineAnalysis, TextAnalysis, analyze_text
from qwen3tts_webui.text.clean import clean_description, clean_line, clean_text, has_speech, split_lines
from qwen3tts_webui.text.description_parser import (
    DIMENSIONS,
    Dimension,
    Trait,
    Traits,
    missing_dimensions,
    parse_description,
    trait_vocabulary,
)
from qwen3tts_webui.text.duration import (
    SPEECH_UNITS_PER_SECOND,
    estimate_duration_s,
    speech_units,
)
from qwen3tts_webui.text.inline_tags import (
    DEFAULT_PAUSE_S,
    MAX_PAUSE_S,
    MAX_SPEED,
    MIN_SPEED,
    EdgeTags,
    InlineTag,
    TaggedText,
    find_edge_tags,
    parse_tag,
    split_tags,
)
from qwen3tts_webui.text.language import AUTO, LANGUAGES, Language, detect_language, parse_language
from qwen3tts_webui.text.segment import MAX_SPEECH_UNITS, split_growing_clauses, split_segments, split_to_length
from qwen3tts_webui.text.sentence_splitter import split_clauses, split_sentences
from qwen3tts_webui.text.streaming_cleaner import StreamingCleaner
from qwen3tts_webui.text.streaming_tags import StreamingTagParser, TagEvent

__all__ = [
    "AUTO",
    "DEFAULT_PAUSE_S",
    "DIMENSIONS",
    "LANGUAGES",
    "MAX_PAUSE_S",
    "MAX_SPEECH_UNITS",
    "MAX_SPEED",
    "MIN_SPEED",
    "SPEECH_UNITS_PER_SECOND",
    "Dimension",
    "EdgeTags",
    "InlineTag",
    "Language",
    "LineAnalysis",
    "StreamingCleaner",
    "StreamingTagParser",
    "TagEvent",
    "TaggedText",
    "TextAnalysis",
    "Trait",
    "Traits",
    "analyze_text",
    "clean_description",
    "clean_line",
    "clean_text",
    "detect_language",
    "estimate_duration_s",
    "find_edge_tags",
    "has_speech",
    "missing_dimensions",
    "parse_description",
    "parse_language",
    "parse_tag",
    "speech_units",
    "split_clauses",
    "split_growing_clauses",
    "split_lines",
    "split_segments",
    "split_sentences",
    "split_tags",
    "split_to_length",
    "trait_vocabulary",
]
