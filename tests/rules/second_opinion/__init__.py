"""The rules, version 2.1, a second time: written from the text alone, to be held against the product.

Plain Python on JSON, integers only, everything computed anew for every event: slow, and easy to compare with the
text. `decide` (in `run.py`) is the entry; `python -m tests.rules.second_opinion` plays random histories through both.
"""
