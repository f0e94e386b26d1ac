"""Clause 28: applicable law. It moves no money."""

TITLE = "Applicable law"
DOES = "The law of Mainland China applies to the agreement; nothing to compute. No money moves."
TESTS = ("tests/test_catalogue.py",)
