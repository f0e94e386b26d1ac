"""A worker: the only place that joins the real components (`bootstrap.py`)."""
