"""The demo: a few orders, played through a real Kafka and a real PostgreSQL."""
