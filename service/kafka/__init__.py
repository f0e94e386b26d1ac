"""The way into Kafka: how every client of the service connects."""
