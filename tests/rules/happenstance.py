"""One random message after another: the pools that histories draw from, and the data of every type of message."""

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Event = dict[str, Any]
ORDER = "ord-1"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = 3_600_000_000
DAY = 24 * HOUR

SOURCES = ("/order", "/payment", "/warehouse")
PAYMENTS = ("pay-1", "pay-1", "pay-1", "pay-2", "pay-3", "pay-t", "pay-9")
CHARGEBACKS = ("cb-1", "cb-1", "cb-1", "cb-2", "cb-3")
DEDUCTIONS = ("cb-1", "cb-1", "cb-2", "cb-1:2", "cb-3")
REQUESTS = ("r-1", "r-1", "r-2", "r-3")
TIPS = ("tip-1", "tip-1", "tip-2")
LINES = ("purchase", "purchase", "purchase", "tip:tip-1", "tip:tip-2", "brokerage", "compensation", "owed", "owed")
ITEMS = ("1", "2")
MORE_LINES = ("chargeback:cb-1", "chargeback:cb-2", "somewhere")
SUMS = (0, 1, 450, 5_000, 50_000, 101_200, 101_301, 250_000)
CATEGORIES = ("customized", "advance_deposit", "low_reputation_seller", "no_market_price", "sensitive_or_restricted")
GROUNDS = ("not_as_committed", "defective", "infringing")


def when(instant: int) -> str:
    """RFC 3339 of an instant in microseconds since the usual start."""
    return (START + timedelta(microseconds=instant)).isoformat().replace("+00:00", "Z")


def foreign(data: Any) -> Any:
    """The same data with its money in another currency."""
    if isinstance(data, dict):
        return {name: "USD" if name == "currency" else foreign(value) for name, value in data.items()}
    return [foreign(one) for one in data] if isinstance(data, list) else data


