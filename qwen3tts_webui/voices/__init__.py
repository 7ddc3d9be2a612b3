"""Who speaks: presets, traits, and what people keep."""
