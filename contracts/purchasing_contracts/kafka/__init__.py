"""How a client gets into Kafka: one set of settings and one source of tokens, whichever client library connects."""
