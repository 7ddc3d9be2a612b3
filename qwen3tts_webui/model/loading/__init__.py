"""From a checkpoint folder to a model that is optimized for its device."""
