"""Clause 25: part of the service agreement. It moves no money."""

TITLE = "Part of the service agreement"
DOES = (
    "Losses beyond what these rules settle are claimed between the parties; fault of the provider arrives as a "
    "finding (24). No money moves."
)
TESTS = ("tests/rules/test_clause_24.py",)
