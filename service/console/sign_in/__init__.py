"""Signing in of people and programs: by the identity provider, by a proxy's signed assertion, or by a one-time link."""
