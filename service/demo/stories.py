"""The orders of the demo, with their events written as another team would write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from purchasing_contracts.base import text_of
from purchasing_contracts.topics import class_of, topic_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DAY = 24
"""Hours."""
FIRST_DAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sent:
    """One record for a topic. `at` is the time of its event, None if it has no event."""

    topic: str
    key: str
    value: bytes
    at: datetime | None
    note: str = ""
    """A remark for the order's timeline; empty for an ordinary event."""


@dataclass(frozen=True, slots=True)
class TimePasses:
    """Let time pass until an instant, and send nothing."""

    until: datetime


Step = Sent | TimePasses


@dataclass(frozen=True, slots=True)
class Story:
    """The steps of one order."""

    order_id: str
    title: str
    steps: tuple[Step, ...]


class _StoryBuilder:
    """Builds the events of one order."""

    def __init__(self, order_id: str, title: str, day: int) -> None:
        self._order_id = order_id
        self._title = title
        self._placed = FIRST_DAY + timedelta(days=day)
        self._numbers = count(1)
        self._sent: list[Step] = []

    def event(self, hours: float, what: str, **data: Any) -> _StoryBuilder:
        """Add an event of type `purchasing.{what}.v1` at a number of hours after the order was placed."""
        at = self._placed + timedelta(hours=hours)
        type_ = f"purchasing.{what}.v1"
        kind = class_of(type_)
        assert kind is not None, type_
        event = {
            "specversion": "1.0",
            "id": f"{self._order_id}-{next(self._numbers)}",
            "source": f"/{what.partition('.')[0]}",
            "type": type_,
            "subject": self._order_id,
            "time": text_of(at),
            "datacontenttype": "application/json",
            "data": data,
        }
        self._sent.append(Sent(topic_of(kind).name, self._order_id, json.dumps(event).encode(), at))
        return self

    def again(self) -> _StoryBuilder:
        """Add the last record again."""
        last = self._last()
        self._sent.append(Sent(last.topic, last.key, last.value, last.at, "the same message once more"))
        return self

    def nonsense(self) -> _StoryBuilder:
        """Add a record that breaks the contract."""
        topic = self._last().topic
        self._sent.append(Sent(topic, self._order_id, b'{"specversion": "1.0", "id": ', None, "a malformed message"))
        return self

    def ordered(self, *, third: int = 0, quantities: Sequence[int] = (200,), **more: Any) -> _StoryBuilder:
        """Add a placed, accepted and paid order of ¥1,000.00 goods, ¥12.00 shipping, ¥1.01 fee.

        `quantities` has the units of each item; all units have one price and add up to the goods.
        """
        fees = [{"kind": "storage", "amount": yuan(third), "collected_by": "third_party"}] if third else []
        quote = breakdown(100_000, 1_200, 101) | {"other_fees": fees}
        items = [
            {
                "link": f"https://detail.example/offer/{610 + number}.html",
                "seller_name": "Yiwu Lamp Works",
                "specification": "E27 / warm white",
                "quantity": quantity,
                "unit_price": yuan(100_000 // sum(quantities)),
            }
            for number, quantity in enumerate(quantities)
        ]
        self.event(
            0,
            "order.placed",
            account_id="acct-7",
            provider_id="prov-1",
            seller_id="sell-9",
            currency="CNY",
            items=items,
            domestic_address="Warehouse 3, Baiyun District",
            logistics_provider_id="logi-4",
            mandate={"agreed_at": text_of(self._placed)},
            quote=quote,
            **more,
        )
        self.event(0.5, "order.accepted")
        return self.event(1, "payment.captured", payment_id="pay-1", breakdown=quote)

    def bought(self, hours: float, goods: int = 100_000, shipping: int = 1_200, **more: Any) -> _StoryBuilder:
        """Add the seller's confirmation of the purchase."""
        return self.event(
            hours,
            "seller.purchase_confirmed",
            purchase_id="pur-1",
            goods=yuan(goods),
            to_warehouse_shipping=yuan(shipping),
            **more,
        )

    def received(self, hours: float) -> _StoryBuilder:
        """Add a receipt by the warehouse without objections."""
        return self.event(hours, "warehouse.goods_received", receipt_id="rcp-1", objections=[])

    def charged_back(self, hours: float, **more: Any) -> _StoryBuilder:
        """Add a chargeback of the whole payment, because of a stolen account."""
        return self.event(
            hours,
            "chargeback.opened",
            chargeback_id="cb-1",
            payment_id="pay-1",
            amount=yuan(101_301),
            reason="account_stolen",
            attributable_to_provider=False,
            **more,
        )

    def waits(self, hours: float) -> _StoryBuilder:
        """Let time pass until a number of hours after the order was placed."""
        self._sent.append(TimePasses(self._placed + timedelta(hours=hours)))
        return self

    def end(self) -> Story:
        """Return the story."""
        return Story(self._order_id, self._title, tuple(self._sent))

    def _last(self) -> Sent:
        last = self._sent[-1]
        assert isinstance(last, Sent)
        return last


def yuan(fen: int) -> dict[str, Any]:
    """Return money in Chinese yuan, as on the wire; in fen."""
    return {"currency": "CNY", "value": fen}


def breakdown(goods: int, shipping: int, fee: int) -> dict[str, Any]:
    """Return a quote or the breakdown of a payment, as on the wire; in fen."""
    return {"goods": yuan(goods), "to_warehouse_shipping": yuan(shipping), "service_fee": yuan(fee)}


def stories(prefix: str = "demo") -> Iterator[Story]:
    """Yield the orders; their ids begin with `prefix`. Each is placed after the one before has ended."""
    yield (
        _StoryBuilder(f"{prefix}-01", "Paid, and bought for less: the surplus goes back", 0)
        .ordered()
        .bought(5, goods=90_000, shipping=1_000)
        .end()
    )
    yield (
        _StoryBuilder(f"{prefix}-02", "Out of stock: everything goes back, but for the third party's fee", 1)
        .ordered(third=500)
        .event(6, "seller.purchase_unavailable", reason="out_of_stock")
        .end()
    )
    yield (
        _StoryBuilder(f"{prefix}-03", "Cancelled before the purchase; the request arrives twice", 2)
        .ordered()
        .event(3, "order.cancellation_requested", request_id="can-1", channel="platform")
        .again()
        .end()
    )
    yield (
        _StoryBuilder(f"{prefix}-04", "Cancelled after the purchase: the seller agrees, with costs and a penalty", 3)
        .ordered()
        .bought(5)
        .event(6, "warehouse.cost_incurred", cost_id="cst-1", kind="packaging", amount=yuan(450), borne_by="provider")
        .event(7, "order.cancellation_requested", request_id="can-1", channel="platform")
        .event(9, "seller.cancellation_agreed", request_id="can-1", penalty=yuan(5_000))
        .end()
    )
    yield (
        _StoryBuilder(f"{prefix}-05", "Cancelled, refunded; then we hear that it had been bought before", 4)
        .ordered()
        .event(7, "order.cancellation_requested", request_id="can-1", channel="platform")
        .bought(5)
        .end()
    )
    yield (
        _StoryBuilder(f"{prefix}-06", "A malformed message in between delays nobody", 5)
        .ordered()
        .nonsense()
        .bought(5, goods=95_000)
        .end()
    )
    yield _promoted_and_dissolved(prefix)
    yield _charged_back(prefix)
    yield (
        _StoryBuilder(f"{prefix}-09", "Two items, one out of stock: its money goes back, the other item is bought", 30)
        .ordered(quantities=(60, 40))
        .bought(5, goods=60_000, items=[{"item_id": "1"}])
        .event(30, "seller.purchase_unavailable", reason="out_of_stock", items=[{"item_id": "2"}])
        .end()
    )
    yield _dearer(prefix)
    yield _charged_back_twice(prefix)


def _promoted_and_dissolved(prefix: str) -> Story:
    promotion = {"promoter_id": "prom-3", "basis": "goods", "rate_bps": 250}
    return (
        _StoryBuilder(f"{prefix}-07", "Brought by a promoter, received; then dissolved, as the goods are defective", 6)
        .ordered(promotion=promotion)
        .bought(5)
        .received(48)
        .event(200, "warehouse.package_delivered", package_id="pkg-1")
        .event(
            230,
            "order.dissolution_requested",
            request_id="dis-1",
            ground="defective",
            inspected=True,
            evidence=["https://evidence.example/1.jpg"],
        )
        .event(250, "seller.dissolution_agreed", request_id="dis-1", disposition="return")
        .event(300, "payment.seller_refund_received", receipt_id="rr-1", amount=yuan(101_200))
        .end()
    )


def _charged_back(prefix: str) -> Story:
    return (
        _StoryBuilder(f"{prefix}-08", "Charged back after receipt: frozen, demanded, then taken from the deposit", 20)
        .ordered()
        .bought(5)
        .received(48)
        .charged_back(60)
        .waits(200)  # the third day is a Saturday, so the buyer has until the end of Monday in Beijing
        .event(201, "payment.deposit_deducted", deduction_id="cb-1", amount=yuan(101_301))
        .end()
    )


def _dearer(prefix: str) -> Story:
    dearer = breakdown(110_000, 1_200, 111)
    agreed_at = text_of(FIRST_DAY + timedelta(days=32, hours=5))
    return (
        _StoryBuilder(
            f"{prefix}-10", "The price rises, and the buyer pays the rest; it is bought for a little less", 32
        )
        .ordered()
        .event(5, "order.quote_revised", revision_id="rev-1", quote=dearer, agreed_at=agreed_at)
        .event(6, "payment.captured", payment_id="pay-2", breakdown=breakdown(10_000, 0, 10))
        .bought(8, goods=108_000)
        .end()
    )


def _charged_back_twice(prefix: str) -> Story:
    fee = yuan(1_500)
    return (
        _StoryBuilder(f"{prefix}-11", "A dispute of two rounds: taken from the deposit, won, opened again, paid", 40)
        .ordered()
        .bought(5)
        .received(48)
        .charged_back(60, fee=fee)
        .waits(152)
        .event(153, "payment.deposit_deducted", deduction_id="cb-1", amount=yuan(102_801))
        .event(13 * DAY, "chargeback.closed", chargeback_id="cb-1", outcome="restored")
        .charged_back(31 * DAY, stage="pre_arbitration", fee=fee)
        .event(33 * DAY, "payment.outstanding_paid", chargeback_id="cb-1", payment_id="pay-2", amount=yuan(102_801))
        .end()
    )
