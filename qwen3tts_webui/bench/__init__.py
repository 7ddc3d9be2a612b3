"""How fast, how many, how much memory: measured on the real engine, and under load on the real server.

In: flags. Out: a short table and, last, one JSON line with device, type, versions and date. Runs without gradio.
"""
