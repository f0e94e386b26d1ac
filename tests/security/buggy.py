"""The service with bugs: its rules raise for some orders, and its first batch is refused for a moment, each time with
all that was at hand in the error's text."""

import sys

import asyncpg

from service.cli import main
from service.orders import unit_of_work
from service.orders.engine import Engine
from service.store.errors import StoreUnavailableError

decide = unit_of_work.decide
handle = Engine.handle
refused = []


def raising(order_id, facts, *rest):
    if "bug" in order_id:
        raise ValueError(f"{order_id}: {facts!r} {rest!r}")
    return decide(order_id, facts, *rest)


async def refusing(engine, inbound_records, *rest):
    if inbound_records and not refused:
        refused.append(len(inbound_records))
        raise StoreUnavailableError("try again") from asyncpg.DataError(f"{inbound_records!r}")
    return await handle(engine, inbound_records, *rest)


if __name__ == "__main__":
    unit_of_work.decide = raising
    Engine.handle = refusing
    sys.exit(main(sys.argv[1:]))
