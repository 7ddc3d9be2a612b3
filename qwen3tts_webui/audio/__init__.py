"""Sound without a model: blocks, speed, loudness, files, subtitles, pictures. Knows nothing of voices or the web."""
