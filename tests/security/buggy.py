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


async def refusing(engine, arrivals, *rest):
    if arrivals and not refused:
        refused.append(len(arrivals))
        raise StoreUnavailableError("try again") from asyncpg.DataError(f"{arrivals!r}")
    return await handle(engine, arrivals, *rest)


if __name__ == "__main__":
    unit_of_work.decide = raising
    Engine.handle = refusing
    sys.exit(main(sys.argv[1:]))
