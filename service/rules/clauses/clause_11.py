"""Clause 11: non-responsibility for storage and transportation. It moves no money."""

TITLE = "Non-responsibility for storage and transportation"
DOES = (
    "Storage and international transport are the logistics provider's; costs they cause arrive as events (12(4)). "
    "No money moves."
)
TESTS = ("tests/rules/clauses/test_clause_12.py",)
