"""Kafka in: one batch subscriber on the event topics, decoding, and what happens when a batch can't be
stored.
"""
