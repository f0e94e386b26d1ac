"""A worker: the only place where the real components are joined (`bootstrap.py`)."""
