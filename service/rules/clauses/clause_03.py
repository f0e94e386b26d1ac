"""Clause 3: special requests the provider need not execute."""

TITLE = "Special requirements"
DOES = "A refusal on the ground `special_request` refunds everything; `clause_02.py` weighs all refusals together."
SEE = ("clauses.clause_02",)
