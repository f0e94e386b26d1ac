"""The judgement: complaints that an outsider could have after a run. An empty list is a clean run.

There is one check per promise; each returns sentences. They compare the outputs in Kafka with the records in the topics
and in the sender's memory, and ask the rules anew for the money.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from purchasing_contracts.base import instant_of
from purchasing_contracts.envelope import decode_published
from purchasing_contracts.published import PublishedData
from purchasing_contracts.quarantine import RecordQuarantined
from purchasing_contracts.topics import topic_of

from service.orders.engine import FACTS_PER_TYPE, FUTURE_TOLERANCE
from service.orders.state import read_back
from service.rules.clock import QuarantinedRecord
from service.rules.decide import CurrencyChangedError
from service.rules.facts import Fact, micros
from service.rules.ledger import Output
from service.store.order_hash import order_hash
from service.store.rows import FactRow
from tests.chaos.evidence import Evidence
from tests.chaos.reader import Read
from tests.rules.money import money
from tests.rules.playing import Played, fact

QUARANTINE = topic_of(RecordQuarantined).name
SHOWN = 20
KEPT_UP = ("cancellation", "closing", "receipt")
"""Decisions that a quarantined record holds up and doesn't undo."""
CONTRADICTED = CurrencyChangedError.__name__
"""The error of an order that may rightly be stuck: an earlier `placed` in another currency was received after money
had moved."""


def each_output_once(found: Evidence) -> Iterator[str]:
    """Every id once, all of the journal and nothing else, byte for byte. The notice of a record that was read again
    after the database lost it comes twice."""
    wanted = defaultdict(list)
    for row in found.outbox:
        wanted[row["id"]].append(row)
    again = {one for one, rows in wanted.items() if found.read_again and rows[0]["topic"] == QUARANTINE}
    if any(len(rows) > 1 for one, rows in wanted.items() if one not in again):
        yield "the journal itself has an id twice"
    times = Counter(json.loads(one.value or b"{}")["id"] for one in found.published)
    yield from (
        f"output {one} is published {count} times" for one, count in times.items() if count > 1 and one not in again
    )
    yield from (f"output {one} is missing in Kafka" for one in wanted.keys() - times.keys())
    yield from (f"output {one} is in Kafka and not in the journal" for one in times.keys() - wanted.keys())
    for one in found.published:
        identity = json.loads(one.value or b"{}")["id"]
        rows = [(row["topic"], row["key"].encode(), row["value"]) for row in wanted.get(identity, ())]
        if rows and (one.topic, one.key, one.value) not in rows:
            yield f"output {identity} is not what the journal has"


def positions_are_dense(found: Evidence) -> Iterator[str]:
    """Every lane's positions from 1 on without a gap, in Kafka as in the journal, and the cursor at the last
    position."""
    positions: dict[int, list[int]] = {lane: [] for lane in found.lanes}
    for one in found.published:
        positions.setdefault(_number(one, "lane"), []).append(_number(one, "position"))
    for lane, taken in positions.items():
        if sorted(taken) != list(range(1, found.lanes.get(lane, 0) + 1)):
            yield f"lane {lane}: {len(taken)} positions published, not 1 to {found.lanes.get(lane)} once each"
    last = {one.partition: json.loads(one.value or b"{}")["position"] for one in found.cursors}
    for lane, position in found.lanes.items():
        if last.get(lane, 0) != position:
            yield f"lane {lane}: the cursor is at {last.get(lane)}, the last output at {position}"


