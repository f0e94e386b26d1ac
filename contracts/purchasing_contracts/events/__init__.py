"""The events that the service reads, one module per topic."""
