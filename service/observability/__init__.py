"""What an operator sees of the service: metrics, lag, health, logs and traces."""
