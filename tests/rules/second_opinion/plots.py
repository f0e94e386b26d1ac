"""Plots: orders that are carried out, and then meet events that seldom happen by chance.

A plot is a few events that belong together, with the times between them and likely content.
`histories.py` adds random messages to it, leaves some out, and repeats others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rules.second_opinion.terms import instant_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rules.second_opinion.histories import History

HOUR = 3_600_000_000


def _bought(h: History, *, parts: bool | None = None) -> None:
    """The seller confirms what was ordered, in one purchase or item by item, perhaps not all of it."""
    r = h.rng
    if not (r.random() < 0.4 if parts is None else parts):
        _purchase(h, "pur-1", h.goods, h.shipping, {})
        return
    for n, item_id in enumerate(h.ids, 1):
        if r.random() < 0.8:
            _purchase(h, f"pur-{n}", h.goods // len(h.ids), h.shipping if n == 1 else 0, _of(h, item_id))


def _purchase(h: History, id_: str, goods: int, shipping: int, items: dict[str, Any]) -> None:
    r = h.rng
    data = {
        "purchase_id": id_,
        "goods": h.money(max(0, goods + r.choice([0, 0, 0, 40, -40]))),
        "to_warehouse_shipping": h.money(shipping),
        **items,
    }
    if h.deposit or r.random() < 0.2:
        data["deposit"] = h.money(r.choice([goods // 3, goods // 3, 10, 0, goods * 2]))
    h.put("seller.purchase_confirmed", h.paying(data, ("goods", "to_warehouse_shipping", "deposit")))


def _of(h: History, item_id: str) -> dict[str, Any]:
    """A list that names an item, perhaps with a quantity: also one beyond what there is."""
    ref: dict[str, Any] = {"item_id": item_id}
    if h.rng.random() < 0.6:
        ref["quantity"] = h.rng.choice([1, 1, 2, 3, 7])
    return {"items": [ref]}


def _some(h: History) -> dict[str, Any]:
    return _of(h, h.rng.choice(h.ids)) if h.rng.random() < 0.6 else {}


def _arrived(h: History, kind: str, name: str) -> None:
    """One receipt or delivery of everything, or parts of which the last is final, or none is."""
    r = h.rng
    if r.random() < 0.5:
        h.put(kind, {name: f"{name[0]}-1"})
        return
    for n, item_id in enumerate(h.ids, 1):
        data: dict[str, Any] = {name: r.choice([f"{name[0]}-1", f"{name[0]}-{n}"]), **_of(h, item_id)}
        if r.random() < 0.3:
            data["final"] = n == len(h.ids)
        if name == "receipt_id" and r.random() < 0.15:
            data["objections"] = ["torn"]
        h.put(kind, data)
    if r.random() < 0.3:
        h.put(kind, {name: f"{name[0]}-9", "final": True})


def _received(h: History) -> None:
    _arrived(h, "warehouse.goods_received", "receipt_id")


def _delivered(h: History) -> None:
    _arrived(h, "warehouse.package_delivered", "package_id")


def _perhaps_quarantined(h: History) -> None:
    """Seldom a record of any topic that breaks the contract: it holds up the deadlines of its topic (F5)."""
    if h.rng.random() < 0.15:
        h.quarantine()


def cancelling(h: History) -> None:
    """Parts are cancelled; the seller agrees, charges, takes back less, thinks again, and pays before or after."""
    r = h.rng
    _bought(h)
    if r.random() < 0.2:
        _received(h)
    for n in range(1, r.choice([2, 2, 3])):
        id_ = f"can-{n}"
        if r.random() < 0.25:
            h.put("payment.seller_refund_received", {"receipt_id": f"early-{n}", "amount": h.money(h.value())})
        h.put("order.cancellation_requested", {"request_id": id_, "channel": "platform", **_some(h)})
        if r.random() < 0.15:
            h.put("warehouse.customs_cleared", {})
        for _ in range(r.choice([0, 1, 1, 2, 3])):
            _answer(h, id_)
        if r.random() < 0.2:
            h.put("order.request_withdrawn", {"request_id": id_})
        if r.random() < 0.4:
            _cost(h, id_)
        if r.random() < 0.6:
            data = {"receipt_id": f"paid-{n}", "amount": h.money(h.value())}
            named = {"request_id": id_} if r.random() < 0.5 else {}
            h.put("payment.seller_refund_received", h.paying(data | named, ("amount",)))
    if r.random() < 0.3:
        _revised(h)


def haggling(h: History) -> None:
    """A dearer purchase, perhaps with a deposit, is cancelled in parts, and the seller takes back less of each."""
    r = h.rng
    goods = h.goods + r.choice([0, h.goods // 10, h.goods, -h.goods // 10])
    if r.random() < 0.4:
        _purchase(h, "pur-1", goods // 2, h.shipping, _of(h, h.ids[0]))
        _purchase(h, "pur-2", goods // 2, r.choice([0, h.shipping]), {})
    else:
        _purchase(h, "pur-1", goods, h.shipping, {})
    if r.random() < 0.2:
        _purchase(h, "pur-3", goods // 5, r.choice([0, 30]), {})
    if r.random() < 0.2:
        _revised(h)
    ids = ["can-1", "can-2", "can-3"][: r.choice([2, 3])]
    for id_ in ids:
        named = _of(h, r.choice(h.ids)) if id_ != ids[-1] or r.random() < 0.5 else {}
        h.put("order.cancellation_requested", {"request_id": id_, "channel": "platform", **named})
        if r.random() < 0.6:
            _haggled(h, id_, goods)
    for id_ in r.sample(ids, len(ids)):
        _haggled(h, id_, goods)
        if r.random() < 0.5:
            data = {"receipt_id": f"paid-{id_}", "amount": h.money(r.choice([goods // 2, goods // 3, h.value()]))}
            named = {"request_id": id_} if r.random() < 0.6 else {}
            h.put("payment.seller_refund_received", data | named)
    if r.random() < 0.2:
        h.put("seller.purchase_unavailable", {"reason": "ceased", **_some(h)})


def _haggled(h: History, id_: str, goods: int) -> None:
    r = h.rng
    data: dict[str, Any] = {"request_id": id_}
    if r.random() < 0.5:
        data["amount"] = h.money(max(0, goods // r.choice([1, 2, 3, 4]) - r.choice([0, 1, 20, -20])))
    if r.random() < 0.4:
        data["penalty"] = h.money(r.choice([0, 10, goods // 10]))
    if r.random() < 0.1:
        h.put("seller.cancellation_refused", {"request_id": id_, "reason": "declined"})
    else:
        h.put("seller.cancellation_agreed", data)


def _answer(h: History, id_: str) -> None:
    r = h.rng
    if r.random() < 0.35:
        reason = r.choice(["declined", "damaged_in_return", "damaged_in_return", "other"])
        h.put("seller.cancellation_refused", {"request_id": id_, "reason": reason})
        return
    data: dict[str, Any] = {"request_id": id_}
    if r.random() < 0.5:
        data["penalty"] = h.money(r.choice([0, 10, 50, h.value()]))
    if r.random() < 0.4:
        data["amount"] = h.money(r.choice([h.goods // 2, h.value()]))
    h.put("seller.cancellation_agreed", h.paying(data, ("penalty", "amount")) if len(data) > 1 else data)


def _cost(h: History, id_: str | None) -> None:
    r = h.rng
    data = {
        "cost_id": f"cst-{r.randrange(9)}",
        "kind": r.choice(["custody", "transport", "packaging"]),
        "amount": h.money(r.choice([5, 60, h.value()])),
    }
    if id_ is not None and r.random() < 0.7:
        data["request_id"] = id_
    h.put("warehouse.cost_incurred", h.paying(data, ("amount",)))


def _revised(h: History) -> None:
    r = h.rng
    at = h.later()
    data: dict[str, Any] = {
        "revision_id": r.choice(["rev-1", "rev-2"]),
        "quote": h.breakdown(r.choice([h.goods, h.goods + 200, h.goods // 2]), h.shipping, 10),
        "agreed_at": instant_text(at + r.choice([0, 0, HOUR, -HOUR])),
        **_some(h),
    }
    if r.random() < 0.2:
        data["payment_plan"] = h.plan(first=False)
    h.add("order.quote_revised", data, at)
    if r.random() < 0.5:
        h.put("payment.captured", {"payment_id": "pay-2", "breakdown": h.breakdown(200, 0, 0)})


def dissolving(h: History) -> None:
    """Goods arrive, are objected to, and are dissolved, in time or at the edge of it; the seller pays, or doesn't."""
    r = h.rng
    if r.random() < 0.3:
        h.put("order.issue_disclosed", {"grounds": [r.choice(["defective", "infringing"])]})
    _bought(h)
    _received(h)
    if r.random() < 0.8:
        _delivered(h)
    if r.random() < 0.3:
        _objected(h)
    for n in range(1, r.choice([2, 2, 3])):
        _dissolution(h, n)


