"""Every message as it was specified, written out by hand: what the models are compared with.

For each type its topic; the members of its data that are required; those marked `?`, which may be absent or null; those
with a default, which may be absent, with that default as second value; and those with both.
"""

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


def yuan(value: int) -> Json:
    return {"currency": "CNY", "value": value}


def euro(value: int) -> Json:
    return {"currency": "EUR", "value": value}


def items() -> list[Json]:
    return [{"item_id": "lamp", "quantity": 20}, {"item_id": "2", "quantity": None}]


def plan() -> list[Json]:
    return [
        {"part": "deposit", "amount": yuan(30000), "due_at": None},
        {"part": "balance", "amount": yuan(101731), "due_at": "2026-03-12T16:00:00Z"},
    ]


def breakdown() -> Json:
    return {
        "goods": yuan(129900),
        "to_warehouse_shipping": yuan(1200),
        "service_fee": yuan(131),
        "other_fees": [{"kind": "storage", "amount": yuan(500), "collected_by": "third_party"}],
    }


@dataclass(frozen=True)
class Wire:
    """One type of message on the wire."""

    topic: str
    required: Json = field(default_factory=dict)
    optional: Json = field(default_factory=dict)
    defaulted: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    meant: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def whole(self) -> Json:
        """Data with every member there is."""
        others = {name: given for name, (given, _) in (self.defaulted | self.meant).items()}
        return {**self.required, **self.optional, **others}


ORDER = "purchasing.events.order.v1"
PAYMENT = "purchasing.events.payment.v1"
WAREHOUSE = "purchasing.events.warehouse-receipt.v1"
SELLER = "purchasing.events.seller-response.v1"
CHARGEBACK = "purchasing.events.chargeback.v1"

PLACED = "purchasing.order.placed.v1"
CAPTURED = "purchasing.payment.captured.v1"

