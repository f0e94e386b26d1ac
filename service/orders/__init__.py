"""An order's two journals, their folded state and cache, and the transaction that handles a batch of records.

from service.orders.engine import Engine
handled = await Engine(store, terms).handle(records)
"""
