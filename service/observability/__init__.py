"""What an operator sees of the service: logs (metrics, lag, health and traces join them here)."""