def in_order(found: Evidence) -> Iterator[str]:
    """One order's outputs: the journal's versions, 1 to n, once each, at the journal's positions, ascending with them
    and in every partition."""
    journal: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for row in found.outbox:
        if row["order_id"] is not None:
            journal[row["order_id"]].append((row["lane"], row["position"], row["order_version"]))
    for order, rows in journal.items():
        if len({lane for lane, _, _ in rows}) > 1 or _versions(rows) != list(range(1, len(rows) + 1)):
            yield f"order {order}: in the journal (lane, position, version) {sorted(rows)}"
    last: dict[tuple[str, int, int], int] = {}
    published: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    seen: dict[tuple[str, int, str], int] = {}
    for one in found.published:
        lane, position = _number(one, "lane"), _number(one, "position")
        if position <= last.get((one.topic, one.partition, lane), 0):
            yield f"lane {lane}, position {position} comes late in {one.topic}/{one.partition}"
        last[one.topic, one.partition, lane] = position
        if one.topic == QUARANTINE:
            continue
        data = json.loads(one.value or b"{}")["data"]
        order, version = data["order_id"], data["order_version"]
        if version <= seen.get((one.topic, one.partition, order), 0):
            yield f"order {order}: version {version} comes late in {one.topic}/{one.partition}"
        seen[one.topic, one.partition, order] = version
        published[order].append((lane, position, version))
    for order in sorted(journal.keys() | published.keys()):
        if sorted(published[order]) != sorted(journal[order]):
            yield f"order {order}: versions {_versions(published[order])}, in the journal {_versions(journal[order])}"


def nothing_is_left(found: Evidence) -> Iterator[str]:
    """The outbox is empty, no record unread, no order stuck or overdue, no transaction open, no output unpublished."""
    for lane, position in found.lanes.items():
        if found.noted.get(lane, 0) != position:
            yield f"lane {lane}: {position - found.noted.get(lane, 0)} outputs are left in the outbox"
    for place, (end, committed) in found.ends.items():
        if end != committed:
            yield f"{place}: a transaction hangs, {end - committed} offsets can't be read"
    for place, offset in found.committed.items():
        lag = found.ends[place][0] - max(0, offset)
        if lag:
            yield f"{place}: a lag of {lag}"
    yield from (
        f"order {row['order_id']} is stuck: {row['stuck']}"
        for row in found.orders
        if row["stuck"] not in (None, CONTRADICTED)
    )
    yield from (
        f"order {row['order_id']}: a deadline of {row['due_at']} has not fired"
        for row in found.orders
        if row["due_at"] is not None and found.now is not None and (found.now - row["due_at"]).total_seconds() > 60
    )
    yield from (f"record {n} was not delivered" for n in set(range(len(found.sent))) - {n for _, n in found.came_in})


def bad_is_quarantined(found: Evidence) -> Iterator[str]:
    """Each malformed record once, in the table and in the topic; of the good ones only those that contradict or are
    too many."""
    quarantined = Counter((row["topic"], row["partition"], row["offset"]) for row in found.quarantine)
    said = Counter(
        (data["topic"], data["partition"], data["offset"])
        for data in (json.loads(one.value or b"{}")["data"] for one in found.published if one.topic == QUARANTINE)
    )
    reasons = {(row["topic"], row["partition"], row["offset"]): row["reason"] for row in found.quarantine}
    known = {(row["source"], row["id"]): (order, _fact_of(row)) for order, rows in found.facts.items() for row in rows}
    wanted = set()
    for where, n in found.came_in:
        sent = found.sent[n]
        if sent.event is None or sent.verdict == "bad":
            wanted.add(where)
            continue
        event = sent.event
        order, stands = known.get((event["source"], event["id"]), ("", None))
        if (order, stands) == (event["subject"], fact(event)):
            continue
        wanted.add(where)
        full = sum(row["type"] == event["type"] for row in found.facts.get(event["subject"], ())) >= FACTS_PER_TYPE
        ahead = found.now is not None and instant_of(event["time"]) > found.now + FUTURE_TOLERANCE
        because = (
            "conflict" if stands is not None else "in_the_future" if ahead else "too_many_facts" if full else "none"
        )
        if reasons.get(where) != because:
            yield f"{where}: a good event ({event['id']}) is no fact, said {reasons.get(where)}, rightly {because}"
    for name, seen in (("the table", quarantined), ("the topic", said)):
        yield from (
            f"{where}: {found.sent[n].kind}, not in {name}"
            for where, n in found.came_in
            if where in wanted and not seen[where]
        )
        yield from (f"{where}: in {name} for nothing" for where in seen.keys() - wanted)
        most = len(found.came_in) if found.read_again and seen is said else 1
        yield from (f"{where}: {count} times in {name}" for where, count in seen.items() if count > most)


