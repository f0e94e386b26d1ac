"""The agreement as code: facts in, entitlements out, differences published.

Pure: nothing in here does IO, reads a clock or draws a random number; the standard library and the plain values of
`purchasing_contracts` are all it imports. `decide.py` is the entry. It reads the facts (`order_view.py`), goes through
them in the order in which they happened (`timeline.py`), says what everybody is entitled to (`assess.py`,
`settlement.py`, `chargebacks.py`), and commands what was not commanded yet (`reconcile.py`, `decisions.py`) by what the
ledger of outputs says (`ledger.py`). `clauses/clause_NN.py` holds what clause NN adds, found by discovery
(`registry.py`); what several clauses need has a file without a number, and none of those imports a clause.
"""
