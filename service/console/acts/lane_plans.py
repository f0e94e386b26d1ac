"""Plans for lanes, circuit breakers and terms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from service.console.acts.plans import Plan, PlanError, Planner
from service.console.broker import EVENT_TOPICS
from service.operations.acts.effects import Effect
from service.operations.acts.kinds import Act
from service.operations.acts.money import moves_of_stored
from service.operations.acts.perform import stands
from service.operations.sentence import sentence
from service.outbox.repair.adopt import lane_report
from service.rules.facts import micros
from service.store.driver_errors import translated
from service.store.operators.breakers import open_breakers
from service.store.operators.pauses import ALL_LANES, AUTOMATIC, current_pauses, lane_rows
from service.store.operators.proposals import NewItem
from service.store.unpublished import outputs_between, waiting_outputs
from service.terms.cautions import calendar_caution, dropped_terms
from service.terms.files import TermsError, terms_of
from service.terms.importing import sets_to_add

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.store.unpublished import WaitingOutput

OUTPUTS_MAX = 20_000
"""Outputs of one preview: with more, the command line resumes."""
WORDS_OF_LANES = "all lanes"


async def plan_of_pause(planner: Planner, act: str, form: Mapping[str, str]) -> Plan:
    """Plan to pause or resume a lane, or all. Raises PlanError, StoreError."""
    lane = await _lane(planner, form.get("lane", ""))
    async with translated():
        waiting = await waiting_outputs(planner.connection, lane, OUTPUTS_MAX + 1)
        pauses = [one for one in await current_pauses(planner.connection) if lane in (ALL_LANES, one.lane)]
        together = await current_pauses(planner.connection)
    if len(waiting) > OUTPUTS_MAX:
        raise PlanError(sentence("More than {number} outputs wait: use the command line.", number=OUTPUTS_MAX))
    subject = WORDS_OF_LANES if lane == ALL_LANES else f"lane {lane}"
    if act == Act.PAUSE:
        plan = Plan([NewItem(subject)], given={"lane": lane}, moves=())
        plan.notes.append(sentence("No money moves by this. {number} outputs wait now.", number=len(waiting)))
        return plan
    if lane != ALL_LANES and any(one.lane == ALL_LANES for one in together):
        raise PlanError(sentence("All lanes are paused together: resume them all."))
    if not pauses:
        raise PlanError(sentence("It is not paused: there is nothing to do."))
    # The outputs are frozen, whatever their orders receive meanwhile: the item names no orders, and none makes it
    # stale.
    plan = Plan([NewItem(subject)], effects=_effects(waiting))
    # Only these pass the refund limit. What is decided after this preview is counted as usual.
    checked = {str(row.lane): row.noted for row in await lane_rows(planner.connection) if lane in (ALL_LANES, row.lane)}
    checked |= {str(one.lane): one.position for one in waiting}
    plan.given = {"lane": lane, "checked": checked}
    plan.given["stands"] = await stands(act, plan.given, planner.connection)
    plan.is_after_refund_limit = any(one.by == AUTOMATIC for one in pauses)
    for one in pauses:
        plan.notes.append(sentence("Paused by {who}: {why}.", who=one.by, why=one.why))
    return plan


async def plan_of_reset(planner: Planner, _act: str, form: Mapping[str, str]) -> Plan:
    """Plan to reset a topic's circuit breaker. Raises PlanError, StoreError."""
    topic = form.get("topic", "")
    async with translated():
        found = [one for one in await open_breakers(planner.connection) if one.topic == topic]
    if topic not in EVENT_TOPICS or not found:
        raise PlanError(sentence("No circuit breaker of such a topic is open: there is nothing to do."))
    plan = Plan([NewItem(topic)], given={"topic": topic}, moves=())
    plan.given["stands"] = await stands(Act.BREAKER_RESET, plan.given, planner.connection)
    plan.notes.append(
        sentence("{bad} of {records} records were bad when it opened.", bad=found[0].bad, records=found[0].records)
    )
    return plan


