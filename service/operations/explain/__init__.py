"""Explain the state of an order from its journals."""
