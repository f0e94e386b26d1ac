"""Hostile records by a seed: each must be quarantined, whatever else is sent around it.

`Hostile.bad` draws from KINDS, one method per kind. What a kind returns certainly breaks the contract, because each
changes one thing of an event that is good otherwise. `Hostile.good` returns good events that only look odd.
"""

import random
from collections.abc import Callable
from typing import Any

from tests.chaos.records import EVENT_TOPICS, Event, Headers, Sent, binary, dump, structured, topic_for

CAPTURED = "purchasing.payment.captured.v1"
LIMIT = 1_000_000
BROKER_LIMIT = 1_048_000
"""The size of a record batch that a broker's usual limit allows."""
HUGE = ("a megabyte", "huge JSON", "headers too large")


def money(value: Any) -> dict[str, Any]:
    return {"currency": "CNY", "value": value}


class Hostile:
    """Hostile records of one seed. Ids of events and orders are the seed's own, so no two records are the same."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"hostile {seed}")
        self._seed = seed
        self._count = 0
        self._small = [kind for kind in KINDS if kind not in HUGE]

    def bad(self, kind: str | None = None, *, ordinary: bool = False) -> Sent:
        """A record that must be quarantined, of this kind or any; `ordinary`: none of those of a megabyte."""
        kind = kind or self.rng.choice(self._small if ordinary or self.rng.random() > 0.02 else HUGE)
        return KINDS[kind](self)._replace(verdict="bad", kind=kind)

    def good(self) -> Sent:
        """A record that looks odd and must be stored."""
        return self.rng.choice(ODD)(self)._replace(verdict="good", kind="odd")

    def event(self, **changes: Any) -> Event:
        """A good event of an order of its own, with attributes changed; `...` leaves one out."""
        self._count += 1
        order = f"hostile-{self._seed}-{self._count}"
        event = {
            "specversion": "1.0",
            "id": f"{order}:e",
            "source": "/hostile",
            "type": CAPTURED,
            "subject": order,
            "time": "2026-03-02T09:00:00Z",
            "data": {
                "payment_id": "p",
                "breakdown": {
                    "goods": money(1),
                    "to_warehouse_shipping": money(0),
                    "service_fee": money(0),
                    "other_fees": [],
                },
            },
            **changes,
        }
        return {name: value for name, value in event.items() if value is not ...}

    def placed(self, **changes: Any) -> Event:
        """A good order with some members of its data changed."""
        item = {"link": "l", "seller_name": "s", "specification": "x", "quantity": 2}
        data = {
            "account_id": "a",
            "provider_id": "prov-1",
            "seller_id": "s",
            "currency": "CNY",
            "items": [item],
            "domestic_address": "Warehouse 3",
            "logistics_provider_id": "l",
            "quote": self.event()["data"]["breakdown"],
            "determinable": False,
            "categories": [],
            "disclosed_issues": [],
        }
        return self.event(type="purchasing.order.placed.v1", data={**data, **changes})

    def changed(self, **changes: Any) -> Sent:
        """A good event with an attribute changed."""
        return structured_as(self.event(**changes))

    def written(self, notation: str, *, known: bool = True) -> Sent:
        """A good event with money, or with an unknown member, in a notation that Python would not write."""
        event = self.event()
        if known:
            event["data"]["breakdown"]["goods"]["value"] = "HERE"
        else:
            event["data"]["unknown"] = "HERE"
        value = dump(event).replace(b'"HERE"', notation.encode("utf-8", "surrogatepass"))
        return structured_as(event)._replace(value=value)

    # One method per kind.

    def random_bytes(self) -> Sent:
        key = self.rng.choice((None, b"", b"\xff\xfe", self.rng.randbytes(8)))
        value = b"\xff" + self.rng.randbytes(self.rng.choice((0, 1, 7, 100, 5_000)))
        return self.anywhere(value)._replace(key=key)

    def truncated(self) -> Sent:
        sent = structured_as(self.event())
        assert sent.value is not None
        return sent._replace(value=sent.value[: self.rng.randrange(len(sent.value))])

    def tombstone(self) -> Sent:
        return self.anywhere(None)

    def not_an_event(self) -> Sent:
        return self.anywhere(self.rng.choice((b"null", b"0", b"[]", b'""', b"{}", b'[{"specversion":"1.0"}]', b"true")))

    def deep(self) -> Sent:
        depth = self.rng.choice((250, 1_000, 20_000, 100_000))
        opening, closing = self.rng.choice((("[", "]"), ('{"a":', "}")))
        return self.written(opening * depth + ("1" if closing == "}" else "") + closing * depth, known=False)

    def wrong_types(self) -> Sent:
        data = self.rng.choice(([], "x", 17, {}, {"payment_id": 1}, {"payment_id": {}}))
        wrong = {"subject": 1, "time": 17, "source": [], "id": {}, "type": None, "data": data, "specversion": 1.0}
        name = self.rng.choice(sorted(wrong))
        return self.changed(**{name: wrong[name]})

    def duplicate_keys(self) -> Sent:
        event = self.event()
        value = dump(event)[:-1] + self.rng.choice((b', "time": 3}', b', "data": []}', b', "id": ""}'))
        return structured_as(event)._replace(value=value)

    def nan(self) -> Sent:
        return self.written(self.rng.choice(("NaN", "Infinity", "-Infinity")), known=self.rng.random() < 0.5)

    def overflow(self) -> Sent:
        numbers = (2**31 * 10**9, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, -1, 10**400, 10**5_000)
        return self.written(str_of(self.rng.choice(numbers)))

    def fractions(self) -> Sent:
        return self.written(self.rng.choice(("1.5", "1.0", "1e3", "1E400", "-0.0", "true", '"1"', "0x10", "01")))

    def surrogate(self) -> Sent:
        event = self.event(**{self.rng.choice(("id", "subject", "source")): "HERE"})
        value = dump(event).replace(b'"HERE"', self.rng.choice((rb'"\ud800"', rb'"a\udfff"', b'"\xed\xa0\x80"')))
        return structured_as(event)._replace(value=value)

    def nul(self) -> Sent:
        if self.rng.random() < 0.5:
            return self.changed(**{self.rng.choice(("id", "subject", "source")): "a\0b"})
        return structured_as(self.placed(domestic_address="a\0b"))

    def dates(self) -> Sent:
        times = ("1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z")
        odd = ("2026-02-30T00:00:00Z", "2026-03-02T09:00:00", "2026-03-02", "", "now", "+292277026596-12-04T15:30:08Z")
        return self.changed(time=self.rng.choice((*times, *odd)))

    def ids(self) -> Sent:
        # A source may be longer than the other attributes, in ASCII.
        values = ("", "i" * 513, "\u6f22" * 129, "\u6f22" * 50_000)
        return self.changed(**{self.rng.choice(("id", "subject", "source")): self.rng.choice(values)})

    def headers(self) -> Sent:
        sent = binary(self.event())
        name = self.rng.choice(("ce_specversion", "ce_id", "ce_type", "ce_time", "ce_subject", "ce_source"))
        broken = self.rng.choice((None, b"\xff\xfe", b"", b"\0"))
        headers: Headers = tuple((one, broken if one == name else value) for one, value in sent.headers)
        # Without a version the mode is not binary, and the value is bare data.
        return sent._replace(headers=headers, event=None)

    def key(self) -> Sent:
        key = self.rng.choice((None, b"", b"\xff", b"another", self.rng.randbytes(100_000)))
        return structured_as(self.event())._replace(key=key)

    def foreign_type(self) -> Sent:
        types = ("com.example.shipment.sent.v1", "purchasing.payment.captured.v2", "x" * 10_000, "purchasing")
        return self.anywhere(dump(self.event(type=self.rng.choice(types))))

    def wrong_topic(self) -> Sent:
        sent = structured_as(self.event())
        return sent._replace(topic=self.rng.choice([name for name in EVENT_TOPICS if name != sent.topic]))

    def our_own(self) -> Sent:
        event = self.event(type=self.rng.choice(("purchasing.refund.issue.v1", "purchasing.decision.made.v1")))
        return self.anywhere(dump(event))

    def mixed_currencies(self) -> Sent:
        event = self.event()
        event["data"]["breakdown"]["service_fee"] = {"currency": "USD", "value": 1}
        return structured_as(event)

    def limits_of_data(self) -> Sent:
        item = {"link": "l", "seller_name": "s", "specification": "x", "quantity": self.rng.choice((0, -1, 2**63))}
        wrong = {"items": [item], "dissolution_period_days": 36_501, "categories": ["odd"], "currency": "cny"}
        name = self.rng.choice(sorted(wrong))
        return structured_as(self.placed(**{name: wrong[name]}))

    def megabyte(self) -> Sent:
        size = self.rng.randint(LIMIT + 1, BROKER_LIMIT)
        return self.anywhere(self.rng.choice((b"\0", b" ", b"[")) * size)

    def huge(self) -> Sent:
        event = self.event()
        event["data"]["unknown"] = "x" * (self.rng.randint(LIMIT, BROKER_LIMIT - 1_000))
        return structured_as(event)

    def large_headers(self) -> Sent:
        sent = structured_as(self.event())
        return sent._replace(headers=tuple((f"h{n}", b"y" * 1_000) for n in range(1_020)))

    # Records that are good although they look odd.

    def odd_headers(self) -> Sent:
        sent = structured_as(self.event())
        odd: Headers = (("x", None), ("correlation_id", b"\xff"), ("reply_to", b"purchasing.commands.refund.v1"))
        return sent._replace(headers=odd * self.rng.choice((1, 50)))

    def odd_members(self) -> Sent:
        event = self.event(unknown={"a": [1.5, None, "\0"]}, 漢="\U0001f4b0")
        event["data"]["unknown"] = "x" * self.rng.choice((10, 10_000))
        return structured_as(event)

    def first_member_twice(self) -> Sent:
        event = self.event()
        return structured_as(event)._replace(value=b'{"id": 17, "data": [], ' + dump(event)[1:])

    def nearly_too_large(self) -> Sent:
        event = self.event()
        event["data"]["unknown"] = "x" * 500_000
        return structured_as(event) if self.rng.random() < 0.05 else self.odd_members()

    def anywhere(self, value: bytes | None) -> Sent:
        """A record with this value on any of the topics."""
        key = self.rng.choice((None, b"k", b"hostile"))
        return Sent(self.rng.choice(EVENT_TOPICS), key, value, (), "bad", "")


def structured_as(event: Event) -> Sent:
    """A record of the event, on the topic of its type or, if that can't be read, the payments'."""
    subject = event.get("subject")
    key = subject.encode("utf-8", "replace") if isinstance(subject, str) else b"k"
    if isinstance(event.get("type"), str) and isinstance(subject, str):
        return structured(event)
    return Sent(topic_for({"type": CAPTURED}), key, dump(event), (), "bad", "")


def str_of(number: int) -> str:
    """An integer in decimal, however long; Python itself refuses beyond 4,300 digits."""
    return str(number) if abs(number) < 10**4_000 else "1" + "0" * 5_000


KINDS: dict[str, Callable[[Hostile], Sent]] = {
    "random bytes": Hostile.random_bytes,
    "truncated JSON": Hostile.truncated,
    "a tombstone": Hostile.tombstone,
    "no event": Hostile.not_an_event,
    "deep nesting": Hostile.deep,
    "wrong types": Hostile.wrong_types,
    "duplicate keys": Hostile.duplicate_keys,
    "NaN": Hostile.nan,
    "overflow": Hostile.overflow,
    "no integer": Hostile.fractions,
    "a lone surrogate": Hostile.surrogate,
    "NUL": Hostile.nul,
    "dates": Hostile.dates,
    "ids": Hostile.ids,
    "headers": Hostile.headers,
    "keys": Hostile.key,
    "another team's type": Hostile.foreign_type,
    "another topic": Hostile.wrong_topic,
    "a command of ours": Hostile.our_own,
    "mixed currencies": Hostile.mixed_currencies,
    "limits of data": Hostile.limits_of_data,
    "a megabyte": Hostile.megabyte,
    "huge JSON": Hostile.huge,
    "headers too large": Hostile.large_headers,
}
ODD = (Hostile.odd_headers, Hostile.odd_members, Hostile.first_member_twice, Hostile.nearly_too_large)


def surplus(seed: int, count: int) -> list[Sent]:
    """So many good facts of one order: those beyond the limit of facts must be quarantined, whichever they are."""
    hostile = Hostile(seed)
    order = f"crowded-{seed}"
    events = [hostile.event(subject=order, id=f"{order}:{n}") for n in range(count)]
    return [structured(event) for event in events]
