"""Input from Kafka: one batch subscriber on the event topics, decoding, and retries if a batch can't be stored."""
