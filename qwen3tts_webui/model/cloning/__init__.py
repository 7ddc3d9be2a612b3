"""Encoders of reference recordings, for voice cloning."""
