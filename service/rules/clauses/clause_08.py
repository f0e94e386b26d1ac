"""Clause 8: service commitment. It moves no money."""

TITLE = "Service commitment"
DOES = (
    "The provider's duties towards seller and logistics happen outside; what comes of them arrives as events. No "
    "money moves."
)
TESTS = ("tests/test_catalogue.py",)
