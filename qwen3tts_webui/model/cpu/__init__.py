"""Kernels, weight layouts and memory for CPUs."""
