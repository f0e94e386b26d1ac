"""Connections to Kafka: one set of settings and one source of tokens for every client library."""
