"""The agreement as code: facts in, entitlements out, differences published.

Pure: nothing in here does IO, reads a clock or draws a random number; the standard library and the plain values of
`purchasing_contracts` are all it imports. `decide.py` is the entry; `clause_NN.py` holds clause NN, found by discovery
(`clauses.py`); everything no clause states, but the computation needs, has a file without a number.
"""
