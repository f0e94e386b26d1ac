"""The clauses of the agreement, a module each: found by `registry.py`, named nowhere."""
