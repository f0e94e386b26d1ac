"""Hypothesis without a time limit on an example: how long one takes says more of the machine than of the codec."""

from hypothesis import settings

settings.register_profile("purchasing", deadline=None)
settings.load_profile("purchasing")
