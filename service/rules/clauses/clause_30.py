"""Clause 30: agreement on terms. It moves no money."""

TITLE = "Agreement on terms"
DOES = "Words mean what they mean in the platform's main agreement; the contracts' glossary follows it. No money moves."
TESTS = ("tests/rules/test_catalogue.py",)
