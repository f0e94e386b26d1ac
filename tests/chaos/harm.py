"""Each kind of harm that a run may come to, done to the evidence of one in which nothing failed.

`HARM` names the checks of the judgement that have to complain, and their words.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.chaos.evidence import Evidence, Where
from tests.chaos.reader import Read
from tests.chaos.verify import CHECKS, CONTRADICTED, QUARANTINE

Harm = Callable[[Evidence], Evidence]

REFUNDS, DECISIONS = "purchasing.commands.refund.v1", "purchasing.decisions.v1"


def event_of(one: Read) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(one.value or b"")
    return event


def an_output(found: Evidence, topic: str, *, last: bool) -> int:
    """The first output on this topic that is its order's last, or isn't."""
    latest = Counter(row["order_id"] for row in found.outbox)
    for n, one in enumerate(found.published):
        if one.topic == topic:
            data = event_of(one)["data"]
            if (data["order_version"] == latest[data["order_id"]]) == last:
                return n
    raise AssertionError(topic)


def order_of(found: Evidence, n: int) -> str:
    order: str = event_of(found.published[n])["data"]["order_id"]
    return order


def row_of(found: Evidence, n: int) -> int:
    """The row of an output in the journal."""
    identity = event_of(found.published[n])["id"]
    return next(n for n, row in enumerate(found.outbox) if row["id"] == identity)


def two_of_one(found: Evidence, of: Callable[[int], object]) -> tuple[int, int]:
    """Two outputs in one partition, one after the other, for which `of` returns the same."""
    seen: dict[tuple[str, int, object], int] = {}
    for n, one in enumerate(found.published):
        if one.topic != QUARANTINE:
            place = (one.topic, one.partition, of(n))
            if place in seen:
                return seen[place], n
            seen[place] = n
    raise AssertionError("no two in one partition")


def two_of_one_order(found: Evidence) -> tuple[int, int]:
    return two_of_one(found, lambda n: order_of(found, n))


def exchanged(found: Evidence, one: int, other: int) -> Evidence:
    records = list(found.published)
    records[one], records[other] = records[other], records[one]
    return replace(found, published=records)


def without(found: Evidence, n: int) -> Evidence:
    return replace(found, published=[*found.published[:n], *found.published[n + 1 :]])


def with_output(found: Evidence, n: int, one: Read) -> Evidence:
    return replace(found, published=[*found.published[:n], one, *found.published[n + 1 :]])


def with_row(found: Evidence, n: int, **changes: Any) -> Evidence:
    return replace(found, outbox=[*found.outbox[:n], {**found.outbox[n], **changes}, *found.outbox[n + 1 :]])


def with_order(found: Evidence, order: str, **changes: Any) -> Evidence:
    return replace(found, orders=[{**row, **changes} if row["order_id"] == order else row for row in found.orders])


# One function per kind of harm.


def doubled(found: Evidence) -> Evidence:
    return replace(found, published=[*found.published, found.published[an_output(found, REFUNDS, last=False)]])


def lost(found: Evidence) -> Evidence:
    return without(found, an_output(found, REFUNDS, last=False))


def lost_where_nothing_followed(found: Evidence) -> Evidence:
    return without(found, an_output(found, REFUNDS, last=True))


def lost_from_the_journal_too(found: Evidence) -> Evidence:
    """A decision that was never made: no money is wrong, nothing is missing in Kafka."""
    n = an_output(found, DECISIONS, last=True)
    row = row_of(found, n)
    return without(replace(found, outbox=[*found.outbox[:row], *found.outbox[row + 1 :]]), n)


def invented(found: Evidence) -> Evidence:
    n = an_output(found, REFUNDS, last=True)
    event = {**event_of(found.published[n]), "id": "nobody's"}
    return with_output(found, n, found.published[n]._replace(value=json.dumps(event).encode()))


def of_no_order(found: Evidence) -> Evidence:
    order = order_of(found, an_output(found, REFUNDS, last=True))
    return replace(found, facts={one: rows for one, rows in found.facts.items() if one != order})


def twice_in_the_journal(found: Evidence) -> Evidence:
    return replace(found, outbox=[*found.outbox, found.outbox[0]])


def swapped(found: Evidence) -> Evidence:
    """Two outputs of one order the wrong way round in their partition."""
    return exchanged(found, *two_of_one_order(found))


def overtaken(found: Evidence) -> Evidence:
    """Two outputs of one lane, perhaps of different orders, the wrong way round in their partition."""
    return exchanged(found, *two_of_one(found, lambda n: found.published[n].headers["lane"]))


def swapped_by_version(found: Evidence) -> Evidence:
    """Two outputs of one order with each other's version, at their own positions."""
    one, other = two_of_one_order(found)
    for n, version in ((one, other), (other, one)):
        event = event_of(found.published[n])
        event["data"]["order_version"] = event_of(found.published[version])["data"]["order_version"]
        found = with_output(found, n, found.published[n]._replace(value=json.dumps(event).encode()))
    return found


