"""From text to the symbols that Kokoro was trained on, one reader a language."""
