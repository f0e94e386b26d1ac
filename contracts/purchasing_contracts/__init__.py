"""The messages of the overseas purchasing service."""
