"""Clause 10: the service fee is a rate of what the seller actually charges. `settlement.py` computes it (R6)."""

TITLE = "Service fee: 0.1 % of the seller's actual price"
DOES = (
    "The fee is `service_fee_rate` of goods and to-warehouse shipping as charged, plus a part of the quoted fee for "
    "what is still to be bought, rounded half up and never above the quoted fee. The rest is refunded."
)
SEE = ("settlement", "money")
TESTS = ("tests/rules/clauses/test_clause_10.py",)
