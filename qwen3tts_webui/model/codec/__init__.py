"""The streaming codec: state, layers, decoder and encoder."""