def _dissolution(h: History, n: int) -> None:
    r = h.rng
    id_ = f"dis-{n}"
    data: dict[str, Any] = {
        "request_id": id_,
        "ground": r.choice(["not_as_committed", "not_as_committed", "defective"]),
        "inspected": r.random() < 0.95,
        "evidence": ["e"],
        **_some(h),
    }
    h.put("order.dissolution_requested", data, edge=0.4)
    if r.random() < 0.2:
        h.put("order.receipt_confirmed", {}, edge=0.2)
    if r.random() < 0.3:
        h.put("payment.seller_refund_received", {"receipt_id": f"early-{n}", "amount": h.money(h.goods // 2)})
    if r.random() < 0.2:
        _objected(h)
    for _ in range(r.choice([0, 1, 1, 1, 2])):
        if r.random() < 0.7:
            h.put("seller.dissolution_agreed", {"request_id": id_, "disposition": r.choice(["return", "destroy"])})
        else:
            h.put("seller.dissolution_refused", {"request_id": id_})
    if r.random() < 0.25:
        h.put("order.request_withdrawn", {"request_id": id_})
    if r.random() < 0.5:
        _cost(h, id_)
    for m in range(r.choice([0, 1, 2])):
        paid: dict[str, Any] = {"receipt_id": f"paid-{n}-{m}", "amount": h.money(h.value())}
        if r.random() < 0.5:
            paid["request_id"] = id_
        h.put("payment.seller_refund_received", h.paying(paid, ("amount",)))


def returning(h: History) -> None:
    """Parts are dissolved, others rescinded; sending them back costs much, and the seller pays bit by bit."""
    r = h.rng
    _bought(h)
    if r.random() < 0.3:
        _received(h)
    data: dict[str, Any] = {"request_id": "dis-1", "ground": "defective", "inspected": True, "evidence": ["e"]}
    h.put("order.dissolution_requested", data | _of(h, r.choice(h.ids)))
    h.put("seller.dissolution_agreed", {"request_id": "dis-1", "disposition": "return"})
    for what in r.sample(["cost", "rescinded", "paid", "paid again", "cancelled"], r.choice([3, 4, 5])):
        if what == "cost":
            cost = {"cost_id": "c-1", "kind": r.choice(["transport", "custody"]), "amount": h.money(h.value())}
            h.put("warehouse.cost_incurred", cost | ({"request_id": "dis-1"} if r.random() < 0.8 else {}))
        elif what == "rescinded":
            h.put("seller.purchase_unavailable", {"reason": "ceased", **_some(h)})
        elif what == "cancelled":
            h.put("order.cancellation_requested", {"request_id": "can-1", "channel": "platform", **_some(h)})
            _haggled(h, "can-1", h.goods)
        else:
            paid = {"receipt_id": f"rr-{what}", "amount": h.money(r.choice([h.goods // 2, h.goods // 3, h.value()]))}
            h.put("payment.seller_refund_received", paid | ({"request_id": "dis-1"} if r.random() < 0.3 else {}))


def requoting(h: History) -> None:
    """Quotes are revised for parts, before and after these are bought, ended, or ended and came back."""
    r = h.rng
    steps = ["bought", "revised", "revised", "ended", "ended", "back", "paid", "returned"]
    for n, what in enumerate(r.sample(steps, r.choice([4, 6, 8]))):
        if what == "bought":
            _bought(h, parts=r.random() < 0.7)
        elif what == "revised":
            at = h.later()
            quote = h.breakdown(
                r.choice([h.goods, h.goods // 2, h.value()]), r.choice([0, h.shipping, 30]), h.goods // 99
            )
            data = {"revision_id": f"rev-{n}", "quote": quote, "agreed_at": instant_text(at), **_some(h)}
            h.add("order.quote_revised", data, at)
        elif what == "ended":
            kind = r.choice(["cancelled", "unavailable", "dissolved"])
            if kind == "unavailable":
                h.put("seller.purchase_unavailable", {"reason": "ceased", **_some(h)})
            elif kind == "cancelled":
                h.put("order.cancellation_requested", {"request_id": f"can-{n}", "channel": "platform", **_some(h)})
                _answer(h, f"can-{n}")
            else:
                data = {"request_id": f"dis-{n}", "ground": "defective", "inspected": True, "evidence": ["e"]}
                h.put("order.dissolution_requested", data | _some(h))
                h.put("seller.dissolution_agreed", {"request_id": f"dis-{n}", "disposition": "return"})
        elif what == "back":
            _received(h)
            h.put("seller.cancellation_refused", {"request_id": "can-3", "reason": "damaged_in_return"})
        elif what == "paid":
            data = {"payment_id": "pay-2", "breakdown": h.breakdown(h.value(), 0, 0)}
            h.put("payment.captured", h.paying(data, ("breakdown",)))
        else:
            h.put("payment.seller_refund_received", {"receipt_id": f"rr-{n}", "amount": h.money(h.value())})


def _objected(h: History) -> None:
    r = h.rng
    id_ = r.choice(["obj-1", "obj-2"])
    data = {"objection_id": id_, "scope": r.choice(["package", "quality"]), "evidence": ["e"]}
    h.put("order.objection_raised", data, edge=0.3)
    for _ in range(r.choice([0, 1, 1, 2])):
        if r.random() < 0.3:
            h.put("order.objection_withdrawn", {"objection_id": id_}, edge=0.3)
        else:
            verdict = r.choice(["logistics", "seller", "none"])
            h.put("warehouse.objection_verified", {"objection_id": id_, "attributable_to": verdict}, edge=0.3)


def confirming(h: History) -> None:
    """Everything is delivered, and then silence, objections and requests up to the end of the period."""
    r = h.rng
    _bought(h)
    if r.random() < 0.5:
        _received(h)
    _delivered(h)
    _perhaps_quarantined(h)
    for _ in range(r.choice([0, 1, 1, 2])):
        _objected(h)
    if r.random() < 0.4:
        h.put("order.receipt_confirmed", {}, edge=0.6)
    if r.random() < 0.4:
        h.put("order.cancellation_requested", {"request_id": "can-1", "channel": "platform", **_some(h)}, edge=0.6)
    if r.random() < 0.3:
        h.put("seller.purchase_unavailable", {"reason": "ceased", **_some(h)}, edge=0.3)
        _received(h)


def charged_back(h: History) -> None:
    """A dispute over rounds, with demands, deadlines, deductions and retained goods."""
    r = h.rng
    if r.random() < 0.8:
        _bought(h)
    if r.random() < 0.4:
        _received(h)
    stages = ["chargeback", "pre_arbitration", "arbitration"]
    if r.random() < 0.2:
        _opened(h, "cb-1", "pay-1", "inquiry")
    for n, stage in enumerate(stages[: r.choice([1, 1, 2, 3])], 1):
        _round(h, n, stage)


def _round(h: History, n: int, stage: str) -> None:
    r = h.rng
    _opened(h, "cb-1", "pay-1", stage)
    _perhaps_quarantined(h)
    if r.random() < 0.2:
        h.put("payment.freeze_refused", {"hold_id": r.choice(["cb-1", "cb-1:2", "cb-1:3"])})
    if r.random() < 0.4:
        _outstanding(h, "cb-1")
    if r.random() < 0.7:
        h.skip(r.choice([4, 6]))
        _deposit(h, "cb-1" if n == 1 else f"cb-1:{n}")
    if r.random() < 0.3:
        data: dict[str, Any] = {"disposal_id": f"d-{n}", "disposition": "sold", "proceeds": h.money(h.value())}
        if r.random() < 0.6:
            data["chargeback_id"] = "cb-1"
        h.put("warehouse.goods_disposed", h.paying(data, ("proceeds",)))
    if r.random() < 0.3:
        h.put("chargeback.reassessed", {"chargeback_id": "cb-1", "attributable_to_provider": r.random() < 0.5})
    if r.random() < 0.6:
        _closed(h, "cb-1")
    if r.random() < 0.3:
        h.put("warehouse.cost_incurred", {"cost_id": "c", "kind": "other", "amount": h.money(9)})
    if r.random() < 0.3:
        h.put("seller.purchase_unavailable", {"reason": "ceased", **_some(h)})
        h.put("payment.seller_refund_received", {"receipt_id": f"r-{n}", "amount": h.money(h.value())})


def _opened(h: History, id_: str, payment_id: str, stage: str) -> None:
    r = h.rng
    at = h.later()
    data: dict[str, Any] = {
        "chargeback_id": id_,
        "payment_id": payment_id,
        "amount": h.money(r.choice([h.total, h.total, h.value()])),
        "reason": r.choice(["account_stolen", "payment_account_misused", "not_received", "other", "other"]),
        "attributable_to_provider": r.random() < 0.25,
        "stage": stage,
    }
    if r.random() < 0.5:
        data["fee"] = h.money(r.choice([15, 150, h.total]))
    if r.random() < 0.2:
        data["instructed_at"] = instant_text(at - r.choice([0, HOUR, 48 * HOUR]))
    h.add("chargeback.opened", h.paying(data, ("amount", "fee")), at)


def _closed(h: History, id_: str) -> None:
    r = h.rng
    data: dict[str, Any] = {"chargeback_id": id_, "outcome": r.choice(["restored", "restored", "lost"])}
    if r.random() < 0.3:
        data = h.paying(data | {"amount_restored": h.money(r.choice([h.total, h.value()]))}, ("amount_restored",))
    h.put("chargeback.closed", data)


def _outstanding(h: History, id_: str) -> None:
    r = h.rng
    data: dict[str, Any] = {
        "chargeback_id": id_,
        "payment_id": r.choice(["pay-9", "pay-9", "pay-8", "pay-1"]),
        "amount": h.money(r.choice([h.total, h.value()])),
    }
    if r.random() < 0.3:
        data["receipt_id"] = r.choice(["o-1", "o-2"])
    h.put("payment.outstanding_paid", h.paying(data, ("amount",)), edge=0.3)


def _deposit(h: History, id_: str) -> None:
    r = h.rng
    if r.random() < 0.6:
        data = {"deduction_id": id_, "amount": h.money(r.choice([h.total, h.value()]))}
        h.put("payment.deposit_deducted", h.paying(data, ("amount",)), edge=0.2)
    else:
        data = {"deduction_id": id_, "deducted": h.money(r.choice([0, h.value()]))}
        h.put("payment.deposit_insufficient", h.paying(data, ("deducted",)), edge=0.2)


def two_disputes(h: History) -> None:
    """One payment brought in the order, tips and a claim; two chargebacks on it go through rounds."""
    r = h.rng
    if r.random() < 0.7:
        _bought(h)
    for n in range(1, r.choice([2, 3])):
        amount = h.money(r.choice([100, h.total]))
        data = {"tip_id": f"tip-{n}", "payment_id": r.choice(["pay-1", "pay-1", "pay-t"]), "amount": amount}
        h.put("payment.tip_paid", h.paying(data, ("amount",)))
    if r.random() < 0.4:
        h.put("order.tip_refund_requested", {"tip_id": "tip-1"}, edge=0.4)
    if r.random() < 0.4:
        _outstanding(h, r.choice(["cb-1", "cb-2"]))
    for stage in r.sample(["chargeback", "pre_arbitration", "arbitration"], r.choice([1, 2])):
        for id_ in r.sample(["cb-1", "cb-2"], 2):
            _opened(h, id_, r.choice(["pay-1", "pay-1", "pay-1", "pay-t", "pay-9"]), stage)
        if r.random() < 0.5:
            _outstanding(h, r.choice(["cb-1", "cb-2"]))
        for id_ in r.sample(["cb-1", "cb-2"], r.choice([0, 1, 2])):
            _closed(h, id_)
    if r.random() < 0.5:
        h.skip(5)
        _deposit(h, r.choice(["cb-1", "cb-2", "cb-2:2"]))


def paying_the_balance(h: History) -> None:
    """A deposit was paid; the balance comes in time, too late, or in another currency."""
    r = h.rng
    _bought(h)
    for _ in range(r.choice([0, 1, 1])):
        data = {
            "payment_id": r.choice(["pay-2", "pay-1"]),
            "capture_id": "c2",
            "breakdown": h.breakdown(h.value(), 0, 0),
        }
        h.put("payment.captured", h.paying(data, ("breakdown",)), edge=0.5)
    _perhaps_quarantined(h)
    if r.random() < 0.15:
        h.put("warehouse.customs_cleared", {}, edge=0.5)
    if r.random() < 0.25:
        h.put("order.cancellation_requested", {"request_id": "can-1", "channel": "platform", **_some(h)}, edge=0.5)
    if r.random() < 0.2:
        _opened(h, "cb-1", "pay-1", "chargeback")
    if r.random() < 0.4:
        _cost(h, None)
    if r.random() < 0.4:
        data = {"receipt_id": "rr-1", "amount": h.money(h.value())}
        h.put("payment.seller_refund_received", data)
    if r.random() < 0.2:
        _received(h)


def promoted(h: History) -> None:
    """A promoted order is received; the funds answer, the transfer fails, the promoter repays."""
    r = h.rng
    _bought(h)
    if r.random() < 0.2:
        _opened(h, "cb-1", "pay-1", "chargeback")
    if r.random() < 0.2:
        h.put("order.cancellation_requested", {"request_id": "can-1", "channel": "platform", **_some(h)})
    _received(h)
    deduction = {"deduction_id": f"{h.order}:brokerage:1"}
    for _ in range(r.choice([0, 1, 1, 2])):
        if r.random() < 0.7:
            data = deduction | {"amount": h.money(r.choice([25, 35, h.goods, h.value()]))}
            h.put("payment.funds_deducted", h.paying(data, ("amount",)))
        else:
            data = deduction | {"deducted": h.money(r.choice([0, 9, h.value()]))}
            h.put("payment.funds_insufficient", h.paying(data, ("deducted",)))
    if r.random() < 0.3:
        h.put("payment.transfer_failed", {"command_id": "t-1", "amount": h.money(r.choice([5, h.value()]))})
    if r.random() < 0.3:
        data = {"repayment_id": "rep-b", "line": "brokerage", "amount": h.money(r.choice([5, h.value()]))}
        h.put("payment.repayment_received", data)
    if r.random() < 0.3:
        _closed(h, "cb-1")
    if r.random() < 0.3:
        _bought(h, parts=False)


def coming_back(h: History) -> None:
    """Goods can't be had and are delivered after all; what ended opens again, and the quote is revised."""
    r = h.rng
    _bought(h, parts=r.random() < 0.7)
    for _ in range(r.choice([1, 1, 2])):
        h.put("seller.purchase_unavailable", {"reason": r.choice(["ceased", "out_of_stock"]), **_some(h)})
    if r.random() < 0.4:
        _revised(h)
    if r.random() < 0.3:
        h.put("order.cancellation_requested", {"request_id": "can-1", "channel": "platform", **_some(h)})
        _answer(h, "can-1")
    if r.random() < 0.4:
        h.put("payment.seller_refund_received", {"receipt_id": "rr-1", "amount": h.money(h.value())})
    if r.random() < 0.7:
        _received(h)
    if r.random() < 0.4:
        _bought(h)
    if r.random() < 0.3:
        _delivered(h)
    if r.random() < 0.3:
        _revised(h)


def unclear(h: History) -> None:
    """Goods arrive before any known purchase, or a record can't be read; buyers cancel and object all the same."""
    r = h.rng
    if r.random() < 0.4:
        _purchase(h, "pur-1", h.goods // 2, h.shipping, _of(h, h.ids[0]))
    for _ in range(r.choice([0, 1, 2, 2, 3])):
        h.quarantine()
    if r.random() < 0.6:
        data: dict[str, Any] = {"receipt_id": "r-1", **_some(h)}
        h.put("warehouse.goods_received", data | ({"final": True} if r.random() < 0.3 else {}))
    for id_ in ("can-1", "can-2")[: r.choice([1, 2])]:
        h.put("order.cancellation_requested", {"request_id": id_, "channel": "platform", **_some(h)}, edge=0.3)
        if r.random() < 0.4:
            _answer(h, id_)
        if r.random() < 0.5:
            h.quarantine()
        if r.random() < 0.3:
            h.put("order.request_withdrawn", {"request_id": id_})
    if r.random() < 0.5:
        _bought(h)
    if r.random() < 0.3:
        h.quarantine()


def waiting(h: History) -> None:
    """Nobody accepts, or it is done at the last instant; the buyer withdraws parts before the order is effective."""
    r = h.rng
    _perhaps_quarantined(h)
    if r.random() < 0.7:
        h.put("order.accepted", {}, edge=0.7)
    if r.random() < 0.4:
        h.put("order.cancellation_requested", {"request_id": "can-1", "channel": "platform", **_some(h)}, edge=0.3)
    if r.random() < 0.5:
        h.put("payment.captured", {"payment_id": "pay-1", "capture_id": "c1", "breakdown": h.quote}, edge=0.5)
    if r.random() < 0.3:
        h.put("order.refused", {"ground": r.choice(["special_request", "prohibited", "restricted", "other"])}, edge=0.3)
    if r.random() < 0.3:
        _revised(h)
    if r.random() < 0.3:
        _bought(h)
    if r.random() < 0.3:
        _cost(h, None)


def settling(h: History) -> None:
    """Faults, breaches, refunds elsewhere, failures and repayments are set off against each other."""
    r = h.rng
    if r.random() < 0.7:
        _bought(h)
    if r.random() < 0.3:
        h.put("seller.purchase_unavailable", {"reason": "ceased", **_some(h)})
    for n in range(r.choice([1, 2, 3])):
        line = r.choice(["purchase", "compensation", "owed", "owed", "tip:tip-1", "chargeback:cb-1"])
        kind = r.choice(["fault", "breach", "elsewhere", "repaid", "failed", "failed"])
        if kind == "fault":
            data = {"finding_id": r.choice(["f-1", f"f-{n}"]), "direct_loss": h.money(h.value())}
            h.put("order.provider_fault_found", h.paying(data, ("direct_loss",)))
        elif kind == "breach":
            ground = r.choice(["prohibited", "unjust_chargeback", "other"])
            data = {"finding_id": r.choice(["f-1", f"f-{n}"]), "ground": ground, "loss": h.money(h.value())}
            h.put("order.buyer_breach_found", h.paying(data, ("loss",)))
        elif kind == "elsewhere":
            data = {"refund_id": f"els-{n}", "line": line, "amount": h.money(h.value())}
            where = {"payment_id": "pay-1"} if r.random() < 0.6 else {}
            h.put("payment.refunded_elsewhere", h.paying(data | where, ("amount",)))
        elif kind == "repaid":
            data = {"repayment_id": f"rep-{n}", "line": line, "amount": h.money(h.value())}
            h.put("payment.repayment_received", h.paying(data, ("amount",)))
        else:
            data = {"command_id": f"k-{n}", "line": line, "amount": h.money(h.value())}
            h.put("payment.refund_failed", data | ({"payment_id": "pay-1"} if r.random() < 0.6 else {}))
    if r.random() < 0.4:
        _opened(h, "cb-1", "pay-1", "chargeback")
    if r.random() < 0.3:
        h.put("payment.tip_paid", {"tip_id": "tip-1", "payment_id": "pay-1", "amount": h.money(30000)})


def undelivered(h: History) -> None:
    """A refund fails to the payment, and then on the other way; then less is due, or more."""
    r = h.rng
    line, payment = r.choice(
        [
            ("purchase", "pay-1"),
            ("tip:tip-1", "pay-t"),
            ("compensation", None),
            ("owed", None),
            ("chargeback:cb-1", r.choice(["pay-9", None])),
        ]
    )
    if line == "purchase":
        _purchase_due(h)
    elif line == "tip:tip-1":
        h.put("payment.tip_paid", {"tip_id": "tip-1", "payment_id": "pay-t", "amount": h.money(h.total)})
        h.put("order.tip_refund_requested", {"tip_id": "tip-1"}, edge=0.2)
    elif line == "compensation":
        h.put("order.provider_fault_found", {"finding_id": "f-1", "direct_loss": h.money(h.value())})
    elif line == "owed":
        if r.random() < 0.4:
            _opened(h, "cb-1", "pay-1", "chargeback")
        data = {"repayment_id": "rep-0", "line": "owed", "amount": h.money(h.total)}
        h.put("payment.repayment_received", data)
    else:
        _opened(h, "cb-1", "pay-1", "chargeback")
        if payment is None:
            _deposit(h, "cb-1")
        else:
            data = {"chargeback_id": "cb-1", "payment_id": payment, "amount": h.money(h.total)}
            h.put("payment.outstanding_paid", data)
        h.put("chargeback.closed", {"chargeback_id": "cb-1", "outcome": "restored"})
    if payment is not None:
        _failed(h, "k-1", line, payment)
    _failed(h, "k-2", line, None)
    for n in range(r.choice([0, 1, 2])):
        _afterwards(h, n, line)


def _purchase_due(h: History) -> None:
    if h.rng.random() < 0.5:
        h.put("seller.purchase_unavailable", {"reason": "ceased", **_some(h)})
    else:
        h.put("order.cancellation_requested", {"request_id": "can-1", "channel": "platform", **_some(h)})


def _failed(h: History, id_: str, line: str, payment: str | None, at: int | None = None) -> None:
    amount = h.money(h.rng.choice([h.total, h.total, h.total * 2, h.value()]))
    data: dict[str, Any] = {"command_id": id_, "line": line, "amount": amount}
    if payment is not None:
        data["payment_id"] = payment
    if at is None:
        h.put("payment.refund_failed", data)
    else:
        h.add("payment.refund_failed", data, at)


def _afterwards(h: History, n: int, line: str) -> None:
    """A failure of less is reported, or the money comes back, or goes out elsewhere, or is not due any more."""
    r = h.rng
    what = r.choice(["less failed", "repaid", "elsewhere", "bought", "breach", "opened"])
    if what == "less failed":
        _failed(h, "k-2", line, None, h.now - r.choice([-1, 1, 48]) * HOUR)
    elif what == "repaid":
        data = {"repayment_id": f"rep-{n}", "line": line, "amount": h.money(h.value())}
        h.put("payment.repayment_received", data)
    elif what == "elsewhere":
        data = {"refund_id": f"els-{n}", "line": line, "amount": h.money(h.value())}
        h.put("payment.refunded_elsewhere", data)
    elif what == "bought":
        h.add(
            "seller.purchase_confirmed",
            {"purchase_id": "pur-0", "goods": h.money(h.goods), "to_warehouse_shipping": h.money(h.shipping)},
            h.now - 96 * HOUR,
        )
    elif what == "breach":
        h.put("order.buyer_breach_found", {"finding_id": "b-1", "ground": "other", "loss": h.money(h.value())})
    else:
        _opened(h, "cb-2", "pay-1", "chargeback")


PLOTS: list[Callable[[History], None]] = [
    cancelling,
    cancelling,
    haggling,
    dissolving,
    dissolving,
    returning,
    requoting,
    confirming,
    charged_back,
    charged_back,
    two_disputes,
    paying_the_balance,
    promoted,
    coming_back,
    unclear,
    unclear,
    waiting,
    settling,
    undelivered,
]
