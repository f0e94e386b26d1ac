"""What is kept: PostgreSQL in the service, memory in `simulate` and in tests, behind one protocol (`protocol.py`)."""
