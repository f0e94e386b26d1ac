"""One order's story: its two journals, its folded state and cache, and the transaction that takes a batch of news in.

from service.orders.engine import Engine
handled = await Engine(store, terms).handle(records)
"""
