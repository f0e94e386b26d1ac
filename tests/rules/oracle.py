"""A second, literal and slow reading of the rules: what they say of an order's events, sentence by sentence.

Written from the page of rules alone, on the JSON of the messages, so that it shares nothing with the service but the
page. What is quoted in a comment is the sentence that decided the line below it. `oracle_run` plays it step by step.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

Event = dict[str, Any]
DAY = 24 * 60 * 60 * 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = 10**30

TERMS: dict[str, Any] = {
    "service_fee_rate": "0.001",
    "refund_fee_on_cancellation": False,
    "deemed_confirmation_days": 10,
    "tip_limit": 20_000,
    "tip_refund_days": 30,
    "payment_demand_days": 3,
    "refuse_prohibited": True,
}


def micros(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def at(event: Event) -> int:
    return micros(event["time"])


def key(event: Event) -> tuple[int, str, str]:
    # "Facts are ordered by (`time` to the microsecond, `source`, `id`; strings by code point)"
    return (at(event), event["source"], event["id"])


def is_a(event: Event, *kinds: str) -> bool:
    return event["type"] in {f"purchasing.{kind}.v1" for kind in kinds}


def half_up(amount: Fraction) -> int:
    # "Rates round half up to the minor unit."
    return int(amount + Fraction(1, 2))


def currencies(value: Any) -> set[str]:
    """Every currency named in the data of a message."""
    if isinstance(value, dict):
        found = {value["currency"]} if isinstance(value.get("currency"), str) else set()
        return found.union(*(currencies(one) for one in value.values()))
    if isinstance(value, list):
        return set().union(*(currencies(one) for one in value))
    return set()


class Parts(NamedTuple):
    """A quote, or what payments brought in, by what it is for."""

    goods: int = 0
    shipping: int = 0
    fee: int = 0
    own: int = 0
    third: int = 0

    @classmethod
    def of(cls, breakdown: dict[str, Any]) -> "Parts":
        other = breakdown.get("other_fees") or []
        return cls(
            breakdown["goods"]["value"],
            breakdown["to_warehouse_shipping"]["value"],
            breakdown["service_fee"]["value"],
            sum(fee["amount"]["value"] for fee in other if fee["collected_by"] == "provider"),
            sum(fee["amount"]["value"] for fee in other if fee["collected_by"] == "third_party"),
        )

    def plus(self, other: "Parts") -> "Parts":
        return Parts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def total(self) -> int:
        return sum(self)

    @property
    def refundable(self) -> int:
        # "Third-party fees are never the provider's to refund (7)."
        return self.total - self.third


class Closing(NamedTuple):
    """What closed an order, and what is then due on the line `purchase`."""

    at: int
    rank: int
    ref: str
    kind: str
    due: int
    clauses: frozenset[str]
    owes: int = 0
    because: str = ""


class Known:
    """What counts of an order's events (the table "What counts where facts repeat")."""

    def __init__(self, events: list[Event], terms: dict[str, Any]) -> None:
        self.terms = terms
        everything = sorted(events, key=key)
        self.placed: Event = next(e for e in everything if is_a(e, "order.placed"))
        self.order: dict[str, Any] = self.placed["data"]
        # "The order's currency is that of the counting `placed`. A fact whose money is in another one counts for
        # nothing"
        self.foreign = [e for e in everything if currencies(e["data"]) - {self.order["currency"]}]
        self.events = [e for e in everything if e not in self.foreign]
        self.accepted = self.first("order.accepted")
        self.cleared = self.first("warehouse.customs_cleared")
        self.confirmed = self.first("order.receipt_confirmed")
        self.quote = Parts.of(self.order["quote"])
        # "The obligation to procure ends with the first final `goods_received` without objections"
        receipts = self.distinct("warehouse.goods_received", lambda d: (d["receipt_id"], d.get("final", True)))
        clean = [e for e in receipts if e["data"].get("final", True) and not e["data"].get("objections")]
        self.ended = at(clean[0]) if clean else None
        # "a receipt or package with `final`"; "only a final one counts as received or delivered"
        packages = self.distinct("warehouse.package_delivered", lambda d: (d["package_id"], d.get("final", True)))
        final = [e for e in packages if e["data"].get("final", True)]
        self.delivered = at(final[0]) if final else None
        self.captures = self.distinct("payment.captured", lambda d: d["payment_id"])
        self.paid = Parts()
        for capture in self.captures:
            self.paid = self.paid.plus(Parts.of(capture["data"]["breakdown"]))
        self.costs = sum(
            e["data"]["amount"]["value"]
            for e in self.distinct("warehouse.cost_incurred", lambda d: d["cost_id"])
            if (e["data"].get("borne_by") or "provider") == "provider"
        )
        self.seller_refunds = sum(
            e["data"]["amount"]["value"]
            for e in self.distinct("payment.seller_refund_received", lambda d: d["receipt_id"])
        )
        # "the first before the obligation ended (16); what the seller says of a purchase after that fact counts for
        # nothing"
        gone = self.first("seller.purchase_unavailable")
        self.unavailable = gone if gone and (self.ended is None or at(gone) < self.ended) else None
        self.purchases = [
            e
            for e in self.events
            if is_a(e, "seller.purchase_confirmed") and (self.unavailable is None or key(e) < key(self.unavailable))
        ]
        # "the latest that counts (a later one corrects)"
        self.purchase = self.purchases[-1] if self.purchases else None
        self.objections = self.distinct("order.objection_raised", lambda d: d["objection_id"])
        self.verified = {
            e["data"]["objection_id"]: e
            for e in self.distinct("warehouse.objection_verified", lambda d: d["objection_id"])
        }

    def first(self, *kinds: str, **members: Any) -> Event | None:
        """The earliest of a type whose data has these members."""
        for event in self.events:
            if is_a(event, *kinds) and all(event["data"].get(name) == value for name, value in members.items()):
                return event
        return None

    def distinct(self, kind: str, identity: Callable[[dict[str, Any]], Any]) -> list[Event]:
        """The earliest of each identity, in order."""
        counting: dict[Any, Event] = {}
        for event in self.events:
            if is_a(event, kind):
                counting.setdefault(identity(event["data"]), event)
        return list(counting.values())

    def purchase_as_of(self, instant: int) -> Event | None:
        """The counting purchase as of an instant; "as of X" includes X."""
        found = [e for e in self.purchases if at(e) <= instant]
        return found[-1] if found else None

    def fee(self, base: int) -> int:
        return half_up(Fraction(str(self.terms["service_fee_rate"])) * base)

    @property
    def above_the_quote(self) -> int:
        # "what was collected above the quote, third parties' fees apart"
        return max(0, self.paid.refundable - self.quote.refundable)

    def surplus(self, base: int) -> int:
        # "`surplus(x) = max(0, P.goods + P.shipping + P.fee − x − fee(x)) + max(0, P.own − Q.own)`, and never less
        # than what was collected above the quote"
        paid = self.paid
        price = max(0, paid.goods + paid.shipping + paid.fee - base - self.fee(base))
        return max(self.above_the_quote, price + max(0, paid.own - self.quote.own))

    def logistics_at_fault(self, by: int) -> bool:
        # "if by then a `package` objection was raised and verified as the logistics provider's doing"
        for objection in self.objections:
            found = self.verified.get(objection["data"]["objection_id"])
            if objection["data"]["scope"] != "package" or at(objection) > by or found is None:
                continue
            if at(found) <= by and found["data"]["attributable_to"] == "logistics":
                return True
        return False


