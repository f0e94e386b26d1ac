"""The money that orders wait for, as the database sums it, compared with the decisions that the engine returned."""

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import zip_longest

import asyncpg
from purchasing_contracts.envelope import decode

from service.observability.database_figures import census
from service.orders.engine import Engine
from service.orders.inbound_record import InboundRecord
from service.rules.facts import micros
from service.rules.terms import TERMS_OF_THE_AGREEMENT
from service.rules.waits import WAIT_KINDS
from service.store.postgres import PostgresStore
from service.terms.source import FixedTerms
from tests.delivery.outside import order_id, renamed, topic_for
from tests.golden import cases
from tests.observability.waits_shown import waits_shown
from tests.orders.published import event_of

AWAITED = {
    "payment_demand": ("payment_of_claim", "deposits_answer", "payment_or_disposal"),
    "repayment_demand": ("repayment", "promoters_repayment"),
    "buyer_owes": ("buyer_owes",),
    "refund_undeliverable": ("undeliverable",),
    "seller_excess": ("seller_excess",),
}
"""By the kind of a standing amount, the waits that have that amount."""
BATCH = 100


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
        records = [inbound_record(event) for event in events if event]
        # In small transactions: the server ends one that waits for this program for seconds.
        for first in range(0, len(records), BATCH):
            handled = await engine.handle(records[first : first + BATCH])
            for _, output in handled.outputs:
                if output.topic == "purchasing.decisions.v1":
                    data = event_of(output)["data"]
                    standing[data["order_id"], data["kind"], data["ref"]] = data
    await store.close()

    money = {kind: Counter() for kind in AWAITED}
    for data in standing.values():
        if data["kind"] in AWAITED and "amount" in data:
            money[data["kind"]][data["amount"]["currency"]] += data["amount"]["value"]
    assert money["payment_demand"]
    assert money["repayment_demand"]

    connection = await asyncpg.connect(database)
    counted = await census(connection)
    await connection.close()
    found = {kind: Counter() for kind in AWAITED}
    for shown, amount in waits_shown(counted, "waits_amount").items():
        what, currency = shown.split()
        for kind in [kind for kind, kinds in AWAITED.items() if what in kinds]:
            found[kind][currency] += amount
    assert found == money
    assert waits_shown(counted).keys() == WAIT_KINDS.keys()


async def test_it_counts_over_currencies_what_has_no_amount_and_what_is_overdue(database):
    claim = {"what": "payment_of_claim", "ref": "cb-1"}
    ahead = micros(datetime.now(UTC)) + 3_600_000_000
    waits = [
        [claim | {"since": 3_000_000, "until": 4_000_000, "amount": 5, "currency": "EUR"}],
        [
            {"what": "sellers_answer", "ref": "can-1", "since": 4_000_000},
            claim | {"since": 2_000_000, "until": ahead, "amount": 7, "currency": "CNY"},
        ],
        [claim | {"since": 9_000_000, "amount": 1, "currency": "CNY"}],
        [{"what": "payment_of_claim", "since": 1_000_000}],
    ]
    connection = await asyncpg.connect(database)
    for n, wait in enumerate(waits):
        await connection.execute(
            "insert into orders (order_id, lane, waits) values ($1, 0, $2)", f"o-{n}", json.dumps(wait)
        )
    await connection.execute("insert into orders (order_id, lane) values ('o-9', 0)")
    counted = await census(connection)
    await connection.close()
    kinds = ("payment_of_claim", "sellers_answer", "acceptance")
    number, overdue = waits_shown(counted), waits_shown(counted, "waits_overdue")
    assert [(number[kind], overdue[kind]) for kind in kinds] == [(4, 1), (1, 0), (0, 0)]
    age = waits_shown(counted, "waits_oldest_seconds", now=10.0)
    assert [age[kind] for kind in kinds] == [9.0, 6.0, 0.0]
    assert waits_shown(counted, "waits_amount") == {"payment_of_claim EUR": 5, "payment_of_claim CNY": 8}
