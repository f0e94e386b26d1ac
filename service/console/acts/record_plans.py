"""Plans to replay, repair or drop quarantined records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.console.acts.plans import ITEMS_MAX, Plan, PlanError, Planner
from service.operations.acts.kinds import Act
from service.operations.acts.perform import location
from service.operations.acts.records import (
    OfOrder,
    changed_places,
    decoded,
    effects_of_drop,
    effects_of_replay,
    identity_of,
)
from service.operations.quarantine.lookup import QuarantineError, one_record
from service.operations.quarantine.resolution import UNREPAIRED, Repair
from service.operations.sentence import Sentence, sentence
from service.store.messages import messages_with_id
from service.store.operators.proposals import NewItem, RepairRow
from service.store.operators.quarantine import contents, holding_up
from service.store.operators.quarantine_groups import Group, records_of
from service.store.search import installation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.operations.acts.records import Decoded
    from service.store.operators.quarantine import QuarantinedRecord

GROUP = ("topic", "reason", "place", "source")
NOT_ITS_IDENTITY = sentence("A repaired message keeps its identity: source and id must be those of the record.")


async def plan_of_records(planner: Planner, act: str, form: Mapping[str, str]) -> Plan:
    """Plan to resolve records: those named, one per line, or the first of a group. Raises PlanError, StoreError."""
    records, notes = await _records(planner, form)
    repair = _repair(form) if act == Act.REPAIR else UNREPAIRED
    if act == Act.REPAIR and len(records) != 1:
        raise PlanError(sentence("One record is repaired at a time: name exactly one."))
    plan = Plan([], notes=notes)
    await _fill_in(planner, act, records, repair, plan)
    plan.given = {name: form[name] for name in ("records", "group") if form.get(name)}
    if act == Act.REPAIR:
        plan.repair = RepairRow(*repair)
    return plan


async def replan_of_records(planner: Planner, act: str, subjects: Sequence[str], repair: RepairRow | None) -> Plan:
    """Plan anew what was proposed for these records, as they are now. Raises PlanError, StoreError."""
    plan = Plan([])
    records = [await _named(planner, one) for one in subjects]
    open_ones = [one for one in records if one.resolved_at is None]
    if not open_ones:
        raise PlanError(sentence("These were resolved already: {records}.", records=", ".join(subjects[:10])))
    await _fill_in(planner, act, open_ones, UNREPAIRED if repair is None else Repair(*repair), plan)
    return plan


async def _fill_in(
    planner: Planner, act: str, records: Sequence[QuarantinedRecord], repair: Repair, plan: Plan
) -> None:
    """Add the items and the effects to the plan."""
    bytes_of = await contents(planner.connection, [one.identity for one in records])
    read = decoded(records, bytes_of, await installation(planner.connection), repair)
    if act == Act.REPAIR:
        (one,) = records
        plan.changed_places = _checked_repair(bytes_of[one.identity].value, repair, one)
    orders = await _orders(planner, {order for one in records for order in one.holds_up} | read.orders)
    compute = planner.console.stories.compute
    if act == Act.DROP:
        plan.effects = await compute(effects_of_drop, records, orders, planner.book, planner.clock)
    else:
        taken = await _taken_elsewhere(planner, read)
        tolerance = planner.console.settings.future_tolerance()
        effects, refused = await compute(
            effects_of_replay, records, read, orders, taken, planner.book, planner.clock, tolerance
        )
        plan.effects, plan.refused = effects, [*read.refused, *refused]
    plan.orders = {one.order_id for one in orders}
    plan.items = [_item(one, read) for one in records]


def _item(record: QuarantinedRecord, read: Decoded) -> NewItem:
    name = f"{record.topic}/{record.partition}/{record.offset}#{record.digest.hex()}"
    event = read.events.get(record.identity)
    return NewItem(name, sorted({*record.holds_up, *([] if event is None else [event.subject])}))


async def _records(planner: Planner, form: Mapping[str, str]) -> tuple[list[QuarantinedRecord], list[Sentence]]:
    """Return the records that a form is about, and notes on the list."""
    named = list(dict.fromkeys(line.strip() for line in form.get("records", "").splitlines() if line.strip()))
    if not named and form.get("topic"):
        return await _of_group(
            planner, Group(form["topic"], form.get("reason", ""), form.get("place", ""), form.get("source"))
        )
    if not named:
        raise PlanError(sentence("Name at least one record."))
    if len(named) > ITEMS_MAX:
        raise PlanError(sentence("Name at most {number} at once.", number=ITEMS_MAX))
    found = [await _named(planner, one) for one in named]
    done = [one.name for one in found if one.resolved_at is not None]
    if done:
        raise PlanError(sentence("These were resolved already: {records}.", records=", ".join(done[:10])))
    return found, []


async def _named(planner: Planner, name: str) -> QuarantinedRecord:
    try:
        return await one_record(planner.connection, location(name))
    except (QuarantineError, ValueError):
        raise PlanError(sentence("No such record is in quarantine: {record}.", record=name)) from None


async def _of_group(planner: Planner, group: Group) -> tuple[list[QuarantinedRecord], list[Sentence]]:
    found: list[QuarantinedRecord] = []
    while len(found) <= ITEMS_MAX:
        some = await records_of(planner.connection, group, found[-1].identity if found else None)
        if not some:
            break
        found += some
    if not found:
        raise PlanError(sentence("This group has no more records: they were resolved, or there never were any."))
    if len(found) <= ITEMS_MAX:
        return found, []
    return found[:ITEMS_MAX], [sentence("There are more: these are the first {number}.", number=ITEMS_MAX)]


async def _orders(planner: Planner, order_ids: set[str]) -> list[OfOrder]:
    return [
        OfOrder(order_id, await planner.histories.of(order_id), await holding_up(planner.connection, order_id))
        for order_id in sorted(order_ids)
    ]


async def _taken_elsewhere(planner: Planner, read: Decoded) -> set[tuple[str, str]]:
    found = set()
    for event in read.events.values():
        others = await messages_with_id(planner.connection, event.id, event.source)
        if any(one.order_id != event.subject for one in others):
            found.add((event.source, event.id))
    return found


def _repair(form: Mapping[str, str]) -> Repair:
    value, key = form.get("value", ""), form.get("key_text", "")
    if not value:
        raise PlanError(sentence("Give the value to replay in place of the record's."))
    return Repair(
        value.encode("utf-8", "surrogatepass"),
        key.encode("utf-8", "surrogatepass") if key else None,
        bool(form.get("without_headers")),
    )


def _checked_repair(original: bytes | None, repair: Repair, record: QuarantinedRecord) -> list[str]:
    """Return at which places the repaired value differs; it has to be the same message. Raises PlanError."""
    before, after = identity_of(original), identity_of(repair.value)
    if before is not None and record.erased_at is None and before != after:
        raise PlanError(NOT_ITS_IDENTITY)
    return changed_places(original, repair.value)
