"""Operators' repairs when Kafka and the database contradict each other: verify, recover, adopt."""
