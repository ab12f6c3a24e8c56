"""The published stage: by which rule each layer leaves (`.yaml`), and what is worked out of what has left (`.py`)."""
