"""Clause 20: optional participation by the platform. It moves no money."""

TITLE = "Optional participation by the platform"
DOES = (
    "The platform may decide a dispute; what it finds arrives as `provider_fault_found` and is compensated under "
    "24. No money moves by this clause alone."
)
TESTS = ("tests/rules/clauses/test_clause_24.py",)
