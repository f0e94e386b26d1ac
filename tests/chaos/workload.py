"""What goes in: random histories of many orders at a time, repeated, shuffled between topics, some of it malformed.

Time: the final comparison of money must not depend on when a worker looked. So half of the orders happened twenty
years ago, all their periods have passed whenever somebody looks, and the others sixty years hence, where none has.
What runs from the publication of a demand (22) takes ten days and ends in no run. And of some orders, which nothing
else happens to, receipt is deemed confirmed within seconds: the run is over only after that.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from tests.chaos.hostile import Hostile, money
from tests.chaos.records import Event, Sent, binary, structured
from tests.rules.happenstance import ORDER
from tests.rules.histories import history, in_any_order

OPEN_ORDERS = 80
REMEMBERED = 2_000
REPEATED = 0.08
TAKEN = 0.01
BINARY = 0.15
MALFORMED = 0.03
ODD = 0.2
# Multiples of four: the 29th of February stays one.
PAST, FUTURE = -20, 60
FUTURE_TOLERANCE = timedelta(days=100 * 365)
"""What the service has to be told, so that it takes them."""
DEEMED = 0.15
SILENCE = timedelta(days=10)
"""After so many days receipt is deemed confirmed (18), by the terms as they are."""
FIRES_WITHIN_SECONDS = (2.0, 25.0)
YEAR = re.compile(r'"(20\d\d)(-\d\d-\d\dT)')


class Workload:
    """Records of one seed, without end: `next` gives the next. Order ids are the seed's own.

    `malformed` is the share of records to be quarantined; unless `ordinary`, also such of a megabyte, and good ones
    that look odd. `clock` says when it is: silent orders' deadlines come soon after.
    """

    def __init__(
        self,
        seed: int,
        malformed: float = MALFORMED,
        *,
        ordinary: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._rng = random.Random(seed)
        self._seed = seed
        self._malformed = malformed
        self._ordinary = ordinary
        self._clock = clock
        self._hostile = Hostile(seed)
        self._orders = 0
        self._open: list[list[Event]] = []
        self._told: list[Sent] = []

    def __iter__(self) -> Iterator[Sent]:
        while True:
            yield self.next()

    def next(self) -> Sent:
        roll = self._rng.random()
        if roll < self._malformed:
            return self._hostile.bad(ordinary=self._ordinary)
        if not self._ordinary and self._rng.random() < ODD:
            return self._hostile.good()
        if roll < self._malformed + REPEATED and self._told:
            # In the other mode, perhaps: the same message all the same.
            return self._written(self._rng.choice(self._told).event or {})
        if roll < self._malformed + REPEATED + TAKEN and self._told:
            # Another order's, by its source and id: the first heard stands, and it may be this one.
            one, other = (self._rng.choice(self._told).event or {} for _ in range(2))
            return self._written({**one, "subject": other["subject"]})
        while len(self._open) < OPEN_ORDERS:
            self._open.append(self._new_order())
        chosen = self._rng.randrange(OPEN_ORDERS)
        sent = self._written(self._open[chosen].pop(0))
        if not self._open[chosen]:
            self._open[chosen] = self._new_order()
        if len(self._told) < REMEMBERED:
            self._told.append(sent)
        else:
            self._told[self._rng.randrange(REMEMBERED)] = sent
        return sent

    def _written(self, event: Event) -> Sent:
        return binary(event) if self._rng.random() < BINARY else structured(event)

    def _new_order(self) -> list[Event]:
        self._orders += 1
        order = f"chaos-{self._seed}-{self._orders}"
        if self._rng.random() < DEEMED:
            return silent_order(order, self._clock() + timedelta(seconds=self._rng.uniform(*FIRES_WITHIN_SECONDS)))
        return order_of(self._rng, order)


def order_of(rng: random.Random, order: str) -> list[Event]:
    """The events of a new order, in an order in which they might be heard; ids are nobody else's."""
    shift = rng.choice((PAST, FUTURE))
    text = json.dumps(in_any_order(rng, history(rng))).replace(f'"{ORDER}:brokerage:', f'"{order}:brokerage:')
    text = YEAR.sub(lambda found: f'"{int(found[1]) + shift}{found[2]}', text)
    events: list[Event] = json.loads(text)
    for event in events:
        assert event["subject"] == ORDER
        event["subject"] = order
        event["id"] = f"{order}:{event['id']}"
    return events


def silent_order(order: str, deemed_at: datetime) -> list[Event]:
    """The events of an order whose promoter is paid, delivered so that its period of silence ends at that instant."""
    price = {
        "goods": money(100_000),
        "to_warehouse_shipping": money(1_200),
        "service_fee": money(101),
        "other_fees": [],
    }
    placed = {
        "account_id": "acct-7",
        "provider_id": "prov-1",
        "seller_id": "sell-9",
        "currency": "CNY",
        "items": [{"link": "l", "seller_name": "s", "specification": "x", "quantity": 1}],
        "domestic_address": "Warehouse 3",
        "logistics_provider_id": "logi-4",
        "mandate": {"agreed_at": "2026-03-02T09:00:00Z"},
        "quote": price,
        "determinable": False,
        "categories": [],
        "disclosed_issues": [],
        "promotion": {"promoter_id": "prm-5", "basis": "goods", "rate_bps": 250},
    }
    bought = {"purchase_id": "pur-1", "goods": money(100_000), "to_warehouse_shipping": money(1_200)}
    told: list[tuple[str, Event]] = [
        ("order.placed", placed),
        ("order.accepted", {}),
        ("payment.captured", {"payment_id": "pay-1", "breakdown": price}),
        ("seller.purchase_confirmed", bought),
        ("warehouse.goods_received", {"receipt_id": "rcp-1"}),
        ("payment.funds_deducted", {"deduction_id": f"{order}:brokerage:1", "amount": money(2_500)}),
        ("warehouse.package_delivered", {"package_id": "pkg-1"}),
    ]
    delivered = deemed_at - SILENCE
    return [
        {
            "specversion": "1.0",
            "id": f"{order}:{n}",
            "source": "/silence",
            "type": f"purchasing.{kind}.v1",
            "subject": order,
            "time": (delivered - timedelta(hours=len(told) - 1 - n)).isoformat(),
            "data": data,
        }
        for n, (kind, data) in enumerate(told)
    ]
