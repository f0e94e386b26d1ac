"""The commands that the service publishes, one module per topic."""
