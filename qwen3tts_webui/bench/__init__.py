"""Benchmarks of latency, throughput and memory on the real engine, and of the real server under load.

In: flags. Out: a short table and, as the last line, JSON with device, dtype, versions and date. Runs without gradio.
"""
