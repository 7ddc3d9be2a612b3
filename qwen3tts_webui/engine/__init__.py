"""The in-process engine around the model: many listeners, one device, one thread that owns it."""
