"""Clause 27: valid communication channels."""

TITLE = "Valid communication channels"
DOES = (
    "Notices are decisions, and count as delivered when they are published: the period of a payment demand starts "
    "then (22). A demand cites this clause."
)
TESTS = ("tests/rules/test_recovery_of_claims.py",)
