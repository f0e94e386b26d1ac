"""Signals of the service for operators: metrics, lag, health, logs and traces."""
