"""The data of the examples, written by hand: for each type what is required, and what may be there besides.

They tell of one order, ord-1001: 200 lamps at 5.00 yuan, quoted at 1,013.01 yuan.
"""

from typing import Any

Json = dict[str, Any]


def yuan(fen: int) -> Json:
    """Return money in CNY, given in fen."""
    return {"currency": "CNY", "value": fen}


def euro(cent: int) -> Json:
    """Return money in EUR, given in cent, for messages that state `settled` in CNY."""
    return {"currency": "EUR", "value": cent}


def _breakdown(*, other_fees: bool) -> Json:
    fees = [{"kind": "storage", "amount": yuan(300), "collected_by": "provider"}] if other_fees else []
    whole = {"goods": yuan(100_000), "to_warehouse_shipping": yuan(1_200), "service_fee": yuan(101)}
    return {**whole, "other_fees": fees} if fees else whole


def _in_euro() -> Json:
    amounts = {"goods": euro(13_300), "to_warehouse_shipping": euro(160), "service_fee": euro(13)}
    return {**amounts, "other_fees": [{"kind": "storage", "amount": euro(40), "collected_by": "provider"}]}


def _about(version: int, clause: str, because: str) -> Json:
    return {
        "order_id": "ord-1001",
        "provider_id": "prov-1",
        "order_version": version,
        "terms_version": "2026-01",
        "basis": [{"clause": clause, "because": because}],
    }


def _command(number: int, version: int, clause: str, because: str) -> Json:
    return {**_about(version, clause, because), "command_id": f"0b6e7c1e-8d0e-5d43-9c55-3f4f8a1f3b{number:02}"}


_ACCOUNT: Json = {"account_id": "acct-7"}
# All lamps are item 1; nobody gave it another id.
_SOME = [{"item_id": "1", "quantity": 40}]
_EVIDENCE = ["https://files.example/1.jpg", "https://files.example/2.jpg"]