EVENTS: dict[str, Wire] = {
    PLACED: Wire(
        ORDER,
        {
            "account_id": "acct-7",
            "provider_id": "prov-1",
            "seller_id": "sell-9",
            "currency": "CNY",
            "items": [
                {
                    "item_id": "lamp",
                    "link": "https://detail.example/offer/610.html",
                    "seller_name": "Yiwu Lamp Works",
                    "specification": "E27 / 暖白",
                    "quantity": 200,
                    "unit_price": yuan(500),
                }
            ],
            "quote": breakdown(),
        },
        {
            "domestic_address": "Warehouse 3, Baiyun District",
            "logistics_provider_id": "logi-4",
            "mandate": {"agreed_at": "2026-03-02T09:00:00Z"},
            "payment_plan": plan(),
            "promotion": {
                "promoter_id": "prom-2",
                "basis": "goods",
                "rate_bps": 250,
                "fixed": euro(40),
                "settled": yuan(300),
            },
            "cancellation_deadline": "2026-03-09T09:00:00Z",
            "dissolution_period_days": 7,
            "contact": {"email": "buyer@example.org", "phone": "+1 555 0100"},
        },
        {
            "determinable": (True, False),
            "categories": (["customized", "prohibited"], []),
            "disclosed_issues": (["defective"], []),
        },
    ),
    "purchasing.order.quote_revised.v1": Wire(
        ORDER,
        {"revision_id": "rev-1", "quote": breakdown(), "agreed_at": "2026-03-02T08:00:00Z"},
        {"items": items(), "payment_plan": plan(), "reason": "the seller raised the price"},
    ),
    "purchasing.order.accepted.v1": Wire(ORDER, {}, {"logistics_provider_id": "logi-4"}),
    "purchasing.order.refused.v1": Wire(ORDER, {"ground": "prohibited"}, {"detail": "needs a licence"}),
    "purchasing.order.cancellation_requested.v1": Wire(
        ORDER, {"request_id": "can-1", "channel": "platform"}, {"items": items()}
    ),
    "purchasing.order.dissolution_requested.v1": Wire(
        ORDER,
        {
            "request_id": "dis-1",
            "ground": "not_as_committed",
            "inspected": True,
            "evidence": ["https://files.example/1.jpg", "https://files.example/2.jpg"],
        },
        {"items": items()},
    ),
    "purchasing.order.request_withdrawn.v1": Wire(ORDER, {"request_id": "can-1"}),
    "purchasing.order.objection_raised.v1": Wire(
        ORDER, {"objection_id": "obj-1", "scope": "package", "evidence": ["https://files.example/3.jpg"]}
    ),
    "purchasing.order.objection_withdrawn.v1": Wire(ORDER, {"objection_id": "obj-1"}),
    "purchasing.order.receipt_confirmed.v1": Wire(ORDER),
    "purchasing.order.tip_refund_requested.v1": Wire(ORDER, {"tip_id": "tip-1"}),
    "purchasing.order.issue_disclosed.v1": Wire(ORDER, {"grounds": ["defective", "infringing"]}),
    "purchasing.order.provider_fault_found.v1": Wire(
        ORDER,
        {"finding_id": "find-1", "direct_loss": yuan(9000)},
        {"consequential_loss": yuan(70000), "settled": euro(1200)},
    ),
    "purchasing.order.buyer_breach_found.v1": Wire(
        ORDER, {"finding_id": "find-2", "ground": "unjust_chargeback", "loss": yuan(1500)}, {"settled": euro(200)}
    ),
    "purchasing.order.excess_approved.v1": Wire(ORDER, {"amount": yuan(2000)}),
    CAPTURED: Wire(
        PAYMENT, {"payment_id": "pay-1", "breakdown": breakdown()}, {"capture_id": "cap-1", "settled": euro(17000)}
    ),
    "purchasing.payment.tip_paid.v1": Wire(
        PAYMENT, {"tip_id": "tip-1", "payment_id": "pay-2", "amount": yuan(5000)}, {"settled": euro(670)}
    ),
    "purchasing.payment.seller_refund_received.v1": Wire(
        PAYMENT, {"receipt_id": "sr-1", "amount": yuan(700)}, {"request_id": "dis-1", "settled": euro(90)}
    ),
    "purchasing.payment.outstanding_paid.v1": Wire(
        PAYMENT,
        {"chargeback_id": "cb-1", "payment_id": "pay-9", "amount": yuan(101301)},
        {"receipt_id": "out-1", "settled": euro(13500)},
    ),
    "purchasing.payment.repayment_received.v1": Wire(
        PAYMENT, {"repayment_id": "rep-1", "line": "purchase", "amount": yuan(12)}, {"settled": euro(2)}
    ),
    "purchasing.payment.refund_failed.v1": Wire(
        PAYMENT, {"command_id": "c0ffee", "line": "purchase", "amount": yuan(12)}, {"payment_id": "pay-1"}
    ),
    "purchasing.payment.refund_succeeded.v1": Wire(PAYMENT, {"command_id": "c0ffee"}),
    "purchasing.payment.refunded_elsewhere.v1": Wire(
        PAYMENT,
        {"refund_id": "void-1", "line": "purchase", "amount": yuan(4000)},
        {"payment_id": "pay-1", "settled": euro(530)},
    ),
    "purchasing.payment.deposit_deducted.v1": Wire(
        PAYMENT, {"deduction_id": "cb-1", "amount": yuan(101301)}, {"settled": euro(13500)}
    ),
    "purchasing.payment.deposit_insufficient.v1": Wire(
        PAYMENT, {"deduction_id": "cb-1", "deducted": yuan(0)}, {"settled": euro(0)}
    ),
    "purchasing.payment.funds_deducted.v1": Wire(
        PAYMENT, {"deduction_id": "ord-1001:brokerage:1", "amount": yuan(2800)}, {"settled": euro(370)}
    ),
    "purchasing.payment.funds_insufficient.v1": Wire(
        PAYMENT, {"deduction_id": "ord-1001:brokerage:1", "deducted": yuan(0)}, {"settled": euro(0)}
    ),
    "purchasing.payment.transfer_failed.v1": Wire(PAYMENT, {"command_id": "c0ffee", "amount": yuan(2800)}),
    "purchasing.payment.freeze_refused.v1": Wire(PAYMENT, {"hold_id": "cb-1"}, {"reason": "no such account"}),
    "purchasing.warehouse.goods_received.v1": Wire(
        WAREHOUSE,
        {"receipt_id": "rcp-1"},
        {"final": False, "items": items()},
        {"objections": (["box torn", "two lamps missing"], [])},
    ),
    "purchasing.warehouse.objection_verified.v1": Wire(
        WAREHOUSE, {"objection_id": "obj-1", "attributable_to": "logistics"}
    ),
    "purchasing.warehouse.cost_incurred.v1": Wire(
        WAREHOUSE,
        {"cost_id": "cost-1", "kind": "custody", "amount": yuan(800)},
        {"request_id": "can-1", "settled": euro(110)},
        {"borne_by": ("seller", "provider")},
    ),
    "purchasing.warehouse.customs_cleared.v1": Wire(WAREHOUSE),
    "purchasing.warehouse.package_delivered.v1": Wire(
        WAREHOUSE, {"package_id": "pkg-1"}, {"final": True, "items": items()}
    ),
    "purchasing.warehouse.goods_disposed.v1": Wire(
        WAREHOUSE,
        {"disposal_id": "disp-1", "disposition": "sold"},
        {"chargeback_id": "cb-1", "proceeds": yuan(4000), "settled": euro(530)},
    ),
    "purchasing.seller.purchase_confirmed.v1": Wire(
        SELLER,
        {"purchase_id": "pur-1", "goods": yuan(99000), "to_warehouse_shipping": yuan(1000)},
        {"deposit": yuan(5000), "items": items(), "settled": euro(13300)},
    ),
    "purchasing.seller.purchase_unavailable.v1": Wire(SELLER, {"reason": "out_of_stock"}, {"items": items()}),
    "purchasing.seller.cancellation_agreed.v1": Wire(
        SELLER, {"request_id": "can-1"}, {"penalty": yuan(2000), "amount": yuan(20000), "settled": euro(270)}
    ),
    "purchasing.seller.cancellation_refused.v1": Wire(SELLER, {"request_id": "can-1", "reason": "damaged_in_return"}),
    "purchasing.seller.dissolution_agreed.v1": Wire(SELLER, {"request_id": "dis-1", "disposition": "destroy"}),
    "purchasing.seller.dissolution_refused.v1": Wire(SELLER, {"request_id": "dis-1"}, {"reason": "as described"}),
    "purchasing.chargeback.opened.v1": Wire(
        CHARGEBACK,
        {
            "chargeback_id": "cb-1",
            "payment_id": "pay-1",
            "amount": yuan(101301),
            "reason": "account_stolen",
            "attributable_to_provider": False,
        },
        {
            "instructed_at": "2026-03-01T21:00:00Z",
            "fee": yuan(1500),
            "respond_by": "2026-03-16T16:00:00Z",
            "settled": euro(13500),
        },
        {},
        {"stage": ("pre_arbitration", "chargeback")},
    ),
    "purchasing.chargeback.reassessed.v1": Wire(
        CHARGEBACK, {"chargeback_id": "cb-1", "attributable_to_provider": True}, {"reason": "the wrong lamps"}
    ),
    "purchasing.chargeback.closed.v1": Wire(
        CHARGEBACK,
        {"chargeback_id": "cb-1", "outcome": "restored"},
        {"amount_restored": yuan(50000), "settled": euro(6700)},
    ),
}

