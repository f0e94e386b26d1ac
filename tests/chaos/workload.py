"""The input: random histories of many orders at a time, repeated, shuffled between topics, some of it malformed.

Time: the final comparison of money must not depend on when a worker looked. So orders happened twenty years ago, and
all their periods have passed at any time of the run. Some are dated sixty years ahead, which can't be true, and all
their records are quarantined. The period that begins with the publication of a demand (22) takes three days and ends in
no run. In some orders, to which nothing else happens, the balance is due within seconds and isn't paid: the run ends
only after that.
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
# Multiples of four, so that the 29th of February stays one.
PAST, FUTURE = -20, 60
AHEAD = 0.05
UNPAID, PROMOTED = 0.04, 0.02
FIRES_WITHIN_SECONDS = (2.0, 25.0)
YEAR = re.compile(r'"(20\d\d)(-\d\d-\d\dT)')


class Workload:
    """An endless iterator of records by a seed: `next` returns the next one. Order ids are the seed's own.

    `malformed` is the share of bad records; unless `ordinary`, some of them have a megabyte, and some good ones look
    odd. `clock` returns the present: the deadlines of unpaid balances come soon after it.
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
        self._sent_before: list[Sent] = []

    def __iter__(self) -> Iterator[Sent]:
        while True:
            yield self.next()

    def next(self) -> Sent:
        roll = self._rng.random()
        if roll < self._malformed:
            return self._hostile.bad(ordinary=self._ordinary)
        if not self._ordinary and self._rng.random() < ODD:
            return self._hostile.good()
        if roll < self._malformed + REPEATED and self._sent_before:
            # Perhaps in the other mode, which makes it the same message.
            return self._written(self._rng.choice(self._sent_before).event or {})
        if roll < self._malformed + REPEATED + TAKEN and self._sent_before:
            # Another order's event by its source and id: the one received first counts, and it may be this one.
            one, other = (self._rng.choice(self._sent_before).event or {} for _ in range(2))
            return self._written({**one, "subject": other["subject"]})
        while len(self._open) < OPEN_ORDERS:
            self._open.append(self._new_order())
        chosen = self._rng.randrange(OPEN_ORDERS)
        sent = self._written(self._open[chosen].pop(0))
        if not self._open[chosen]:
            self._open[chosen] = self._new_order()
        if len(self._sent_before) < REMEMBERED:
            self._sent_before.append(sent)
        else:
            self._sent_before[self._rng.randrange(REMEMBERED)] = sent
        return sent

    def _written(self, event: Event) -> Sent:
        return binary(event) if self._rng.random() < BINARY else structured(event)

    def _new_order(self) -> list[Event]:
        self._orders += 1
        order = f"chaos-{self._seed}-{self._orders}"
        roll = self._rng.random()
        if roll < UNPAID:
            return unpaid_order(order, self._clock() + timedelta(seconds=self._rng.uniform(*FIRES_WITHIN_SECONDS)))
        if roll < UNPAID + PROMOTED:
            return promoted_order(order)
        return order_of(self._rng, order)


def order_of(rng: random.Random, order: str) -> list[Event]:
    """The events of a new order, in a possible order of arrival; their ids are unique."""
    shift = FUTURE if rng.random() < AHEAD else PAST
    text = json.dumps(in_any_order(rng, history(rng))).replace(f'"{ORDER}:brokerage:', f'"{order}:brokerage:')
    text = YEAR.sub(lambda found: f'"{int(found[1]) + shift}{found[2]}', text)
    events: list[Event] = json.loads(text)
    for event in events:
        assert event["subject"] == ORDER
        event["subject"] = order
        event["id"] = f"{order}:{event['id']}"
    return events


def unpaid_order(order: str, due_at: datetime) -> list[Event]:
    """The events of an order that is bought on a deposit, and whose balance is due at that instant (15(2))."""
    plan = [
        {"part": "deposit", "amount": money(40_000)},
        {"part": "balance", "amount": money(61_301), "due_at": due_at.isoformat()},
    ]
    planned: list[tuple[str, Event]] = [
        ("order.placed", {**PLACED, "payment_plan": plan}),
        ("order.accepted", {}),
        ("payment.captured", {"payment_id": "pay-1", "breakdown": breakdown(40_000, 0, 0)}),
        ("seller.purchase_confirmed", {**BOUGHT, "deposit": money(40_000)}),
    ]
    return _an_hour_apart(order, due_at, planned)


def promoted_order(order: str) -> list[Event]:
    """The events of an order that earns brokerage, paid once the funds' answer is received (19)."""
    deduction = f"{order}:brokerage:1"
    planned: list[tuple[str, Event]] = [
        ("order.placed", {**PLACED, "promotion": {"promoter_id": "prm-5", "basis": "goods", "rate_bps": 250}}),
        ("order.accepted", {}),
        ("payment.captured", {"payment_id": "pay-1", "breakdown": PRICE}),
        ("seller.purchase_confirmed", BOUGHT),
        ("warehouse.goods_received", {"receipt_id": "rec-1"}),
        ("payment.funds_deducted", {"deduction_id": deduction, "amount": money(2_500)}),
    ]
    return _an_hour_apart(order, datetime(2006, 3, 2, 9, tzinfo=UTC), planned)


def breakdown(goods: int, shipping: int, fee: int) -> Event:
    return {
        "goods": money(goods),
        "to_warehouse_shipping": money(shipping),
        "service_fee": money(fee),
        "other_fees": [],
    }


PRICE = breakdown(100_000, 1_200, 101)
PLACED: Event = {
    "account_id": "acct-7",
    "provider_id": "prov-1",
    "seller_id": "sell-9",
    "currency": "CNY",
    "items": [{"link": "l", "seller_name": "s", "specification": "x", "quantity": 1}],
    "domestic_address": "Warehouse 3",
    "logistics_provider_id": "logi-4",
    "mandate": {"agreed_at": "2006-03-02T09:00:00Z"},
    "quote": PRICE,
}
BOUGHT: Event = {"purchase_id": "pur-1", "goods": money(100_000), "to_warehouse_shipping": money(1_200)}


def _an_hour_apart(order: str, end: datetime, planned: list[tuple[str, Event]]) -> list[Event]:
    """The events, the last an hour before the end."""
    return [
        {
            "specversion": "1.0",
            "id": f"{order}:{n}",
            "source": "/chaos",
            "type": f"purchasing.{kind}.v1",
            "subject": order,
            "time": (end - timedelta(hours=len(planned) - n)).isoformat(),
            "data": data,
        }
        for n, (kind, data) in enumerate(planned)
    ]
