"""Clause 20: optional participation by the platform. It moves no money."""

TITLE = "Optional participation by the platform"
DOES = (
    "The platform may decide a dispute. Its finding arrives as `provider_fault_found` and is compensated under 24. "
    "This clause alone moves no money."
)
TESTS = ("tests/rules/clauses/test_clause_24.py",)