def the_money_is_right(found: Evidence) -> Iterator[str]:
    """Per line of every order: commanded − failed − demanded + withheld, as published, equals the result of the
    rules for all the same facts at once; and with these outputs in the journal, the rules add none."""
    assert found.now is not None
    now = micros(found.now)
    outputs: dict[str, list[Output]] = defaultdict(list)
    for one in found.published:
        if one.topic != QUARANTINE:
            attributes, data = decode_published(one.value or b"")
            assert isinstance(data, PublishedData)
            at = micros(instant_of(attributes["time"]))
            outputs[data.order_id].append(Output(attributes["id"], data.order_version, at, data))
    contradicted = {row["order_id"] for row in found.orders if row["stuck"] == CONTRADICTED}
    yield from (f"order {order} has outputs and no facts" for order in outputs.keys() - found.facts.keys())
    for order, rows in found.facts.items():
        published = sorted(outputs[order], key=lambda one: one.version)
        if [one.version for one in published] != list(range(1, len(published) + 1)):
            yield f"order {order}: half of its outputs tell nothing of its money"
            continue
        facts = [_fact_of(row) for row in rows]
        records = found.holding_up.get(order_hash(order), ())
        live, fresh = (_played(order, facts, records, now) for _ in range(2))
        live.ledger = live.ledger.after(published)
        # Decisions from before a record arrived stand (F5), so both get that part of the past.
        decided = {key: one for key, one in live.ledger.standing.items() if key[0] in KEPT_UP}
        fresh.ledger = replace(fresh.ledger, standing=decided)
        fresh.look(now, now)
        if order in contradicted:
            if not _contradicts(live, now):
                yield f"order {order} is stuck and the rules have nothing against it"
            continue
        if money(live) != money(fresh):
            yield f"order {order}: published {money(live)}, the rules say {money(fresh)}"
        if more := live.look(now, now):
            yield f"order {order}: the rules would add {[type(one.data).__name__ for one in more]}"


CHECKS: Mapping[str, Callable[[Evidence], Iterable[str]]] = {
    "every id exactly once, as in the journal": each_output_once,
    "positions dense, cursors at the last": positions_are_dense,
    "one order's outputs in order": in_order,
    "bad quarantined records once, no others": bad_is_quarantined,
    "money as the rules say of the facts": the_money_is_right,
    "nothing left: outbox, lag, transactions, deadlines": nothing_is_left,
}


def judge(found: Evidence) -> dict[str, list[str]]:
    """Complaints by check; at most SHOWN of each."""
    complaints: dict[str, list[str]] = {}
    for name, check in CHECKS.items():
        said = list(check(found))
        complaints[name] = [*said[:SHOWN], *([f"... {len(said)} in all"] if len(said) > SHOWN else [])]
    return complaints


def _contradicts(played: Played, now: int) -> bool:
    try:
        played.look(now, now)
    except CurrencyChangedError:
        return True
    return False


def _versions(rows: Iterable[tuple[int, int, int]]) -> list[int]:
    """The versions, in the order of their positions."""
    return [version for _, _, version in sorted(rows)]


def _number(one: Read, header: str) -> int:
    return int(one.headers[header] or b"-1")


def _fact_of(row: Mapping[str, Any]) -> Fact[Any]:
    kept = FactRow(row["order_id"], row["source"], row["id"], 0, 0, row["at"], row["type"], row["data"])
    (one,) = read_back(None, [kept], ()).facts
    return one


def _played(order: str, facts: list[Fact[Any]], records: Iterable[QuarantinedRecord], now: int) -> Played:
    played = Played(order)
    played.facts = {(one.source, one.id): one for one in facts}
    played.records = list(records)
    played.clock = now
    return played
