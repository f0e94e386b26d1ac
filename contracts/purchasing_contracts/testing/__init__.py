"""For the tests of teams that read our topics: example commands, a stream that delivers them as Kafka may, and a
stand-in of the service. As pytest fixtures in `plugin`; usable without pytest as well.
"""