_ABOUT_AN_ORDER: Json = {
    "order_id": "ord-1001",
    "provider_id": "prov-1",
    "order_version": 3,
    "terms_version": "2026-01",
    "basis": [{"clause": "12(1)A", "because": "no purchase had been made from the seller"}],
}
_COMMAND: Json = {**_ABOUT_AN_ORDER, "command_id": "0b6e7c1e-8d0e-5d43-9c55-3f4f8a1f3b11"}
_BUYER: Json = {"account_id": "acct-7"}

PUBLISHED: dict[str, Wire] = {
    "purchasing.refund.issue.v1": Wire(
        "purchasing.commands.refund.v1",
        {**_COMMAND, "line": "purchase", "amount": yuan(101), "destination": "original_payment"},
        {**_BUYER, "payment_id": "pay-1"},
    ),
    "purchasing.deduction.execute.v1": Wire(
        "purchasing.commands.deduction.v1",
        {
            **_COMMAND,
            "line": "chargeback:cb-1",
            "deduction_id": "cb-1",
            "amount": yuan(101),
            "source": "deposit",
            "purpose": "chargeback_recovery",
            "ref": "cb-1",
        },
        {**_BUYER, "hold_id": "cb-1:2"},
    ),
    "purchasing.freeze.place.v1": Wire(
        "purchasing.commands.freeze.v1",
        {**_COMMAND, "hold_id": "cb-1:2", "amount": yuan(101), "scope": "withdrawal_and_use", "ref": "cb-1"},
        {**_BUYER, "replaces": "cb-1"},
    ),
    "purchasing.freeze.release.v1": Wire(
        "purchasing.commands.freeze.v1", {**_COMMAND, "hold_id": "cb-1:2", "ref": "cb-1"}, _BUYER
    ),
    "purchasing.brokerage.transfer.v1": Wire(
        "purchasing.commands.brokerage-transfer.v1",
        {**_COMMAND, "promoter_id": "prom-2", "amount": yuan(101), "deduction_id": "ord-1001:brokerage:1"},
    ),
    "purchasing.decision.made.v1": Wire(
        "purchasing.decisions.v1",
        {
            **_ABOUT_AN_ORDER,
            "kind": "payment_demand",
            "ref": "cb-1",
            "outcome": "demanded",
            "audience": "buyer",
        },
        {**_BUYER, "amount": yuan(101), "due_at": "2026-03-05T09:00:00Z", "ground": "repeated"},
    ),
    "purchasing.record.quarantined.v1": Wire(
        "purchasing.quarantine.v1",
        {
            "topic": ORDER,
            "partition": 5,
            "offset": 77,
            "reason": "schema",
            "place": "/data/quote/goods/value",
            "size": 612,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        },
        {"order_id": "ord-1001"},
    ),
}


def event(type_: str, data: Any = ..., **attributes: Any) -> Json:
    """A CloudEvent in structured form, with all its data, or with the data given. An attribute given as `...` is left
    out."""
    whole = {
        "specversion": "1.0",
        "id": "ord-1001-e1",
        "source": "/order",
        "type": type_,
        "subject": "ord-1001",
        "time": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "data": {**EVENTS, **PUBLISHED}[type_].whole if data is ... else data,
        **attributes,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def text(value: Any) -> bytes:
    """JSON in UTF-8, as a producer would write it."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def changed(data: Json, pointer: str, value: Any) -> Json:
    """A copy with the member at a JSON pointer set; removed if the value is `...`."""
    copy: Any = json.loads(json.dumps(data))
    *way, last = pointer.strip("/").split("/")
    place = copy
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if isinstance(place, list):
        place[int(last)] = value
    elif value is ...:
        del place[last]
    else:
        place[last] = value
    return copy
