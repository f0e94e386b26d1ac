"""The demo: a few telling orders, played through a real Kafka and a real PostgreSQL."""
