"""What the service consumes: one module a topic."""