def swapped_in_the_journal(found: Evidence) -> Evidence:
    one, other = (row_of(found, n) for n in two_of_one_order(found))
    versions = found.outbox[one]["order_version"], found.outbox[other]["order_version"]
    return with_row(with_row(found, one, order_version=versions[1]), other, order_version=versions[0])


def in_another_lane(found: Evidence) -> Evidence:
    row = row_of(found, an_output(found, REFUNDS, last=False))
    return with_row(found, row, lane=found.outbox[row]["lane"] ^ 1)


def one_position_more(found: Evidence) -> Evidence:
    return replace(found, lanes={**found.lanes, 0: found.lanes[0] + 1}, noted={**found.noted, 0: found.noted[0] + 1})


def cursor_behind(found: Evidence) -> Evidence:
    behind = found.cursors[0]._replace(value=json.dumps({"position": found.lanes[0] - 1}).encode())
    return replace(found, cursors=[behind, *found.cursors[1:]])


def dearer(found: Evidence) -> Evidence:
    """A refund of one fen more than the rules say, in the journal too."""
    n = an_output(found, REFUNDS, last=True)
    event = event_of(found.published[n])
    event["data"]["amount"]["value"] += 1
    value = json.dumps(event).encode()
    return with_row(with_output(found, n, found.published[n]._replace(value=value)), row_of(found, n), value=value)


def other_than_the_journal(found: Evidence) -> Evidence:
    n = an_output(found, REFUNDS, last=True)
    return with_output(found, n, found.published[n]._replace(key=b"another"))


def stuck(found: Evidence) -> Evidence:
    return with_order(found, order_of(found, an_output(found, REFUNDS, last=True)), stuck="KeyError")


def stuck_for_no_reason(found: Evidence) -> Evidence:
    return with_order(found, order_of(found, an_output(found, REFUNDS, last=True)), stuck=CONTRADICTED)


def overdue(found: Evidence) -> Evidence:
    assert found.now is not None
    return with_order(found, found.orders[0]["order_id"], due_at=found.now - timedelta(minutes=2))


def forgotten(found: Evidence) -> Evidence:
    """A fact whose record was sent and that is missing."""
    order = order_of(found, an_output(found, REFUNDS, last=True))
    return replace(found, facts={**found.facts, order: found.facts[order][1:]})


def refused_as_a_conflict(found: Evidence) -> Evidence:
    """A good event that is quarantined and not stored, although no other fact has its id."""
    return _refused(found, "conflict")


def refused_as_one_too_many(found: Evidence) -> Evidence:
    """A good event that is quarantined and not stored, although its order has room for it."""
    return _refused(found, "too_many_facts")


def _refused(found: Evidence, reason: str) -> Evidence:
    harmed = forgotten(found)
    (gone,) = (
        (row["source"], row["id"])
        for order, rows in found.facts.items()
        for row in rows[: len(rows) - len(harmed.facts[order])]
    )
    numbers = {n for n, one in enumerate(found.sent) if one.event and (one.event["source"], one.event["id"]) == gone}
    rows = [_quarantined(where, reason) for where, n in found.came_in if n in numbers]
    return replace(harmed, quarantine=[*found.quarantine, *rows])


