"""Safetensors files into modules."""
