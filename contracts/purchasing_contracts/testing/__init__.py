"""Tools for the tests of teams that read our topics: example commands, a stream that delivers them as Kafka may, and a
stand-in of the service. pytest fixtures are in `plugin`; all of it works without pytest too.
"""
