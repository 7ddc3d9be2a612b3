"""Sizes of the model, read from config.json. No torch."""