_PLACED: tuple[Json, Json] = (
    {
        "account_id": "acct-7",
        "provider_id": "prov-1",
        "seller_id": "sell-9",
        "currency": "CNY",
        "items": [
            {
                "link": "https://detail.example/offer/610.html",
                "seller_name": "Yiwu Lamp Works",
                "specification": "E27 / 暖白",
                "quantity": 200,
            }
        ],
        "quote": _breakdown(other_fees=False),
    },
    {
        "items": [
            {
                "item_id": "1",
                "link": "https://detail.example/offer/610.html",
                "seller_name": "Yiwu Lamp Works",
                "specification": "E27 / 暖白",
                "quantity": 200,
                "unit_price": yuan(500),
            }
        ],
        "quote": _breakdown(other_fees=True),
        "payment_plan": [
            {"part": "deposit", "amount": yuan(30_000)},
            {"part": "balance", "amount": yuan(71_601), "due_at": "2026-03-12T16:00:00Z"},
        ],
        "domestic_address": "Warehouse 3, Baiyun District",
        "logistics_provider_id": "logi-4",
        "mandate": {"agreed_at": "2026-03-02T08:59:30Z"},
        "determinable": False,
        "categories": ["customized"],
        "disclosed_issues": ["defective"],
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
)

EVENTS: dict[str, tuple[Json, Json]] = {
    "purchasing.order.placed.v1": _PLACED,
    "purchasing.order.quote_revised.v1": (
        {"revision_id": "rev-1", "quote": _breakdown(other_fees=False), "agreed_at": "2026-03-02T08:59:50Z"},
        {
            "quote": _breakdown(other_fees=True),
            "items": _SOME,
            "payment_plan": [{"part": "balance", "amount": yuan(10_010), "due_at": "2026-03-12T16:00:00Z"}],
            "reason": "the seller raised the price of the 40",
        },
    ),
    "purchasing.order.accepted.v1": ({}, {"logistics_provider_id": "logi-4"}),
    "purchasing.order.refused.v1": ({"ground": "restricted"}, {"detail": "needs a licence we don't have"}),
    "purchasing.order.cancellation_requested.v1": (
        {"request_id": "can-1", "channel": "platform"},
        {"items": _SOME},
    ),
    "purchasing.order.dissolution_requested.v1": (
        {"request_id": "dis-1", "ground": "not_as_committed", "inspected": True, "evidence": _EVIDENCE},
        {"items": [{"item_id": "1"}]},
    ),
    "purchasing.order.request_withdrawn.v1": ({"request_id": "can-1"}, {}),
    "purchasing.order.objection_raised.v1": (
        {"objection_id": "obj-1", "scope": "package", "evidence": _EVIDENCE[:1]},
        {},
    ),
    "purchasing.order.objection_withdrawn.v1": ({"objection_id": "obj-1"}, {}),
    "purchasing.order.receipt_confirmed.v1": ({}, {}),
    "purchasing.order.tip_refund_requested.v1": ({"tip_id": "tip-1"}, {}),
    "purchasing.order.issue_disclosed.v1": ({"grounds": ["defective"]}, {}),
    "purchasing.order.provider_fault_found.v1": (
        {"finding_id": "find-1", "direct_loss": yuan(9_000)},
        {"direct_loss": euro(1_200), "consequential_loss": euro(9_300), "settled": yuan(9_000)},
    ),
    "purchasing.order.buyer_breach_found.v1": (
        {"finding_id": "find-2", "ground": "unjust_chargeback", "loss": yuan(1_500)},
        {"loss": euro(200), "settled": yuan(1_500)},
    ),
    "purchasing.order.excess_approved.v1": ({"amount": yuan(2_000)}, {}),
    "purchasing.payment.captured.v1": (
        {"payment_id": "pay-1", "breakdown": _breakdown(other_fees=False)},
        {"capture_id": "cap-1", "breakdown": _in_euro(), "settled": yuan(101_601)},
    ),
    "purchasing.payment.tip_paid.v1": (
        {"tip_id": "tip-1", "payment_id": "pay-2", "amount": yuan(5_000)},
        {"amount": euro(670), "settled": yuan(5_000)},
    ),
    "purchasing.payment.seller_refund_received.v1": (
        {"receipt_id": "sref-1", "amount": yuan(700)},
        {"amount": euro(90), "request_id": "dis-1", "settled": yuan(700)},
    ),
    "purchasing.payment.outstanding_paid.v1": (
        {"chargeback_id": "cb-1", "payment_id": "pay-3", "amount": yuan(101_301)},
        {"receipt_id": "out-1", "amount": euro(13_500), "settled": yuan(101_301)},
    ),
    "purchasing.payment.repayment_received.v1": (
        {"repayment_id": "rep-1", "line": "purchase", "amount": yuan(1_200)},
        {"amount": euro(160), "settled": yuan(1_200)},
    ),
    "purchasing.payment.refund_failed.v1": (
        {"command_id": "0b6e7c1e-8d0e-5d43-9c55-3f4f8a1f3b01", "line": "purchase", "amount": yuan(101_301)},
        {"payment_id": "pay-1"},
    ),
    "purchasing.payment.refund_succeeded.v1": ({"command_id": "0b6e7c1e-8d0e-5d43-9c55-3f4f8a1f3b01"}, {}),
    "purchasing.payment.refunded_elsewhere.v1": (
        {"refund_id": "void-1", "line": "purchase", "amount": yuan(4_000)},
        {"payment_id": "pay-1", "amount": euro(530), "settled": yuan(4_000)},
    ),
    "purchasing.payment.deposit_deducted.v1": (
        {"deduction_id": "cb-1", "amount": yuan(101_301)},
        {"amount": euro(13_500), "settled": yuan(101_301)},
    ),
    "purchasing.payment.deposit_insufficient.v1": (
        {"deduction_id": "cb-1", "deducted": yuan(0)},
        {"deducted": euro(5_300), "settled": yuan(40_000)},
    ),
    "purchasing.payment.funds_deducted.v1": (
        {"deduction_id": "ord-1001:brokerage:1", "amount": yuan(2_800)},
        {"amount": euro(370), "settled": yuan(2_800)},
    ),
    "purchasing.payment.funds_insufficient.v1": (
        {"deduction_id": "ord-1001:brokerage:1", "deducted": yuan(0)},
        {"deducted": euro(200), "settled": yuan(1_500)},
    ),
    "purchasing.payment.transfer_failed.v1": (
        {"command_id": "0b6e7c1e-8d0e-5d43-9c55-3f4f8a1f3b05", "amount": yuan(2_800)},
        {},
    ),
    "purchasing.payment.freeze_refused.v1": ({"hold_id": "cb-1"}, {"reason": "the account was closed"}),
    "purchasing.warehouse.goods_received.v1": (
        {"receipt_id": "rcp-1"},
        {"objections": ["box torn", "two lamps missing"], "final": False, "items": _SOME},
    ),
    "purchasing.warehouse.objection_verified.v1": ({"objection_id": "obj-1", "attributable_to": "logistics"}, {}),
    "purchasing.warehouse.cost_incurred.v1": (
        {"cost_id": "cost-1", "kind": "custody", "amount": yuan(800)},
        {"amount": euro(110), "borne_by": "seller", "request_id": "can-1", "settled": yuan(800)},
    ),
    "purchasing.warehouse.customs_cleared.v1": ({}, {}),
    "purchasing.warehouse.package_delivered.v1": (
        {"package_id": "pkg-1"},
        {"final": True, "items": _SOME},
    ),
    "purchasing.warehouse.goods_disposed.v1": (
        {"disposal_id": "disp-1", "disposition": "sold"},
        {"chargeback_id": "cb-1", "proceeds": euro(5_300), "settled": yuan(40_000)},
    ),
    "purchasing.seller.purchase_confirmed.v1": (
        {"purchase_id": "pur-1", "goods": yuan(99_000), "to_warehouse_shipping": yuan(1_000)},
        {
            "goods": euro(13_200),
            "to_warehouse_shipping": euro(130),
            "deposit": euro(670),
            "items": _SOME,
            "settled": yuan(100_000),
        },
    ),
    "purchasing.seller.purchase_unavailable.v1": ({"reason": "out_of_stock"}, {"items": _SOME}),
    "purchasing.seller.cancellation_agreed.v1": (
        {"request_id": "can-1"},
        {"penalty": euro(270), "amount": euro(2_660), "settled": yuan(2_000)},
    ),
    "purchasing.seller.cancellation_refused.v1": ({"request_id": "can-1", "reason": "declined"}, {}),
    "purchasing.seller.dissolution_agreed.v1": ({"request_id": "dis-1", "disposition": "return"}, {}),
    "purchasing.seller.dissolution_refused.v1": ({"request_id": "dis-1"}, {"reason": "as described"}),
    "purchasing.chargeback.opened.v1": (
        {
            "chargeback_id": "cb-1",
            "payment_id": "pay-1",
            "amount": yuan(101_301),
            "reason": "account_stolen",
            "attributable_to_provider": False,
        },
        {
            "amount": euro(13_500),
            "stage": "pre_arbitration",
            "instructed_at": "2026-03-01T21:00:00Z",
            "fee": euro(200),
            "respond_by": "2026-03-16T16:00:00Z",
            "settled": yuan(101_301),
        },
    ),
    "purchasing.chargeback.reassessed.v1": (
        {"chargeback_id": "cb-1", "attributable_to_provider": True},
        {"reason": "the provider had confirmed the wrong lamps"},
    ),
    "purchasing.chargeback.closed.v1": (
        {"chargeback_id": "cb-1", "outcome": "restored"},
        {"amount_restored": euro(6_700), "settled": yuan(50_000)},
    ),
}
"""Samples of events."""

_NOT_PURCHASED = ("12(1)A", "no purchase had been made from the seller")
_UNJUST = ("22(3)", "the account had been stolen")
_ENDED = ("19", "the obligation to procure had ended before any closing")

PUBLISHED: dict[str, tuple[Json, Json]] = {
    "purchasing.refund.issue.v1": (
        {
            **_command(1, 4, *_NOT_PURCHASED),
            "line": "purchase",
            "amount": yuan(101_301),
            "destination": "buyer_account",
        },
        {**_ACCOUNT, "destination": "original_payment", "payment_id": "pay-1"},
    ),
    "purchasing.deduction.execute.v1": (
        {
            **_command(2, 5, *_ENDED),
            "line": "brokerage",
            "deduction_id": "ord-1001:brokerage:1",
            "amount": yuan(2_800),
            "source": "purchasing_funds",
            "purpose": "brokerage",
            "ref": "brokerage",
        },
        {
            **_ACCOUNT,
            "line": "chargeback:cb-1",
            "deduction_id": "cb-1",
            "amount": yuan(101_301),
            "source": "deposit",
            "purpose": "chargeback_recovery",
            "ref": "cb-1",
            "hold_id": "cb-1:2",
            "basis": [{"clause": _UNJUST[0], "because": _UNJUST[1]}],
        },
    ),
    "purchasing.freeze.place.v1": (
        {
            **_command(3, 6, *_UNJUST),
            "hold_id": "cb-1",
            "amount": yuan(101_301),
            "scope": "withdrawal_and_use",
            "ref": "cb-1",
        },
        {**_ACCOUNT, "hold_id": "cb-1:2", "replaces": "cb-1"},
    ),
    "purchasing.freeze.release.v1": (
        {**_command(4, 9, "22", "nothing of the chargeback is left to be paid"), "hold_id": "cb-1", "ref": "cb-1"},
        _ACCOUNT,
    ),
    "purchasing.brokerage.transfer.v1": (
        {
            **_command(5, 6, *_ENDED),
            "promoter_id": "prom-2",
            "amount": yuan(2_800),
            "deduction_id": "ord-1001:brokerage:1",
        },
        {},
    ),
    "purchasing.decision.made.v1": (
        {
            **_about(3, *_NOT_PURCHASED),
            "kind": "cancellation",
            "ref": "can-1",
            "outcome": "agreed",
            "audience": "buyer",
        },
        {
            **_ACCOUNT,
            "kind": "payment_demand",
            "ref": "cb-1",
            "outcome": "demanded",
            "amount": yuan(101_301),
            "due_at": "2026-03-05T09:00:00Z",
            "basis": [
                {"clause": "22", "because": "the chargeback left a claim"},
                {"clause": "27", "because": "days run from the day of the notice"},
            ],
        },
    ),
    "purchasing.record.quarantined.v1": (
        {
            "topic": "purchasing.events.payment.v1",
            "partition": 5,
            "offset": 77,
            "reason": "schema",
            "place": "/data/amount/value",
            "size": 312,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        },
        {"order_id": "ord-1001"},
    ),
}
"""Samples of published messages."""

FURTHER: dict[str, dict[str, Json]] = {
    "purchasing.order.placed.v1": {
        "two-items": {
            **_PLACED[0],
            "items": [
                {"item_id": "lamp", "specification": "E27 / 暖白", "quantity": 60, "unit_price": yuan(1_000)},
                {"item_id": "shade", "specification": "linen", "quantity": 40, "unit_price": yuan(1_000)},
            ],
        },
    },
    "purchasing.warehouse.goods_received.v1": {
        "part": {"receipt_id": "rcp-2", "items": [{"item_id": "lamp", "quantity": 20}, {"item_id": "shade"}]},
    },
    "purchasing.seller.purchase_confirmed.v1": {
        "one-item": {
            "purchase_id": "pur-1",
            "goods": yuan(60_000),
            "to_warehouse_shipping": yuan(1_200),
            "items": [{"item_id": "lamp"}],
        },
    },
    "purchasing.seller.cancellation_agreed.v1": {
        "part-of-the-price": {"request_id": "can-1", "amount": yuan(9_000), "penalty": yuan(500)},
    },
    "purchasing.chargeback.opened.v1": {
        "inquiry": {
            "chargeback_id": "cb-1",
            "payment_id": "pay-1",
            "amount": yuan(101_301),
            "reason": "not_received",
            "attributable_to_provider": False,
            "stage": "inquiry",
            "respond_by": "2026-03-16T16:00:00Z",
        },
    },
    "purchasing.decision.made.v1": {
        "ignored-fact": {
            **_about(7, "8(3)", "the order had ended before the purchase"),
            **_ACCOUNT,
            "kind": "fact",
            "ref": "evt-12",
            "outcome": "ignored",
            "audience": "provider",
            "ground": "order_ended",
        },
        "order-amount": {
            **_about(4, "6", "part of the agreed order amount is not paid"),
            **_ACCOUNT,
            "kind": "order_amount",
            "ref": "ord-1001",
            "outcome": "outstanding",
            "amount": yuan(10_010),
            "audience": "buyer",
        },
    },
}
"""More of what people ask how to write, or to read: whole data by type and name."""
