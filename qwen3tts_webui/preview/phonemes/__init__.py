"""Convert text to the phoneme symbols that Kokoro was trained on, one module per language."""
