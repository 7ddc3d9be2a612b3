"""Triton kernels for CUDA devices, each with an equivalent in plain torch and compared with it at startup."""
