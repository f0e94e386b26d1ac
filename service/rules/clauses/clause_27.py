"""Clause 27: valid communication channels."""

TITLE = "Valid communication channels"
DOES = (
    "Notices are decisions, deemed delivered when published: the days of a payment demand run from there (22). "
    "What is demanded cites it."
)
TESTS = ("tests/rules/test_recovery_of_claims.py",)
