"""Text: from raw input to segments that an engine can synthesize. Needs neither torch nor a web framework."""

from qwen3tts_webui.text.analysis import LineAnalysis, TextAnalysis, analyze_text
from qwen3tts_webui.text.clean import clean_description, clean_line, clean_text, has_speech, split_lines
from qwen3tts_webui.text.description_parser import (
    DIMENSIONS,
    Dimension,
    Mention,
    Trait,
    Traits,
    find_mentions,
    missing_dimensions,
    parse_description,
    trait_swaps,
    trait_vocabulary,
)
from qwen3tts_webui.text.duration import (
    SPEECH_UNITS_PER_SECOND,
    estimate_duration_s,
    speech_units,
)
from qwen3tts_webui.text.foreign_languages import TELLING_CHARS, foreign_language
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
from qwen3tts_webui.text.lexicon import (
    MAX_ENTRIES,
    MAX_ENTRY_LENGTH,
    Lexicon,
    LexiconEntry,
    parse_csv,
    read_lexicon,
    write_csv,
)
from qwen3tts_webui.text.line_wrapping import is_hard_wrapped, join_wrapped_lines
from qwen3tts_webui.text.markup import DEFAULT_OPTIONS, MarkupOptions, strip_markup
from qwen3tts_webui.text.normalize import NormalizedText, StreamingNormalizer, normalize_text
from qwen3tts_webui.text.preparation import prepare_languages
from qwen3tts_webui.text.segment import MAX_SPEECH_UNITS, split_growing_clauses, split_segments, split_to_length
from qwen3tts_webui.text.sentence_splitter import split_clauses, split_sentences
from qwen3tts_webui.text.streaming_cleaner import StreamingCleaner
from qwen3tts_webui.text.streaming_markup import StreamingMarkup
from qwen3tts_webui.text.streaming_tags import StreamingTagParser, TagEvent
from qwen3tts_webui.text.unsupported_scripts import (
    StreamingScripts,
    UnsupportedText,
    find_unsupported,
    without_unsupported,
)

__all__ = [
    "AUTO",
    "DEFAULT_OPTIONS",
    "DEFAULT_PAUSE_S",
    "DIMENSIONS",
    "LANGUAGES",
    "MAX_ENTRIES",
    "MAX_ENTRY_LENGTH",
    "MAX_PAUSE_S",
    "MAX_SPEECH_UNITS",
    "MAX_SPEED",
    "MIN_SPEED",
    "SPEECH_UNITS_PER_SECOND",
    "TELLING_CHARS",
    "Dimension",
    "EdgeTags",
    "InlineTag",
    "Language",
    "Lexicon",
    "LexiconEntry",
    "LineAnalysis",
    "MarkupOptions",
    "Mention",
    "NormalizedText",
    "StreamingCleaner",
    "StreamingMarkup",
    "StreamingNormalizer",
    "StreamingScripts",
    "StreamingTagParser",
    "TagEvent",
    "TaggedText",
    "TextAnalysis",
    "Trait",
    "Traits",
    "UnsupportedText",
    "analyze_text",
    "clean_description",
    "clean_line",
    "clean_text",
    "detect_language",
    "estimate_duration_s",
    "find_edge_tags",
    "find_mentions",
    "find_unsupported",
    "foreign_language",
    "has_speech",
    "is_hard_wrapped",
    "join_wrapped_lines",
    "missing_dimensions",
    "normalize_text",
    "parse_csv",
    "parse_description",
    "parse_language",
    "parse_tag",
    "prepare_languages",
    "read_lexicon",
    "speech_units",
    "split_clauses",
    "split_growing_clauses",
    "split_lines",
    "split_segments",
    "split_sentences",
    "split_tags",
    "split_to_length",
    "strip_markup",
    "trait_swaps",
    "trait_vocabulary",
    "without_unsupported",
    "write_csv",
]
