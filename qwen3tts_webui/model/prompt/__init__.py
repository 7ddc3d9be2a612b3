"""Text to token ids, and the exact prompt layout. No torch."""
