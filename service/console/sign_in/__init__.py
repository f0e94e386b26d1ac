"""How people and programs sign in: by the identity provider, by a proxy's signed assertion, or by a one-time link."""
