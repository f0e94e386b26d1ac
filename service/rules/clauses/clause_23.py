"""Clause 23: data ownership. It moves no money."""

TITLE = "Data ownership"
DOES = (
    "Private members never leave: they are masked before the rules see a fact, stored apart, and can be erased. "
    "No money moves."
)
TESTS = ("tests/orders/test_private_members.py",)
