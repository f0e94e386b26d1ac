"""Quarantined records, and what people do about them: replay, drop, erase."""
