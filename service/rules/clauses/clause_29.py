"""Clause 29: dispute resolution. It moves no money."""

TITLE = "Dispute resolution"
DOES = "Disputes go to arbitration in Hangzhou; an award arrives as events like any other fact. No money moves."
TESTS = ("tests/rules/test_catalogue.py",)
