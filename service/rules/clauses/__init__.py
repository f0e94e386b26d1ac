"""The clauses of the agreement, one module each, found by `registry.py`."""