def _quarantined(where: Where, reason: str) -> dict[str, Any]:
    return {**dict(zip(("topic", "partition", "offset"), where, strict=True)), "reason": reason, "order_id": None}


def overlooked(found: Evidence) -> Evidence:
    return replace(found, quarantine=found.quarantine[1:])


def unannounced(found: Evidence) -> Evidence:
    return without(found, next(n for n, one in enumerate(found.published) if one.topic == QUARANTINE))


def quarantined_twice(found: Evidence) -> Evidence:
    return replace(found, quarantine=[*found.quarantine, found.quarantine[0]])


def quarantined_for_nothing(found: Evidence) -> Evidence:
    good = next(where for where, n in found.came_in if found.sent[n].verdict == "good")
    return replace(found, quarantine=[*found.quarantine, _quarantined(good, "conflict")])


def hanging(found: Evidence) -> Evidence:
    place, (end, committed) = next(iter(found.ends.items()))
    return replace(found, ends={**found.ends, place: (end, committed - 1)})


def unpublished(found: Evidence) -> Evidence:
    return replace(found, noted={**found.noted, 0: found.noted[0] - 1})


def unread(found: Evidence) -> Evidence:
    place, offset = next(iter(found.committed.items()))
    return replace(found, committed={**found.committed, place: offset - 1})


def undelivered(found: Evidence) -> Evidence:
    return replace(found, came_in=found.came_in[1:])


ONCE, DENSE, ORDERED, QUARANTINED, MONEY, LEFT = CHECKS
HARM: tuple[tuple[Harm, dict[str, str]], ...] = (
    (doubled, {ONCE: "published 2 times", DENSE: "not 1 to", ORDERED: "comes late", MONEY: "half of its outputs"}),
    (lost, {ONCE: "missing in Kafka", DENSE: "not 1 to", ORDERED: "in the journal", MONEY: "half of its outputs"}),
    (
        lost_where_nothing_followed,
        {ONCE: "missing in Kafka", DENSE: "not 1 to", ORDERED: "in the journal", MONEY: "the rules say"},
    ),
    (lost_from_the_journal_too, {DENSE: "not 1 to", MONEY: "the rules would add"}),
    (invented, {ONCE: "not in the journal"}),
    (of_no_order, {MONEY: "has outputs and no facts", QUARANTINED: "is no fact"}),
    (twice_in_the_journal, {ONCE: "has an id twice"}),
    (swapped, {ORDERED: ": version "}),
    (overtaken, {ORDERED: ", position "}),
    (swapped_by_version, {ONCE: "not what the journal has", ORDERED: "in the journal"}),
    (swapped_in_the_journal, {ORDERED: "in the journal (lane"}),
    (in_another_lane, {ORDERED: "in the journal (lane"}),
    (one_position_more, {DENSE: "not 1 to"}),
    (cursor_behind, {DENSE: "the cursor is at"}),
    (dearer, {MONEY: "the rules would add"}),
    (other_than_the_journal, {ONCE: "not what the journal has"}),
    (stuck, {LEFT: "is stuck"}),
    (stuck_for_no_reason, {MONEY: "the rules have nothing against it"}),
    (overdue, {LEFT: "has not fired"}),
    (forgotten, {QUARANTINED: "said None, rightly none"}),
    (refused_as_a_conflict, {QUARANTINED: "said conflict, rightly none"}),
    (refused_as_one_too_many, {QUARANTINED: "said too_many_facts, rightly none"}),
    (overlooked, {QUARANTINED: "not in the table"}),
    (unannounced, {QUARANTINED: "not in the topic"}),
    (quarantined_twice, {QUARANTINED: "2 times in the table"}),
    (quarantined_for_nothing, {QUARANTINED: "in the table for nothing"}),
    (hanging, {LEFT: "a transaction hangs"}),
    (unpublished, {LEFT: "left in the outbox"}),
    (unread, {LEFT: "a lag of"}),
    (undelivered, {LEFT: "was not delivered"}),
)
