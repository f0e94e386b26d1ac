"""Quarantine as pages: groups of records, the records of a group, a record. Never a record's content."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from service.console.links import order_link
from service.console.message_models import (
    GroupModel,
    GroupsModel,
    PastActionModel,
    RecordModel,
    RecordPageModel,
    RecordsModel,
    SumModel,
)
from service.console.problems import not_here
from service.console.visit import Answer, BadRequestError
from service.operations.sentence import sentence
from service.operations.try_message import WHAT_TO_DO
from service.runtime.console_url import record_path
from service.store.operators.quarantine import QuarantineFilter, RecordLocation, actions, page
from service.store.operators.quarantine_groups import GROUPS_MAX, RECORDS_SHOWN, Group, records_of
from service.store.search import is_searchable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.console.parts import Parts
    from service.console.visit import Visit
    from service.store.operators.quarantine import QuarantinedRecord
    from service.store.operators.quarantine_groups import GroupFigures
    from service.store.rows import RecordIdentity

SAME_PLACE_MAX = 10
DIGITS_MAX = 19
"""Of an offset: the largest has so many."""


async def quarantine(console: Parts, _visit: Visit) -> Answer:
    """Show open quarantined records in groups; while the database is away, those that were known last."""
    seen = await console.watch.quarantine()
    has_more = len(seen.groups) == GROUPS_MAX
    context = {"seen": seen, "group_link": group_link, "has_more": has_more, "todo": WHAT_TO_DO}

    def model(_language: object) -> GroupsModel:
        return GroupsModel(
            is_current=seen.is_current,
            known_at=seen.clock.now,
            groups=[_group_model(one) for one in seen.groups],
            has_more=has_more,
            watermark=seen.clock.watermark,
        )

    return Answer("quarantine.html", sentence("Quarantine"), context, model)


async def quarantine_group(console: Parts, visit: Visit) -> Answer:
    """Show the records of one group."""
    group, after = _group_of(visit), _after(visit)
    async with console.stories.readers.histories() as histories:
        found = await records_of(histories.connection, group, after)
    more = group_link(group, found[-1].identity) if len(found) == RECORDS_SHOWN else None
    query = group_link(group).partition("?")[2]
    context = {
        "group": group,
        "records": found,
        "next": more,
        "record_path": _path,
        "todo": WHAT_TO_DO,
        "acts_query": query,
    }
    return Answer(
        "quarantine_group.html",
        sentence("Quarantined records"),
        context,
        lambda _language: RecordsModel(records=[record_model(one) for one in found], next=more),
    )


async def quarantined_record(console: Parts, visit: Visit) -> Answer:
    """Show the record that was quarantined from a place, and what people did about it."""
    place = place_of(visit.request.match_info)
    if place is None:
        return not_here(404)
    async with console.stories.readers.histories() as histories:
        which = QuarantineFilter(places=(place,), resolved=None)
        found = await page(histories.connection, which, None, SAME_PLACE_MAX)
        done = [one for record in found for one in await actions(histories.connection, record.identity)]
    if not found:
        return not_here(404)
    context = {"records": found, "actions": done, "place": place, "todo": WHAT_TO_DO, "order_link": order_link}
    title = sentence("Record {place}", place=f"{place.topic}/{place.partition}/{place.offset}")

    def model(_language: object) -> RecordPageModel:
        return RecordPageModel(
            records=[record_model(one) for one in found],
            actions=[
                PastActionModel(at=one.at, by=one.by, what=one.what, outcome=one.outcome, why=one.why) for one in done
            ],
        )

    return Answer("quarantined_record.html", title, context, model)


def place_of(given: Mapping[str, str]) -> RecordLocation | None:
    """Return the place that `topic`, `partition` and `offset` name; None where there can be no such place."""
    topic, partition, offset = (given.get(name, "").strip() for name in ("topic", "partition", "offset"))
    # Python refuses to read a number of thousands of digits.
    is_number = all(one.isascii() and one.isdigit() and len(one) <= DIGITS_MAX for one in (partition, offset))
    if not is_number or not is_searchable(topic) or int(partition) >= 2**31 or int(offset) >= 2**63:
        return None
    return RecordLocation(topic, int(partition), int(offset))


def group_link(group: Group, after: RecordIdentity | None = None) -> str:
    """Return the address of a group's page."""
    query = [("topic", group.topic), ("reason", group.reason), ("place", group.place)]
    if group.source is not None:
        query.append(("source", group.source))
    if after is not None:
        query.append(("after", f"{after[1]}/{after[2]}/{after[3].hex()}"))
    return f"/quarantine/group?{urlencode(query)}"


def _group_of(visit: Visit) -> Group:
    query = visit.request.query
    for name in ("topic", "reason"):
        if not is_searchable(query.get(name, "")):
            raise BadRequestError("Give the group by its topic, reason, place and source.")
    place, source = query.get("place", ""), query.get("source")
    if "\0" in place or (source is not None and not is_searchable(source)):
        raise BadRequestError("Give the group by its topic, reason, place and source.")
    return Group(query["topic"], query["reason"], place, source)


def _after(visit: Visit) -> RecordIdentity | None:
    given = visit.request.query.get("after")
    if given is None:
        return None
    partition, _, rest = given.partition("/")
    offset, _, digest = rest.partition("/")
    place = place_of({"topic": visit.request.query.get("topic", ""), "partition": partition, "offset": offset})
    try:
        if place is not None:
            return (place.topic, place.partition, place.offset, bytes.fromhex(digest))
    except ValueError:
        pass
    raise BadRequestError("Give the record after which the page begins as its link does.")


def _path(record: QuarantinedRecord) -> str:
    return record_path(record.topic, record.partition, record.offset)


def _group_model(found: GroupFigures) -> GroupModel:
    group = found.group
    return GroupModel(
        topic=group.topic,
        reason=group.reason,
        place=group.place,
        source=group.source,
        records=found.records,
        first=found.first,
        last=found.last,
        orders=found.orders,
        behind=[SumModel(amount=one.amount, currency=one.currency) for one in found.behind],
    )


def record_model(record: QuarantinedRecord) -> RecordModel:
    """Return a record for programs."""
    return RecordModel(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        digest=record.digest.hex(),
        sha256=record.sha256.hex(),
        reason=record.reason,
        place=record.place,
        source=record.source,
        type=record.type,
        order_id=record.order_id,
        size=record.size,
        at=record.at,
        resolved_at=record.resolved_at,
        resolution=record.resolution,
        erased_at=record.erased_at,
        holds_up=list(record.holds_up),
    )
