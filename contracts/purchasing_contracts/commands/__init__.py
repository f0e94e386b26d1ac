"""What the service commands: one module a topic."""
