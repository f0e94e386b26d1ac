"""Clause 28: applicable law. It moves no money."""

TITLE = "Applicable law"
DOES = (
    "The law of Mainland China applies to the agreement: periods of days are counted by the Civil Code (`calendar`). "
    "No money moves."
)
SEE = ("calendar",)
TESTS = ("tests/rules/test_calendar.py",)
