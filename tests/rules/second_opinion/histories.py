"""Random histories of one order over all messages, members and terms, biased to collisions.

Half of them follow a plot (`plots.py`), with random messages in between: by chance alone few orders come far.
"""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

from tests.rules.second_opinion import plots
from tests.rules.second_opinion.terms import binding, instant_text, micros

if TYPE_CHECKING:
    from collections.abc import Callable

ORDER = "ord-1"
HOUR = 3_600_000_000
DAY = 24 * HOUR
T0 = micros("2026-03-02T09:00:00Z")
GROUNDS = ("not_as_committed", "defective", "infringing")
TOPICS = {
    "order": "order",
    "payment": "payment",
    "seller": "seller-response",
    "warehouse": "warehouse-receipt",
    "chargeback": "chargeback",
}


class History:
    """One order's events, in the order of their times, and the terms sets; `plot`: the plot that they follow."""

    def __init__(self, seed: int, size: int = 14, plot: Callable[[History], None] | None = None) -> None:
        self.rng = Random(seed)
        r = self.rng
        self.events: list[dict[str, Any]] = []
        self.times = sorted(r.choice([r.randrange(0, 12) * HOUR, r.randrange(0, 20) * 12 * HOUR]) for _ in range(6))
        self.ties = r.random() < 0.2
        if self.ties:
            self.times = self.times[:2]
        self.prices = r.choice(["all", "all", "all", "none", "some", "zero"])
        self.foreign = 0.06 if r.random() < 0.35 else 0.0
        self.plot = plot or (r.choice(plots.PLOTS) if r.random() < 0.5 else None)
        self.is_sound = self.plot is not None and r.random() < 0.95
        if self.plot is not None and r.random() < 0.15:
            self.foreign = 0.3
        self.deposit = False
        self.order = ORDER
        self.now = T0
        self.step = r.choice([HOUR, 6 * HOUR, DAY])
        self.items = self._items()
        self.ids = [i.get("item_id", str(n)) for n, i in enumerate(self.items, 1)] or ["1"]
        self.sets = self._terms()
        self._placed()
        if self.plot is not None:
            self._follow(self.plot)
        else:
            self._at_random(size)
        self.events.sort(key=lambda e: (e["time"], e["id"]))

    def _follow(self, plot: Callable[[History], None]) -> None:
        """An order that is accepted and paid, the events of the plot, and a little noise."""
        r = self.rng
        if plot is not plots.waiting:
            self.put("order.accepted", {})
        data = {"payment_id": "pay-1", "breakdown": self.quote}
        if self.deposit and r.random() < 0.8:
            data["breakdown"] = self.breakdown(self.total // 3 + r.choice([0, 0, 1, -1, 100]), 0, 0)
        if plot is not plots.waiting or r.random() < 0.3:
            self.put("payment.captured", self.paying(data, ("breakdown",)))
        plot(self)
        for _ in range(r.choice([0, 0, 1, 2, 4])):
            getattr(self, r.choice(ALL))()
        if self.foreign:
            for _ in range(r.choice([0, 1, 2])):
                self._converted()

    def _at_random(self, size: int) -> None:
        """Messages of a few themes, at random."""
        r = self.rng
        if r.random() < 0.93:
            self.add("order.accepted", {} if r.random() < 0.9 else {"logistics_provider_id": r.choice(["l-2", " "])})
        if r.random() < 0.9:
            self._captured(whole=True)
        if r.random() < 0.65:
            self._purchase(whole=r.random() < 0.6)
        if r.random() < 0.4:
            self._received()
        if r.random() < 0.3:
            self._delivered()
        themes = r.sample(THEMES, r.randrange(1, 4))
        for _ in range(r.randrange(2, size)):
            getattr(self, r.choice(r.choice(themes) if r.random() < 0.85 else ALL))()

    # used by the plots

    def put(self, kind: str, data: dict[str, Any], edge: float = 0.0) -> None:
        """Add a message some time after the one before, mostly; with the chance `edge` where a period ends."""
        r = self.rng
        if r.random() < 0.06:
            return
        self.add(kind, data, self.later(edge))
        if r.random() < 0.05:
            self._again()

    def later(self, edge: float = 0.0) -> int:
        """The time of the next message of the plot."""
        r = self.rng
        if r.random() < edge:
            at = self._edge()
        elif r.random() < 0.1:
            return self.at()
        else:
            at = self.now + r.choice([0, 0, 1, 1, 2, 5]) * self.step
        self.now = max(self.now, at)
        return at

    def skip(self, days: int) -> None:
        """Let days pass."""
        self.now += days * DAY

    def quarantine(self) -> None:
        """Add a record that breaks the contract."""
        self._quarantined()
        self.events[-1]["time"] = instant_text(self.later())

    def _edge(self) -> int:
        """The last instant of a period that some message begins, or the microsecond beside it."""
        r = self.rng
        beside = r.choice([0, 0, 0, 1, 1, -1])
        placed = next(e for e in self.events if e["type"] == "purchasing.order.placed.v1")["data"]
        instants = [p["due_at"] for p in placed.get("payment_plan") or () if p.get("due_at")]
        instants += [placed["cancellation_deadline"]] if placed.get("cancellation_deadline") else []
        if instants and r.random() < 0.5:
            return micros(r.choice(instants)) + beside
        terms = binding(self.sets, "prov-1", T0)
        deemed = max(terms.deemed_confirmation_days, placed.get("dissolution_period_days") or 0)
        days = [deemed, deemed, placed.get("dissolution_period_days"), terms.acceptance_days, terms.acceptance_days]
        days += [terms.payment_demand_days, terms.quarantine_days, terms.tip_refund_days]
        start = micros(r.choice(self.events)["time"])
        return terms.last_instant(start, r.choice([d for d in days if d is not None])) + beside

    # values

    def money(self, value: int, currency: str = "CNY") -> dict[str, Any]:
        return {"currency": currency, "value": value}

    def value(self) -> int:
        r = self.rng
        total = self.total
        return max(
            0,
            r.choice(
                [
                    total,
                    total,
                    self.goods,
                    self.goods + self.shipping,
                    self.shipping,
                    total // 2,
                    total // 3,
                    r.randrange(0, 2 * total + 2),
                    r.randrange(0, total + 2),
                    r.randrange(0, 30),
                    0,
                    total - 1,
                    total + 1,
                ]
            ),
        )

    def at(self) -> int:
        r = self.rng
        if self.ties and r.random() < 0.8:
            return T0 + r.choice(self.times)
        if self.events and r.random() < 0.25:
            return micros(r.choice(self.events)["time"])
        if r.random() < 0.12:
            # 24:00 Beijing time: where the periods of the Civil Code end
            return T0 + 7 * HOUR + r.randrange(0, 20) * DAY + r.choice([-1, 0, 0, 1])
        if r.random() < 0.06:
            return T0 + r.randrange(0, 12) * DAY + r.choice([-1, 0, 1])
        at = T0 + r.choice(self.times)
        if r.random() < 0.3:
            at += r.randrange(0, 6) * HOUR
        if r.random() < 0.03:
            at = T0 - r.randrange(1, 50) * HOUR
        return at

    def add(self, kind: str, data: dict[str, Any], at: int | None = None) -> None:
        r = self.rng
        self.events.append(
            {
                "specversion": "1.0",
                "id": f"e{len(self.events) + 1:02}" if r.random() < 0.9 else f"a{r.randrange(100)}-{len(self.events)}",
                "source": r.choice(["/a", "/a", "/b"]),
                "type": f"purchasing.{kind}.v1",
                "subject": ORDER,
                "time": instant_text(self.at() if at is None else at),
                "datacontenttype": "application/json",
                "data": data,
            }
        )

    def paying(self, data: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        """The data with its money perhaps in another currency, and perhaps with what was booked."""
        r = self.rng
        if r.random() >= self.foreign:
            return data
        changed = {n: self.abroad(v) if n in names else v for n, v in data.items()}
        if r.random() < 0.5:
            changed["settled"] = self.money(self.value(), "CNY" if r.random() < 0.9 else "EUR")
        return changed

    def abroad(self, value: Any) -> Any:
        if isinstance(value, dict) and set(value) == {"currency", "value"}:
            return self.money(value["value"] // 7 + 1, "USD")
        if isinstance(value, dict):
            return {n: self.abroad(v) for n, v in value.items()}
        if isinstance(value, list):
            return [self.abroad(v) for v in value]
        return value

    # the order

    def _items(self) -> list[dict[str, Any]]:
        r = self.rng
        if not self.is_sound and r.random() < 0.04:
            return []
        items = []
        named = r.random() < 0.4
        for n in range(r.choice([1, 1, 2, 2, 2, 3])):
            item: dict[str, Any] = {"link": "l", "seller_name": "s", "specification": "x"}
            if named:
                item["item_id"] = "abc"[n]
            if self.is_sound or r.random() < 0.9:
                item["quantity"] = r.choice([1, 1, 2, 3, 4])
            if self.prices == "all" or (self.prices == "some" and r.random() < 0.7):
                item["unit_price"] = self.money(r.choice([0, 100, 100, 333, 250, 1000]))
            if self.prices == "zero":
                item["unit_price"] = self.money(0)
            if not self.is_sound and r.random() < 0.02:
                item[r.choice(["link", "seller_name", "specification"])] = r.choice([None, " "])
            items.append(item)
        return items

    def breakdown(self, goods: int, shipping: int, fee: int) -> dict[str, Any]:
        r = self.rng
        others = [
            {
                "kind": r.choice(["storage", "packaging", "fixed_loss", "transaction", "other"]),
                "amount": self.money(r.choice([0, 5, 50, 80, 300])),
                "collected_by": r.choice(["provider", "third_party"]),
            }
            for _ in range(r.choice([0, 0, 0, 1, 2]))
        ]
        return {
            "goods": self.money(goods),
            "to_warehouse_shipping": self.money(shipping),
            "service_fee": self.money(fee),
            "other_fees": others,
        }

    def _total(self, b: dict[str, Any]) -> int:
        parts = [b["goods"], b["to_warehouse_shipping"], b["service_fee"], *(o["amount"] for o in b["other_fees"])]
        return sum(m["value"] for m in parts)

    def _placed(self) -> None:
        r = self.rng
        priced = sum((i.get("unit_price") or {"value": 0})["value"] * (i.get("quantity") or 1) for i in self.items)
        self.goods = r.choice([priced or 1000, priced or 700, 1000, r.randrange(0, 3000)])
        self.shipping = r.choice([0, 12, 120, 77])
        fee = r.choice([self.goods // 1000, 10, 0, 101])
        quote = self.breakdown(self.goods, self.shipping, fee)
        self.quote = quote
        self.total = self._total(quote)
        data: dict[str, Any] = {
            "account_id": "acct-7",
            "provider_id": "prov-1",
            "seller_id": "sell-9",
            "currency": "CNY",
            "items": self.items,
            "domestic_address": "w" if self.is_sound or r.random() < 0.98 else r.choice([None, " "]),
            "logistics_provider_id": "l-1" if self.is_sound or r.random() < 0.95 else None,
            "mandate": {"agreed_at": instant_text(T0 - r.choice([0, 0, HOUR, 40 * DAY]))},
            "quote": quote,
            "determinable": r.random() < 0.1,
            "categories": r.sample(["customized", "advance_deposit", "low_reputation_seller", "no_market_price"], 1)
            if r.random() < 0.2
            else [],
            "disclosed_issues": [r.choice(GROUNDS)] if r.random() < 0.05 else [],
        }
        if not self.is_sound and r.random() < 0.03:
            data["mandate"] = None
        if not self.is_sound and r.random() < 0.03:
            data["categories"] = [r.choice(["prohibited", "infringing", "sensitive_or_restricted"])]
        if r.random() < (1 if self.plot is plots.paying_the_balance else 0.1 if self.is_sound else 0.25):
            data["payment_plan"] = self.plan(first=True)
            self.deposit = True
        if r.random() < (1 if self.plot is plots.promoted else 0.4):
            promotion: dict[str, Any] = {
                "promoter_id": "p",
                "basis": r.choice(["goods", "order_amount"]),
                "rate_bps": r.choice([0, 250, 10000, 333]),
            }
            if r.random() < 0.4:
                promotion["fixed"] = self.money(r.choice([0, 7, 5000]), r.choice(["CNY", "CNY", "USD"]))
                if r.random() < 0.3:
                    promotion["settled"] = self.money(r.choice([3, 40]))
            data["promotion"] = promotion
        if r.random() < 0.15:
            data["cancellation_deadline"] = instant_text(T0 + r.choice(self.times) + r.choice([-1, 0, HOUR]))
        if r.random() < (0.7 if self.plot in (plots.dissolving, plots.confirming) else 0.35):
            data["dissolution_period_days"] = r.choice([0, 1, 2, 7, 15])
        self.add("order.placed", data, T0)

    def plan(self, *, first: bool) -> list[dict[str, Any]]:
        r = self.rng
        parts = []
        if first or r.random() < 0.7:
            amounts = [self.total // 3, self.total // 3, self.total // 3, self.total, 0, 50]
            parts.append({"part": "deposit", "amount": self.money(r.choice(amounts))})
        for _ in range(r.choice([0, 1, 1, 1, 2])):
            part: dict[str, Any] = {"part": "balance", "amount": self.money(self.total // 2)}
            if r.random() < 0.9:
                part["due_at"] = instant_text(T0 + r.choice(self.times) + r.choice([0, 0, HOUR, DAY]))
            parts.append(part)
        return parts or [{"part": "balance", "amount": self.money(5)}]

    def _terms(self) -> list[dict[str, Any]]:
        r = self.rng
        if r.random() < (0.1 if self.plot in (plots.waiting, plots.unclear) else 0.4):
            return []
        sets = []
        start = "2020-01-01T00:00:00Z"
        platform: dict[str, Any] = {"version": "p1", "provider_id": "*", "effective_from": start}
        choices: dict[str, list[Any]] = {
            "service_fee_rate": ["0.001", "0.01", "0.0333", "0", "0.2"],
            "refund_fee_on_cancellation": [True, False],
            "refuse_prohibited": [True, False],
            "acceptance_days": [0, 1, 3],
            "deemed_confirmation_days": [0, 1, 3, 10],
            "tip_limit": [{"CNY": 0}, {"CNY": 100}, {"USD": 1}, {"CNY": 1000, "USD": 3}],
            "tip_refund_days": [0, 1, 30],
            "payment_demand_days": [0, 1, 3],
            "claim_floor": [0, 1, 50, 1000],
            "quarantine_days": [0, 1, 3],
            "period_counting": ["civil_code", "hours"],
            "calendar": [
                {"utc_offset": "+08:00", "days_off": ["2026-03-05", "2026-03-06", "2026-03-09"], "working_days": []},
                {"utc_offset": "-05:30", "days_off": [], "working_days": ["2026-03-07", "2026-03-08"]},
            ],
        }
        for name in r.sample(sorted(choices), r.randrange(1, 7)):
            platform[name] = r.choice(choices[name])
        if self.plot is plots.waiting:
            platform["acceptance_days"] = r.choice([0, 1, 3])
        if self.plot is plots.unclear and r.random() < 0.5:
            platform["quarantine_days"] = r.choice([0, 1, 3])
        sets.append(platform)
        if r.random() < 0.3:
            sets.append(
                {"version": "p2", "provider_id": "*", "effective_from": "2026-02-15T00:00:00Z", "claim_floor": 3}
            )
        if r.random() < 0.4:
            own: dict[str, Any] = {"version": "o1", "provider_id": "prov-1", "effective_from": start}
            for name in ("service_fee_rate", "refund_fee_on_cancellation", "refuse_prohibited", "acceptance_days"):
                if r.random() < 0.4:
                    own[name] = r.choice(choices[name])
            if r.random() < 0.3:
                own["tip_refund_days"] = 31
            if r.random() < 0.3:
                own["payment_demand_days"] = 4
            sets.append(own)
        return sets

    def refs(self, *, often: float = 0.5) -> dict[str, Any]:
        r = self.rng
        if r.random() >= often:
            return {}
        ids = r.sample([*self.ids, "zz"] if r.random() < 0.1 else self.ids, r.randrange(1, len(self.ids) + 1))
        refs: list[dict[str, Any]] = [
            {"item_id": i} if r.random() < 0.5 else {"item_id": i, "quantity": r.choice([1, 1, 2, 5])} for i in ids
        ]
        return {"items": refs}

    # messages

    def _captured(self, *, whole: bool = False) -> None:
        r = self.rng
        b = self.quote
        if whole and r.random() < 0.75:
            b = self.quote
        elif r.random() < 0.5:
            b = self.breakdown(self.value(), r.choice([0, self.shipping]), r.choice([0, 1, 10]))
        data: dict[str, Any] = {"payment_id": r.choice(["pay-1", "pay-1", "pay-2", "pay-3"]), "breakdown": b}
        if r.random() < 0.3:
            data["capture_id"] = r.choice(["c1", "c2"])
        self.add("payment.captured", self.paying(data, ("breakdown",)))

    def _quote_revised(self) -> None:
        r = self.rng
        at = self.at()
        data: dict[str, Any] = {
            "revision_id": r.choice(["rev-1", "rev-2", "rev-3"]),
            "quote": self.breakdown(
                r.choice([self.goods, self.value()]), r.choice([self.shipping, 30]), r.choice([1, 10])
            ),
            "agreed_at": instant_text(at + r.choice([0, 0, -HOUR, HOUR, DAY])),
            **self.refs(often=0.4),
        }
        if r.random() < 0.2:
            data["payment_plan"] = self.plan(first=False)
        if r.random() < self.foreign:
            data["quote"] = self.abroad(data["quote"])
            data.pop("payment_plan", None)
        self.add("order.quote_revised", data, at)

    def _issue_disclosed(self) -> None:
        self.add("order.issue_disclosed", {"grounds": [self.rng.choice(GROUNDS)]})

    def _refused(self) -> None:
        self.add("order.refused", {"ground": self.rng.choice(["special_request", "prohibited", "restricted", "other"])})

    def _accepted(self) -> None:
        self.add("order.accepted", self.rng.choice([{}, {"logistics_provider_id": "l-3"}]))

    def _cancel(self) -> None:
        r = self.rng
        data = {
            "request_id": r.choice(["can-1", "can-1", "can-2", "can-3", "x"]),
            "channel": "platform" if r.random() < 0.93 else "other",
            **self.refs(),
        }
        self.add("order.cancellation_requested", data)

    def _dissolve(self) -> None:
        r = self.rng
        data = {
            "request_id": r.choice(["dis-1", "dis-1", "dis-2", "x"]),
            "ground": r.choice(GROUNDS),
            "inspected": r.random() < 0.95,
            "evidence": ["e"] if r.random() < 0.95 else [],
            **self.refs(),
        }
        self.add("order.dissolution_requested", data)

    def _withdraw(self) -> None:
        r = self.rng
        self.add("order.request_withdrawn", {"request_id": r.choice(["can-1", "can-2", "dis-1", "x", "tip-1"])})

    def _cancel_answer(self) -> None:
        r = self.rng
        data: dict[str, Any] = {"request_id": r.choice(["can-1", "can-1", "can-2", "can-3", "x"])}
        if r.random() < 0.65:
            if r.random() < 0.5:
                data["penalty"] = self.money(r.choice([0, 10, self.value()]))
            if r.random() < 0.4:
                data["amount"] = self.money(self.value())
            kind = "agreed"
            if "penalty" in data or "amount" in data:
                data = self.paying(data, ("penalty", "amount"))
        else:
            kind = "refused"
            data["reason"] = r.choice(["declined", "damaged_in_return", "other"])
        self.add(f"seller.cancellation_{kind}", data)

    def _dissolve_answer(self) -> None:
        r = self.rng
        data = {"request_id": r.choice(["dis-1", "dis-1", "dis-2", "x"])}
        if r.random() < 0.7:
            self.add("seller.dissolution_agreed", data | {"disposition": r.choice(["return", "destroy"])})
        else:
            self.add("seller.dissolution_refused", data)

    def _purchase(self, *, whole: bool = False) -> None:
        r = self.rng
        data: dict[str, Any] = {
            "purchase_id": r.choice(["pur-1", "pur-1", "pur-2", "pur-3"]),
            "goods": self.money(self.goods if whole else self.value()),
            "to_warehouse_shipping": self.money(r.choice([0, self.shipping, self.shipping])),
            **({} if whole else self.refs(often=0.75)),
        }
        if r.random() < 0.3:
            data["deposit"] = self.money(r.choice([0, self.goods // 3, self.total * 2]))
        self.add("seller.purchase_confirmed", self.paying(data, ("goods", "to_warehouse_shipping", "deposit")))

    def _unavailable(self) -> None:
        self.add("seller.purchase_unavailable", {"reason": "ceased", **self.refs()})

    def _received(self) -> None:
        r = self.rng
        data: dict[str, Any] = {"receipt_id": r.choice(["rcp-1", "rcp-1", "rcp-2"])}
        if r.random() < 0.2:
            data["objections"] = ["torn"]
        if r.random() < 0.4:
            data["final"] = r.random() < 0.6
        self.add("warehouse.goods_received", data | self.refs(often=0.5))

    def _delivered(self) -> None:
        r = self.rng
        data: dict[str, Any] = {"package_id": r.choice(["pkg-1", "pkg-1", "pkg-2"])}
        if r.random() < 0.4:
            data["final"] = r.random() < 0.6
        self.add("warehouse.package_delivered", data | self.refs(often=0.5))

    def _customs(self) -> None:
        self.add("warehouse.customs_cleared", {})

    def _confirmed(self) -> None:
        self.add("order.receipt_confirmed", {})

    def _objection(self) -> None:
        r = self.rng
        data = {
            "objection_id": r.choice(["obj-1", "obj-2"]),
            "scope": r.choice(["package", "quality"]),
            "evidence": ["e"],
        }
        self.add("order.objection_raised", data)

    def _objection_withdrawn(self) -> None:
        self.add("order.objection_withdrawn", {"objection_id": self.rng.choice(["obj-1", "obj-2"])})

    def _verified(self) -> None:
        r = self.rng
        data = {
            "objection_id": r.choice(["obj-1", "obj-2", "rcp-1", "rcp-2"]),
            "attributable_to": r.choice(["logistics", "seller", "none"]),
        }
        self.add("warehouse.objection_verified", data)

    def _cost(self) -> None:
        r = self.rng
        data: dict[str, Any] = {
            "cost_id": r.choice(["cst-1", "cst-2", "cst-3"]),
            "kind": r.choice(["custody", "transport", "packaging"]),
            "amount": self.money(r.choice([5, 60, self.value()])),
        }
        if r.random() < 0.2:
            data["borne_by"] = r.choice(["provider", "third_party", "seller"])
        if r.random() < 0.5:
            data["request_id"] = r.choice(["can-1", "can-2", "dis-1", "x"])
        self.add("warehouse.cost_incurred", self.paying(data, ("amount",)))

    def _disposed(self) -> None:
        r = self.rng
        data: dict[str, Any] = {"disposal_id": r.choice(["d-1", "d-2"]), "disposition": "sold"}
        if r.random() < 0.6:
            data["chargeback_id"] = r.choice(["cb-1", "cb-2"])
        if r.random() < 0.8:
            data = self.paying(data | {"proceeds": self.money(self.value())}, ("proceeds",))
        self.add("warehouse.goods_disposed", data)

    def _seller_refund(self) -> None:
        r = self.rng
        data: dict[str, Any] = {
            "receipt_id": r.choice(["rr-1", "rr-2", "rr-3", "rr-4"]),
            "amount": self.money(self.value()),
        }
        if r.random() < 0.5:
            data["request_id"] = r.choice(["can-1", "can-2", "dis-1", "x", "none"])
        self.add("payment.seller_refund_received", self.paying(data, ("amount",)))

    def _tip(self) -> None:
        r = self.rng
        data = {
            "tip_id": r.choice(["tip-1", "tip-2"]),
            "payment_id": r.choice(["pay-t", "pay-1"]),
            "amount": self.money(r.choice([100, 30000, self.value()])),
        }
        self.add("payment.tip_paid", self.paying(data, ("amount",)))

    def _tip_refund(self) -> None:
        at = self.at()
        if self.rng.random() < 0.4:
            at += 30 * DAY
        self.add("order.tip_refund_requested", {"tip_id": self.rng.choice(["tip-1", "tip-2"])}, at)

    def _fault(self) -> None:
        r = self.rng
        data: dict[str, Any] = {"finding_id": r.choice(["f-1", "f-2"]), "direct_loss": self.money(self.value())}
        if r.random() < 0.2:
            data["consequential_loss"] = self.money(9999)
        self.add("order.provider_fault_found", self.paying(data, ("direct_loss", "consequential_loss")))

    def _breach(self) -> None:
        r = self.rng
        data = {
            "finding_id": r.choice(["f-1", "f-2"]),
            "ground": r.choice(["prohibited", "unjust_chargeback", "other"]),
            "loss": self.money(self.value()),
        }
        self.add("order.buyer_breach_found", self.paying(data, ("loss",)))

    def _excess(self) -> None:
        data: dict[str, Any] = {"amount": self.money(self.value())}
        if self.rng.random() < self.foreign:
            data = self.abroad(data)
        self.add("order.excess_approved", data)

    def _cb_id(self) -> str:
        return self.rng.choice(["cb-1", "cb-1", "cb-1", "cb-2"] + (["cb-1:2"] if self.rng.random() < 0.1 else []))

    def _opened(self) -> None:
        r = self.rng
        id_ = self._cb_id()
        at = self.at()
        data: dict[str, Any] = {
            "chargeback_id": id_,
            "payment_id": {"cb-1": "pay-1", "cb-2": r.choice(["pay-1", "pay-2"])}.get(id_, "pay-9")
            if r.random() < 0.85
            else r.choice(["pay-t", "pay-9", "pay-2"]),
            "amount": self.money(self.value()),
            "reason": r.choice(["account_stolen", "payment_account_misused", "not_received", "duplicate", "other"]),
            "attributable_to_provider": r.random() < 0.3,
        }
        if r.random() < 0.4:
            data["stage"] = r.choice(["inquiry", "chargeback", "pre_arbitration", "arbitration"])
        if r.random() < 0.25:
            data["instructed_at"] = instant_text(at - r.choice([0, HOUR, DAY]))
        if r.random() < 0.3:
            data["fee"] = self.money(r.choice([0, 15, 150]))
        self.add("chargeback.opened", self.paying(data, ("amount", "fee")), at)

    def _reassessed(self) -> None:
        r = self.rng
        data = {"chargeback_id": self._cb_id(), "attributable_to_provider": r.random() < 0.5}
        self.add("chargeback.reassessed", data)

    def _closed(self) -> None:
        r = self.rng
        data: dict[str, Any] = {"chargeback_id": self._cb_id(), "outcome": r.choice(["restored", "lost"])}
        if r.random() < 0.3:
            data = self.paying(data | {"amount_restored": self.money(self.value())}, ("amount_restored",))
        self.add("chargeback.closed", data)

    def _outstanding(self) -> None:
        r = self.rng
        data: dict[str, Any] = {
            "chargeback_id": self._cb_id(),
            "payment_id": r.choice(["pay-9", "pay-9", "pay-8", "pay-1"]),
            "amount": self.money(self.value()),
        }
        if r.random() < 0.3:
            data["receipt_id"] = "o-1"
        self.add("payment.outstanding_paid", self.paying(data, ("amount",)))

    def _line(self) -> str:
        return self.rng.choice(
            ["purchase", "purchase", "purchase", "compensation", "owed", "tip:tip-1", "chargeback:cb-1", "brokerage"]
        )

    def _repayment(self) -> None:
        r = self.rng
        data = {
            "repayment_id": r.choice(["rep-1", "rep-2", "rep-3"]),
            "line": self._line(),
            "amount": self.money(self.value()),
        }
        self.add("payment.repayment_received", self.paying(data, ("amount",)))

    def _refund_failed(self) -> None:
        r = self.rng
        data: dict[str, Any] = {
            "command_id": r.choice(["k-1", "k-2", "k-3"]),
            "line": self._line(),
            "amount": self.money(self.value()),
        }
        if r.random() < 0.6:
            data["payment_id"] = r.choice(["pay-1", "pay-2", "pay-t", "pay-9"])
        if r.random() < self.foreign:
            data = self.abroad(data)
        self.add("payment.refund_failed", data)

    def _refund_succeeded(self) -> None:
        self.add("payment.refund_succeeded", {"command_id": self.rng.choice(["k-1", "k-2"])})

    def _elsewhere(self) -> None:
        r = self.rng
        data: dict[str, Any] = {
            "refund_id": r.choice(["els-1", "els-2"]),
            "line": self._line(),
            "amount": self.money(self.value()),
        }
        if data["line"] == "brokerage":
            data["line"] = "purchase"
        if r.random() < 0.7:
            data["payment_id"] = r.choice(["pay-1", "pay-2", "pay-t", "pay-9"])
        self.add("payment.refunded_elsewhere", self.paying(data, ("amount",)))

    def _deposit(self) -> None:
        r = self.rng
        id_ = r.choice(["cb-1", "cb-1", "cb-1:2", "cb-1:3", "cb-2", "cb-2:2"])
        at = self.at() + (r.randrange(0, 9) * DAY if r.random() < 0.6 else 0)
        if r.random() < 0.5:
            data = {"deduction_id": id_, "amount": self.money(self.value())}
            self.add("payment.deposit_deducted", self.paying(data, ("amount",)), at)
        else:
            data = {"deduction_id": id_, "deducted": self.money(r.choice([0, self.value()]))}
            self.add("payment.deposit_insufficient", self.paying(data, ("deducted",)), at)

    def _funds(self) -> None:
        r = self.rng
        if r.random() < 0.7:
            data = {"deduction_id": f"{ORDER}:brokerage:1", "amount": self.money(r.choice([25, self.value()]))}
            self.add("payment.funds_deducted", self.paying(data, ("amount",)))
        else:
            data = {"deduction_id": f"{ORDER}:brokerage:1", "deducted": self.money(r.choice([0, 9]))}
            self.add("payment.funds_insufficient", self.paying(data, ("deducted",)))

    def _transfer_failed(self) -> None:
        data = {
            "command_id": self.rng.choice(["t-1", "t-2"]),
            "amount": self.money(self.rng.choice([5, self.value()])),
        }
        self.add("payment.transfer_failed", data)

    def _hold_refused(self) -> None:
        self.add("payment.freeze_refused", {"hold_id": self.rng.choice(["cb-1", "cb-1:2", "cb-1:3", "cb-2"])})

    def _again(self) -> None:
        """The same message under another id, perhaps with another amount, at another time."""
        r = self.rng
        one = r.choice([e for e in self.events if "quarantined" not in e])
        data = dict(one["data"])
        if one["type"].split(".")[2] != "placed":
            for name, value in list(data.items()):
                if isinstance(value, dict) and set(value) == {"currency", "value"} and r.random() < 0.5:
                    data[name] = self.money(self.value(), value["currency"])
        at = None if r.random() < 0.6 else micros(one["time"])
        self.add(".".join(one["type"].split(".")[1:3]), data, at)

    def _converted(self) -> None:
        """A message in another currency again, with what was booked for it, or in the order's currency."""
        r = self.rng
        foreign = [e for e in self.events if '"USD"' in json.dumps(e["data"]) and "quarantined" not in e]
        foreign = [e for e in foreign if e["type"] != "purchasing.order.placed.v1"]
        if not foreign:
            return
        one = r.choice(foreign)
        kind = ".".join(one["type"].split(".")[1:3])
        data = json.loads(json.dumps(one["data"]).replace('"USD"', '"CNY"'))
        data.pop("settled", None)
        if kind in SETTLED and r.random() < 0.7:
            data = dict(one["data"], settled=self.money(self.value()))
        self.add(kind, data, micros(one["time"]) + r.choice([0, HOUR, DAY, -HOUR]))

    def _quarantined(self) -> None:
        """A record that breaks the contract; F5 looks at its topic."""
        r = self.rng
        prefix, name = r.choice(
            [
                ("order", "receipt_confirmed"),
                ("payment", "captured"),
                ("seller", "purchase_confirmed"),
                ("warehouse", "goods_received"),
                ("chargeback", "opened"),
            ]
        )
        del name
        broken = {
            "order": ("order.accepted", {"logistics_provider_id": 5}),
            "payment": ("payment.captured", {"payment_id": 5}),
            "seller": ("seller.purchase_confirmed", {"purchase_id": 5}),
            "warehouse": ("warehouse.goods_received", {"receipt_id": 5}),
            "chargeback": ("chargeback.opened", {"chargeback_id": 5}),
        }[prefix]
        self.add(*broken)
        self.events[-1]["quarantined"] = TOPICS[prefix]


BUYING = (
    "_purchase",
    "_purchase",
    "_unavailable",
    "_received",
    "_delivered",
    "_quote_revised",
    "_captured",
    "_customs",
)
REQUESTS = (
    "_cancel",
    "_cancel",
    "_cancel_answer",
    "_cancel_answer",
    "_cancel_answer",
    "_withdraw",
    "_cost",
    "_seller_refund",
)
DISSOLVING = (
    "_dissolve",
    "_dissolve",
    "_dissolve_answer",
    "_dissolve_answer",
    "_withdraw",
    "_cost",
    "_seller_refund",
    "_seller_refund",
    "_objection",
    "_verified",
    "_issue_disclosed",
)
RECEIPT = (
    "_received",
    "_delivered",
    "_delivered",
    "_confirmed",
    "_objection",
    "_objection_withdrawn",
    "_verified",
    "_customs",
)
CHARGED = (
    "_opened",
    "_opened",
    "_opened",
    "_closed",
    "_closed",
    "_reassessed",
    "_outstanding",
    "_outstanding",
    "_deposit",
    "_deposit",
    "_disposed",
    "_hold_refused",
)
TIPS = ("_tip", "_tip", "_tip_refund", "_opened", "_elsewhere")
REFUNDS = ("_repayment", "_refund_failed", "_refund_succeeded", "_elsewhere", "_excess", "_seller_refund", "_captured")
FINDINGS = ("_fault", "_fault", "_breach", "_repayment", "_elsewhere", "_cost")
BROKERAGE = ("_received", "_purchase", "_funds", "_funds", "_transfer_failed", "_repayment", "_opened", "_closed")
ENDS = ("_refused", "_accepted", "_unavailable", "_cancel", "_purchase", "_quote_revised")
AGAIN = ("_again",)
FOREIGN = (
    "_converted",
    "_converted",
    "_captured",
    "_purchase",
    "_opened",
    "_deposit",
    "_cancel_answer",
    "_tip",
    "_cost",
)
SETTLED = (
    "payment.captured",
    "payment.tip_paid",
    "payment.seller_refund_received",
    "payment.outstanding_paid",
    "payment.repayment_received",
    "payment.refunded_elsewhere",
    "payment.deposit_deducted",
    "payment.deposit_insufficient",
    "payment.funds_deducted",
    "payment.funds_insufficient",
    "seller.purchase_confirmed",
    "seller.cancellation_agreed",
    "order.provider_fault_found",
    "order.buyer_breach_found",
    "warehouse.cost_incurred",
    "warehouse.goods_disposed",
    "chargeback.opened",
    "chargeback.closed",
)
"""The messages that may carry what was booked."""
RECORDS = ("_quarantined", "_cancel", "_received", "_delivered", "_opened")
THEMES = [
    BUYING,
    REQUESTS,
    REQUESTS,
    DISSOLVING,
    RECEIPT,
    CHARGED,
    CHARGED,
    TIPS,
    REFUNDS,
    FINDINGS,
    BROKERAGE,
    ENDS,
    AGAIN,
    RECORDS,
    FOREIGN,
]
ALL = tuple(sorted({name for theme in THEMES for name in theme}))