async def plan_of_adoption(planner: Planner, _act: str, form: Mapping[str, str]) -> Plan:
    """Plan to let a lane continue after a position. Raises PlanError, StoreError."""
    lane, position = await _lane(planner, form.get("lane", "")), form.get("position", "").strip()
    if lane == ALL_LANES or not (position.isascii() and position.isdigit() and len(position) < 19):
        raise PlanError(sentence("Give the number of a lane and of a position."))
    broker = planner.console.watch.broker
    if broker is None:
        raise PlanError(sentence("The console is told of no broker (PURCHASING_KAFKA_BOOTSTRAP_SERVERS)."))
    try:
        async with asyncio.timeout(10):
            report = await lane_report(planner.connection, broker.kafka, lane)
    except (KafkaError, OSError, TimeoutError):
        raise PlanError(sentence("Kafka gives no usable answer now.")) from None
    async with translated():
        outbox_id = str(await planner.connection.fetchval("select outbox_id from installation"))
        published, to = report.published(outbox_id), int(position)
        low, high = min(published, to), max(published, min(to, report.last))
        between = await outputs_between(planner.connection, lane, low, high, OUTPUTS_MAX + 1)
    if len(between) > OUTPUTS_MAX:
        raise PlanError(sentence("More than {number} outputs lie between: use the command line.", number=OUTPUTS_MAX))
    plan = Plan([NewItem(f"lane {lane}", sorted({one.order_id for one in between if one.order_id}))])
    plan.effects = _effects(between)
    plan.orders = set(plan.items[0].order_ids)
    plan.given = {"lane": lane, "position": to, "lane_stands": report.in_words(outbox_id)}
    plan.notes.append(sentence("As it stands: {report}.", report=report.in_words(outbox_id)))
    if to < published:
        plan.notes.append(sentence("Positions {first} to {last} are published AGAIN.", first=to + 1, last=published))
    if to > published:
        plan.notes.append(sentence("Positions {first} to {last} are NEVER published.", first=published + 1, last=to))
    return plan


async def plan_of_terms(planner: Planner, _act: str, form: Mapping[str, str]) -> Plan:
    """Plan to import terms. Raises PlanError, StoreError."""
    name = form.get("name", "").strip() or "terms.toml"
    text = form.get("text", "")
    try:
        declared = terms_of(text.encode("utf-8", "surrogatepass"), name)
        added = sets_to_add(declared, planner.book, micros(planner.clock.now))
    except TermsError as error:
        raise PlanError(sentence("The file is refused: {why}", why=str(error))) from None
    if not added:
        raise PlanError(sentence("All sets of the file are there already: there is nothing to do."))
    plan = Plan([NewItem(name)], given={"name": name, "text": text}, moves=())
    plan.notes.append(sentence("No money of an existing order moves: sets come into force in the future only."))
    for one in added[:50]:
        plan.notes.append(
            sentence("Added: {provider}, version {version}.", provider=one.provider_id, version=one.version)
        )
    warnings = [calendar_caution(planner.book, micros(planner.clock.now)), *dropped_terms(planner.book, added)]
    plan.notes += [sentence("Warning: {text}", text=one) for one in warnings if one]
    return plan


def _effects(outputs: Sequence[WaitingOutput]) -> list[Effect]:
    """Return the money of outputs, per order."""
    of_order: dict[str, list[WaitingOutput]] = {}
    for one in outputs:
        if one.order_id is not None:
            of_order.setdefault(one.order_id, []).append(one)
    found = []
    for order_id, own in sorted(of_order.items()):
        moves = moves_of_stored((one.topic, one.value) for one in own)
        found.append(Effect(order_id, moves, len(own) - sum(one.commands for one in moves)))
    return found


async def _lane(planner: Planner, given: str) -> int:
    async with translated():
        lanes = [one.lane for one in await lane_rows(planner.connection)]
    text = given.strip()
    if text == "all":
        return ALL_LANES
    if not (text.isascii() and text.isdigit() and len(text) < 4 and int(text) in lanes):
        raise PlanError(
            sentence("There is no such lane: the lanes are {first} to {last}.", first=lanes[0], last=lanes[-1])
        )
    return int(text)