def price(purchase: Event | None) -> int:
    """Goods and shipping that the seller charged."""
    if purchase is None:
        return 0
    data = purchase["data"]
    return int(data["goods"]["value"] + data["to_warehouse_shipping"]["value"])


# Formation (1, 2, 3, 5, 14, 15)


def blank(text: str | None) -> bool:
    return text is None or not text.strip()


def would_be_effective(known: Known) -> int | None:
    # "as of the latest of placed, accepted, and the moment at which captured money (facts in order) reaches the
    # quote's total"
    if known.accepted is None:
        return None
    brought, reached = 0, (None if known.quote.total else 0)
    for capture in known.captures:
        brought += Parts.of(capture["data"]["breakdown"]).total
        if reached is None and brought >= known.quote.total:
            reached = at(capture)
    return None if reached is None else max(at(known.placed), at(known.accepted), reached)


def unreachable(known: Known) -> tuple[int, str] | None:
    """Since when the order can't be reached, and by which clause."""
    # "A counting purchase lifts all four"
    if known.purchases:
        return None
    order, placed_at = known.order, at(known.placed)
    if not order.get("determinable"):
        # "1(1) a needed particular is missing or blank (any item; an item's link, seller name, specification,
        # quantity; the domestic address), else 1(2) there is no mandate, each as of `placed.time` and unless it is
        # `determinable`"
        texts = ("link", "seller_name", "specification")
        lacking = [item for item in order["items"] if any(blank(item.get(name)) for name in texts)]
        lacking += [item for item in order["items"] if item.get("quantity") is None]
        if lacking or not order["items"] or blank(order.get("domestic_address")):
            return placed_at, "1(1)"
        if order.get("mandate") is None:
            return placed_at, "1(2)"
    # "else 14 a category is `prohibited` or `infringing` and the terms refuse those, as of `placed.time`"
    if known.terms["refuse_prohibited"] and {"prohibited", "infringing"} & set(order.get("categories") or []):
        return placed_at, "14"
    # "else 5 neither `placed` nor `accepted` names a logistics provider, as of the moment at which the order would
    # have been effective (a blank name names none)"
    effective = would_be_effective(known)
    if effective is not None and known.accepted is not None:
        named = (order.get("logistics_provider_id"), known.accepted["data"].get("logistics_provider_id"))
        if all(blank(name) for name in named):
            return effective, "5"
    return None


def refusal(known: Known) -> tuple[int, str] | None:
    """Since when the order is refused, and by which clause."""
    refused = known.first("order.refused")
    # "a refusal after a purchase (as of that time) counts for nothing"
    if refused is None or known.purchase_as_of(at(refused)) is not None:
        return None
    grounds = {"special_request": "3", "prohibited": "14", "restricted": "15(5)", "other": "2"}
    return at(refused), grounds[refused["data"]["ground"]]


def barring(known: Known) -> Closing | None:
    """Refusal or "can't be reached", the earlier of them, as a closing."""
    # "Of refusal and "can't be reached" the earlier counts" (a tie: in the order of the row)
    candidates = [(unreachable(known), "unreachable"), (refusal(known), "refused")]
    found = [(one[0], rank, one[1], name) for rank, (one, name) in enumerate(candidates) if one is not None]
    if not found:
        return None
    since, _, ground, name = min(found)
    # "`P.goods + P.shipping + P.fee + P.own`; with grounds 14 and 15(5) `− costs`"
    costs = known.costs if ground in {"14", "15(5)"} else 0
    left = known.paid.refundable - costs
    clauses = {ground, "12(4)"} if costs else {ground}
    return Closing(since, 0, "", name, max(0, left), frozenset(clauses), max(0, -left), ground)
