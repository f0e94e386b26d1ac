"""Clause 26: consultation. It moves no money."""

TITLE = "Consultation"
DOES = "Questions go to the purchasing personnel; each decision carries words they can read out. No money moves."
TESTS = ("tests/rules/test_catalogue.py",)
