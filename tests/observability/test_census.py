"""How much money orders wait for, as the database sums it, held against the decisions that the engine returned."""

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import zip_longest

import asyncpg
from purchasing_contracts.envelope import decode

from service.observability.database_figures import WaitingOrders, census
from service.orders.awaiting import STANDING, WAITS
from service.orders.engine import Engine
from service.orders.inbound_record import InboundRecord
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms
from tests.delivery.outside import order_id, renamed, topic_for
from tests.golden import cases
from tests.orders.published import event_of


def inbound_record(event: dict) -> InboundRecord:
    topic, key, value = topic_for(event), event["subject"].encode(), json.dumps(event).encode()
    return InboundRecord(topic, 0, 0, key, value, (), decode(topic, key, value, ()))


async def test_it_sums_the_money_of_the_last_decision_on_each_line_and_ref(database):
    # Of each example the n-th event in one batch, so that decisions replace one another; each as far as each of its
    # events, as the last ones end what is waited for.
    stories = [renamed(case.events[: n + 1], order_id()) for case in cases() for n in range(len(case.events))]
    store = await PostgresStore.open(database)
    engine = Engine(store, FixedTerms(TERMS_OF_THE_AGREEMENT))
    standing = {}
    for events in zip_longest(*stories):
        handled = await engine.handle([inbound_record(event) for event in events if event])
        for _, output in handled.outputs:
            if output.topic == "purchasing.decisions.v1":
                data = event_of(output)["data"]
                standing[data["order_id"], data["kind"], data["ref"]] = data
    await store.close()

    money = {what: Counter() for what in WAITS}
    for data in standing.values():
        what = STANDING.get((data["kind"], data["outcome"]))
        if what and "amount" in data:
            money[what][data["amount"]["currency"]] += data["amount"]["value"]
    assert money["withheld"]
    assert money["payment"]

    connection = await asyncpg.connect(database)
    counted = await census(connection)
    await connection.close()
    assert {what: waiting.amounts for what, waiting in counted.items()} == money


async def test_it_counts_over_currencies_and_what_has_no_amount(database):
    waits = [
        {"payment": {"since": 3_000_000, "amount": 5, "currency": "EUR"}, "seller_answer": {"since": 4_000_000}},
        {"payment": {"since": 2_000_000, "amount": 7, "currency": "CNY"}},
        {"payment": {"since": 9_000_000, "amount": 1, "currency": "CNY"}},
        {"payment": {"since": 1_000_000}},
    ]
    connection = await asyncpg.connect(database)
    for n, wait in enumerate(waits):
        await connection.execute(
            "insert into orders (order_id, lane, waits) values ($1, 0, $2)", f"o-{n}", json.dumps(wait)
        )
    counted = await census(connection)
    await connection.close()
    assert counted["payment"] == WaitingOrders(4, datetime.fromtimestamp(1, UTC), {"EUR": 5, "CNY": 8})
    assert counted["seller_answer"] == WaitingOrders(1, datetime.fromtimestamp(4, UTC), {})
