"""The talker and the code predictor."""
