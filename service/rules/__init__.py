"""The agreement as code: from facts to entitlements, and from there to the outputs that are still missing.

Pure: no module here does IO, reads a clock or draws a random number. They import only the standard library and the
plain values of `purchasing_contracts`.

`decide.py` is the entry. It reads the facts (`order_view.py`), applies them in the order in which they happened
(`timeline.py`), computes entitlements (`assess.py`, `settlement.py`, `chargebacks.py`), and compares them with the
ledger of outputs (`ledger.py`) to find the commands and decisions to publish (`reconcile.py`, `decisions.py`).

`clauses/clause_NN.py` holds the rules of clause NN and is found by discovery (`registry.py`). Code that several clauses
need is in a file without a number; none of these files imports a clause.
"""
