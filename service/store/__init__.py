"""Storage: PostgreSQL for the service, memory for `simulate` and tests, behind one protocol (`protocol.py`)."""