class Story:
    """A maker of one random history."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.events: list[Event] = []
        self.instants = [0, HOUR]
        self.now = 0
        self.steady = False

    def pick(self, pool: tuple[str, ...]) -> str:
        """One of a pool; while the story is steady, mostly the first, so that messages speak of the same thing."""
        return pool[0] if self.steady and self.likely(0.9) else self.rng.choice(pool)

    def likely(self, share: float) -> bool:
        return self.rng.random() < share

    def sum(self, *likely: int) -> dict[str, Any]:
        value = self.rng.choice(likely) if likely and self.likely(0.7) else self.rng.choice(SUMS)
        return {"currency": "CNY", "value": value}

    def instant(self) -> int:
        """A little after what was added last; or at, just before or after an instant or a deadline of before."""
        roll = self.rng.random()
        if roll < 0.55:
            self.now += HOUR * self.rng.choice((0, 1, 1, 3, 24))
            return self.now
        base = self.rng.choice(self.instants)
        if roll < 0.85:
            base += DAY * self.rng.choice((3, 10, 10, 30, 7, 14))
            self.now = max(self.now, base)
        return base + self.rng.choice((0, 0, 0, -1, 1, HOUR, -HOUR))

    def refs(self, share: float) -> dict[str, Any]:
        """Now and then a list of items, of those that the order has or nearly has."""
        if not self.likely(share):
            return {}
        named = self.rng.sample(ITEMS, self.rng.choice((1, 1, 2)))
        if self.likely(0.03):
            named.append("9")
        refs: list[dict[str, Any]] = [{"item_id": one} for one in named]
        for ref in refs:
            if self.likely(0.5):
                ref["quantity"] = self.rng.choice((1, 1, 2, 3, 5))
        return {"items": refs}

    def booked(self, data: dict[str, Any], value: int) -> dict[str, Any]:
        """Now and then the money in another currency, with what was booked for it."""
        if not self.likely(0.03):
            return data
        return {**foreign(data), "settled": {"currency": self.rng.choice(("CNY", "CNY", "EUR")), "value": value}}

    def add(self, kind: str, data: dict[str, Any], instant: int | None = None) -> None:
        instant = self.instant() if instant is None else instant
        self.instants.append(instant)
        if self.likely(0.03):
            data = foreign(data)
        self.events.append(
            {
                "specversion": "1.0",
                "id": f"e{len(self.events)}" if self.likely(0.98) else "e1",
                "source": self.rng.choice(SOURCES),
                "type": f"purchasing.{kind}.v1",
                "subject": ORDER,
                "time": when(instant),
                "data": data,
            }
        )

    def breakdown(
        self, goods: int = 100_000, shipping: int = 1_200, fee: int = 101, extras: float = 0.3
    ) -> dict[str, Any]:
        other = []
        if self.likely(extras):
            other.append({"kind": "packaging", "amount": self.sum(300, 500), "collected_by": "provider"})
        if self.likely(extras):
            other.append({"kind": "storage", "amount": self.sum(800), "collected_by": "third_party"})
        return {
            "goods": {"currency": "CNY", "value": goods},
            "to_warehouse_shipping": {"currency": "CNY", "value": shipping},
            "service_fee": {"currency": "CNY", "value": fee},
            "other_fees": other,
        }

    # One method a message; each returns the data.

    def placed(self) -> dict[str, Any]:
        # Most orders are beyond reproach, else hardly any would get anywhere.
        flawed = self.likely(0.2)
        item: dict[str, Any] = {"link": "l", "seller_name": "s", "specification": "x", "quantity": 2}
        items = [item]
        if self.likely(0.5):
            items = [item | {"quantity": self.rng.choice((1, 2, 3))}, item | {"quantity": self.rng.choice((1, 2))}]
            if self.likely(0.75):
                for one, price in zip(items, self.rng.choice(((30_000, 20_000), (10_000, 0), (1, 2))), strict=True):
                    one["unit_price"] = {"currency": "CNY", "value": price}
            item = items[0]
        if flawed and self.likely(0.15):
            item[self.rng.choice(("link", "seller_name", "specification", "quantity"))] = self.rng.choice((None, " "))
            item["quantity"] = item["quantity"] if item["quantity"] != " " else None
        data: dict[str, Any] = {
            "account_id": "acct-7",
            "provider_id": self.rng.choice(("prov-1", "prov-2")),
            "seller_id": "sell-9",
            "currency": "CNY",
            "items": [] if flawed and self.likely(0.08) else items,
            "domestic_address": self.rng.choice((None, "  ", "")) if flawed and self.likely(0.15) else "Warehouse 3",
            "logistics_provider_id": self.rng.choice((None, " ", "logi-4"))
            if flawed and self.likely(0.5)
            else "logi-4",
            "mandate": None if flawed and self.likely(0.2) else {"agreed_at": when(0)},
            "quote": self.breakdown(self.rng.choice((100_000, 100_000, 99_500)), extras=0.1),
            "determinable": self.likely(0.2),
            "categories": [c for c in CATEGORIES if self.likely(0.06)],
            "disclosed_issues": [g for g in GROUNDS if self.likely(0.08)],
        }
        if flawed and self.likely(0.2):
            data["categories"].append(self.rng.choice(("prohibited", "infringing")))
        if self.likely(0.4):
            promotion = {"promoter_id": "prm-5", "basis": self.rng.choice(("goods", "order_amount"))}
            data["promotion"] = {**promotion, "rate_bps": self.rng.choice((0, 250, 333, 20_000))}
            if self.likely(0.4):
                data["promotion"]["fixed"] = self.sum(1)
        if self.likely(0.12):
            data["payment_plan"] = [
                {"part": "deposit", "amount": self.sum(30_000)},
                {"part": "balance", "amount": self.sum(71_301)},
            ]
            if self.likely(0.8):
                data["payment_plan"][1]["due_at"] = when(self.rng.choice((6 * HOUR, DAY, 4 * DAY)))
        if self.likely(0.3):
            data["cancellation_deadline"] = when(self.rng.choice((2 * HOUR, 6 * HOUR, DAY, 10 * DAY)))
        if self.likely(0.4):
            data["dissolution_period_days"] = self.rng.choice((0, 3, 7, 14))
        return data

    def accepted(self) -> dict[str, Any]:
        return {"logistics_provider_id": self.rng.choice(("logi-8", " "))} if self.likely(0.3) else {}

    def captured(self) -> dict[str, Any]:
        quotes = [e["data"]["quote"] for e in self.events if "quote" in e["data"]]
        if quotes and self.likely(0.7 if self.steady else 0.2):
            return {"payment_id": self.pick(PAYMENTS), "breakdown": quotes[-1 if self.likely(0.3) else 0]}
        goods = self.rng.choice((100_000, 100_000, 100_000, 50_000, 110_000, 0))
        fees = self.rng.choice(((1_200, 101), (1_200, 101), (1_200, 101), (0, 0), (1_500, 0)))
        data = {"payment_id": self.pick(PAYMENTS), "breakdown": self.breakdown(goods, *fees)}
        if self.likely(0.05):
            data["capture_id"] = self.rng.choice(("cap-1", "cap-2"))
        return self.booked(data, goods)

    def revised(self) -> dict[str, Any]:
        goods = self.rng.choice((110_000, 90_000, 60_000, 100_000))
        data = {
            "revision_id": self.rng.choice(("rev-1", "rev-1", "rev-2")),
            "quote": self.breakdown(goods, 1_200, goods // 1000 + 1, extras=0.1),
            "agreed_at": when(self.now + HOUR * self.rng.choice((0, 0, -1, 2, 24))),
            **self.refs(0.3),
        }
        if self.likely(0.1):
            data["payment_plan"] = [{"part": "deposit", "amount": self.sum(30_000)}]
        return data

    def bought(self) -> dict[str, Any]:
        goods = self.rng.choice((100_000, 100_000, 90_000, 120_000, 0))
        data = {
            "purchase_id": self.pick(("pur-1", "pur-1", "pur-2")),
            "goods": self.sum(goods),
            "to_warehouse_shipping": self.sum(1_200, 1_000),
            **self.refs(0.35),
        }
        data = {**data, "deposit": self.sum(30_000)} if self.likely(0.25) else data
        return self.booked(data, goods)

    def request(self) -> dict[str, Any]:
        return {"request_id": self.pick(REQUESTS)}

    def cancels(self) -> dict[str, Any]:
        return {**self.request(), "channel": "platform" if self.likely(0.9) else "other", **self.refs(0.35)}

    def dissolves(self) -> dict[str, Any]:
        evidence = ["https://e.example/1"] if self.likely(0.9) else []
        return {
            **self.request(),
            "ground": self.rng.choice(GROUNDS),
            "inspected": self.likely(0.9),
            "evidence": evidence,
            **self.refs(0.35),
        }

    def cancel_agreed(self) -> dict[str, Any]:
        data: dict[str, Any] = self.request()
        if self.likely(0.5):
            data["penalty"] = self.sum(5_000)
        if self.likely(0.25):
            data["amount"] = self.sum(20_000, 101_200, 90_000)
        return data

    def cancel_refused(self) -> dict[str, Any]:
        return {**self.request(), "reason": self.rng.choice(("declined", "damaged_in_return", "other"))}

    def objects(self) -> dict[str, Any]:
        scope = self.rng.choice(("package", "quality"))
        return {"objection_id": self.pick(("obj-1", "obj-2")), "scope": scope, "evidence": []}

    def verified(self) -> dict[str, Any]:
        whose = self.rng.choice(("logistics", "logistics", "seller", "none"))
        return {"objection_id": self.pick(("obj-1", "obj-2", "rcp-1")), "attributable_to": whose}

    def received(self) -> dict[str, Any]:
        data: dict[str, Any] = {"receipt_id": self.rng.choice(("rcp-1", "rcp-2"))}
        data["objections"] = ["box torn"] if self.likely(0.2) else []
        data |= self.refs(0.3)
        return {**data, "final": self.likely(0.5)} if self.likely(0.3) else data

    def delivered(self) -> dict[str, Any]:
        data: dict[str, Any] = {"package_id": self.rng.choice(("pkg-1", "pkg-2")), **self.refs(0.3)}
        return {**data, "final": self.likely(0.5)} if self.likely(0.3) else data

    def costs(self) -> dict[str, Any]:
        kind = self.rng.choice(("packaging", "transport", "custody"))
        data = {"cost_id": self.rng.choice(("c-1", "c-2")), "kind": kind, "amount": self.sum(450, 900)}
        if self.likely(0.4):
            data |= self.request()
        return (
            {**data, "borne_by": self.rng.choice(("provider", "third_party", "seller"))} if self.likely(0.3) else data
        )

    def disposed(self) -> dict[str, Any]:
        data: dict[str, Any] = {"disposal_id": self.rng.choice(("d-1", "d-2")), "disposition": "sold"}
        if self.likely(0.8):
            data["chargeback_id"] = self.pick(CHARGEBACKS)
        return {**data, "proceeds": self.sum(70_000)} if self.likely(0.8) else data

    def tipped(self) -> dict[str, Any]:
        payment = self.rng.choice(("pay-t", "pay-t", "pay-t", "pay-1", "pay-9"))
        return {"tip_id": self.pick(TIPS), "payment_id": payment, "amount": self.sum(1_500, 26_000, 20_000)}

    def outstanding(self) -> dict[str, Any]:
        payment = self.rng.choice(("pay-9", "pay-9", "pay-8", "pay-1", "pay-t"))
        return {
            "chargeback_id": self.pick(CHARGEBACKS),
            "payment_id": payment,
            "amount": self.sum(101_301, 30_000),
        }

    def repaid(self) -> dict[str, Any]:
        line = self.pick(LINES if self.likely(0.8) else MORE_LINES)
        return {"repayment_id": self.rng.choice(("rep-1", "rep-2", "rep-3")), "line": line, "amount": self.sum(101_200)}

    def failed(self) -> dict[str, Any]:
        line = self.pick(LINES if self.likely(0.8) else MORE_LINES)
        data = {
            "command_id": self.rng.choice(("x-1", "x-2", "x-3")),
            "line": line,
            "amount": self.sum(101_200, 101_301),
        }
        return {**data, "payment_id": self.pick(PAYMENTS)} if self.likely(0.6) else data

    def deducted(self) -> dict[str, Any]:
        return {"deduction_id": self.pick(DEDUCTIONS), "amount": self.sum(101_301)}

    def funds_deducted(self) -> dict[str, Any]:
        return {"deduction_id": f"{ORDER}:brokerage:1", "amount": self.sum(2_500)}

    def funds_insufficient(self) -> dict[str, Any]:
        return {"deduction_id": f"{ORDER}:brokerage:1", "deducted": self.sum(0, 1_000)}

    def elsewhere(self) -> dict[str, Any]:
        line = self.pick(LINES if self.likely(0.8) else MORE_LINES)
        data = {"refund_id": self.rng.choice(("el-1", "el-2")), "line": line, "amount": self.sum(40_000, 101_200)}
        return {**data, "payment_id": self.pick(PAYMENTS)} if self.likely(0.6) else data

    def transfer_failed(self) -> dict[str, Any]:
        return {"command_id": self.rng.choice(("x-1", "x-2")), "amount": self.sum(2_500)}

    def breach(self) -> dict[str, Any]:
        ground = self.rng.choice(("prohibited", "unjust_chargeback", "other"))
        return {"finding_id": self.rng.choice(("b-1", "b-2")), "ground": ground, "loss": self.sum(20_000)}

    def hold_refused(self) -> dict[str, Any]:
        return {"hold_id": self.rng.choice(("cb-1", "cb-1:2", "cb-2"))}

    def insufficient(self) -> dict[str, Any]:
        return {"deduction_id": self.pick(DEDUCTIONS), "deducted": self.sum(40_000, 0)}

    def charged_back(self) -> dict[str, Any]:
        reasons = (
            "account_stolen",
            "payment_account_misused",
            "not_received",
            "not_as_described",
            "duplicate",
            "other",
        )
        payment = self.pick((*PAYMENTS, "pay-unknown"))
        data = {"chargeback_id": self.pick(CHARGEBACKS), "payment_id": payment}
        data["reason"] = self.rng.choice(reasons)
        if self.likely(0.35):
            data["stage"] = self.rng.choice(("inquiry", "chargeback", "pre_arbitration", "arbitration"))
        if self.likely(0.2):
            data["instructed_at"] = when(self.now - HOUR * self.rng.choice((1, 24)))
        if self.likely(0.2):
            data["fee"] = self.sum(1_500)
        return {**data, "amount": self.sum(101_301, 60_000), "attributable_to_provider": self.likely(0.4)}

    def charge_closed(self) -> dict[str, Any]:
        outcome = self.rng.choice(("restored", "restored", "lost"))
        data = {"chargeback_id": self.pick(CHARGEBACKS), "outcome": outcome}
        return {**data, "amount_restored": self.sum(30_000)} if self.likely(0.2) else data

    def reassessed(self) -> dict[str, Any]:
        return {"chargeback_id": self.pick(CHARGEBACKS), "attributable_to_provider": self.likely(0.5)}

    def fault(self) -> dict[str, Any]:
        return {"finding_id": self.rng.choice(("f-1", "f-2")), "direct_loss": self.sum(150_000)}

    def seller_refund(self) -> dict[str, Any]:
        data = {"receipt_id": self.rng.choice(("rr-1", "rr-2")), "amount": self.sum(20_000, 101_200)}
        return data | self.request() if self.likely(0.4) else data

    def any_data(self, kind: str) -> dict[str, Any]:
        """Data of a message of that type. Nothing is drawn for other types, so a new type changes no history without
        it."""
        rng = self.rng
        simple: dict[str, Callable[[], dict[str, Any]]] = {
            "order.refused": lambda: {"ground": rng.choice(("special_request", "prohibited", "restricted", "other"))},
            "order.receipt_confirmed": dict,
            "warehouse.customs_cleared": dict,
            "order.tip_refund_requested": lambda: {"tip_id": rng.choice((*TIPS, "tip-9"))},
            "seller.purchase_unavailable": lambda: {"reason": "out_of_stock", **self.refs(0.4)},
            "order.request_withdrawn": lambda: {"request_id": self.pick((*REQUESTS, "tip-1"))},
            "order.objection_withdrawn": lambda: {"objection_id": self.pick(("obj-1", "obj-2"))},
            "order.issue_disclosed": lambda: {"grounds": [rng.choice(GROUNDS)]},
            "order.excess_approved": lambda: {"amount": self.sum(101_200)},
            "payment.refund_succeeded": lambda: {"command_id": rng.choice(("x-1", "x-2"))},
            "seller.dissolution_refused": self.request,
            "seller.dissolution_agreed": lambda: {**self.request(), "disposition": "return"},
        }
        return simple[kind]() if kind in simple else getattr(self, MAKERS[kind])()


MAKERS = {
    "order.placed": "placed",
    "order.accepted": "accepted",
    "order.cancellation_requested": "cancels",
    "order.dissolution_requested": "dissolves",
    "order.objection_raised": "objects",
    "order.provider_fault_found": "fault",
    "payment.captured": "captured",
    "payment.tip_paid": "tipped",
    "payment.seller_refund_received": "seller_refund",
    "payment.outstanding_paid": "outstanding",
    "payment.repayment_received": "repaid",
    "payment.refund_failed": "failed",
    "payment.deposit_deducted": "deducted",
    "payment.deposit_insufficient": "insufficient",
    "warehouse.goods_received": "received",
    "warehouse.objection_verified": "verified",
    "warehouse.cost_incurred": "costs",
    "warehouse.package_delivered": "delivered",
    "warehouse.goods_disposed": "disposed",
    "seller.purchase_confirmed": "bought",
    "seller.cancellation_agreed": "cancel_agreed",
    "seller.cancellation_refused": "cancel_refused",
    "chargeback.opened": "charged_back",
    "chargeback.closed": "charge_closed",
    "chargeback.reassessed": "reassessed",
    "order.quote_revised": "revised",
    "order.buyer_breach_found": "breach",
    "payment.refunded_elsewhere": "elsewhere",
    "payment.funds_deducted": "funds_deducted",
    "payment.funds_insufficient": "funds_insufficient",
    "payment.transfer_failed": "transfer_failed",
    "payment.freeze_refused": "hold_refused",
}
