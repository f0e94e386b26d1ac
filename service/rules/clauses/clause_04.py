"""Clause 4: information inquiry. It moves no money."""

TITLE = "Information inquiry"
DOES = "Who the provider is can be asked for on the platform; every message names it as `provider_id`. No money moves."
TESTS = ("tests/contracts/test_messages_as_specified.py",)
