"""Do an act to one item, by the same functions as the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.errors import KafkaError

from service.operations.acts.kinds import Act
from service.operations.acts.retry import retry
from service.operations.quarantine.resolution import UNREPAIRED, Repair, drop, replay
from service.orders.operator_actions import Intervention
from service.outbox.repair.adopt import AdoptError, adopt, lane_report
from service.runtime.errors import describe
from service.store.driver_errors import translated
from service.store.operators.breakers import open_breakers, reset_breaker
from service.store.operators.holds import halt_of, hold
from service.store.operators.pauses import ALL_LANES, current_pauses, pause, resume
from service.store.operators.quarantine import QuarantineFilter, RecordLocation
from service.store.rows import INSTALLATION, Installation
from service.terms.files import TermsError, terms_of
from service.terms.importing import import_terms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import asyncpg

    from service.kafka.connection import Kafka
    from service.orders.engine import Engine

NEED_ENGINE = frozenset({Act.RELEASE, Act.RETRY, Act.REPLAY, Act.REPAIR, Act.DROP})
"""Acts after which the rules decide."""


_RECORD = re.compile(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,9})/([0-9]{1,18})(?:#([0-9a-f]{1,64}))?")


class Outcome(NamedTuple):
    """The outcome for one item: `done`, `nothing` (there was nothing to do), `refused`, or `changed` (not done, because
    it is not as it was when it was previewed)."""

    outcome: str
    detail: str | None = None


DONE = Outcome("done")


class Tools(NamedTuple):
    """The parts that acts work with; None: not there, and not needed by every act."""

    connection: asyncpg.Connection[asyncpg.Record]
    engine: Engine | None
    kafka: Kafka | None


class ItemAct(NamedTuple):
    """One act on one item, with its author and reason; `given` are the act's arguments, frozen with the proposal."""

    kind: str
    subject: str
    given: Mapping[str, Any]
    by: str
    why: str
    repair: Repair = UNREPAIRED


async def perform(act: ItemAct, tools: Tools) -> Outcome:
    """Do it. An item may be given again after an error: doing it twice does nothing twice. Raises StoreError."""
    return await _ACTS[act.kind](act, tools)


async def stands(kind: str, given: Mapping[str, Any], connection: asyncpg.Connection[asyncpg.Record]) -> str:
    """Return what an act's effect depends on beside orders, as text to compare. Raises StoreError."""
    async with translated():
        if kind == Act.RESUME:
            pauses = await current_pauses(connection)
            lane = given["lane"]
            return "; ".join(f"{p.lane} {p.by} {p.at}" for p in pauses if lane == ALL_LANES or p.lane in (lane, -1))
        if kind == Act.BREAKER_RESET:
            return "; ".join(f"{b.topic} {b.at}" for b in await open_breakers(connection) if b.topic == given["topic"])
    return ""


async def _hold(act: ItemAct, tools: Tools) -> Outcome:
    async with translated():
        return DONE if await hold(tools.connection, act.subject, act.by, act.why) else Outcome("nothing")


async def _release(act: ItemAct, tools: Tools) -> Outcome:
    assert tools.engine is not None
    handled = await tools.engine.intervene(Intervention(act.by, act.why, release=(act.subject,)))
    if not handled.released:
        return Outcome("nothing")
    if handled.stuck:
        return Outcome("refused", f"stuck: {handled.stuck[0].error}")
    return Outcome("done", f"{len(handled.outputs)} outputs")


async def _retry(act: ItemAct, tools: Tools) -> Outcome:
    assert tools.engine is not None
    async with translated():
        row = await halt_of(tools.connection, act.subject)
    if row is None or row.stuck is None or row.held_at is not None:
        return Outcome("nothing")
    handled, outcome = await retry(tools.connection, tools.engine, act.subject, act.by, act.why)
    return Outcome("refused", outcome) if handled.stuck else Outcome("done", f"{len(handled.outputs)} outputs")


async def _pause(act: ItemAct, tools: Tools) -> Outcome:
    async with translated():
        return DONE if await pause(tools.connection, act.given["lane"], act.by, act.why) else Outcome("nothing")


async def _resume(act: ItemAct, tools: Tools) -> Outcome:
    if await stands(Act.RESUME, act.given, tools.connection) != act.given["stands"]:
        return Outcome("changed", "other pauses are in force now")
    checked = {int(lane): position for lane, position in act.given["checked"].items()}
    async with translated():
        gone = await resume(tools.connection, act.given["lane"], act.by, act.why, checked)
    return DONE if gone else Outcome("nothing")


async def _reset(act: ItemAct, tools: Tools) -> Outcome:
    async with translated():
        return DONE if await reset_breaker(tools.connection, act.subject, act.by, act.why) else Outcome("nothing")


async def _resolve(act: ItemAct, tools: Tools) -> Outcome:
    assert tools.engine is not None
    which = QuarantineFilter(places=(location(act.subject),))
    intervention = Intervention(act.by, act.why)
    if act.kind == Act.DROP:
        pages = drop(tools.connection, tools.engine, which, intervention)
    else:
        pages = replay(tools.connection, tools.engine, which, intervention, act.repair)
    found = [one async for page in pages for one in page]
    if not found or found[0].outcome == "known":
        return Outcome("nothing")
    (one,) = found
    if one.outcome == "resolved":
        return DONE
    return Outcome("refused", " ".join(part for part in (one.reason, one.place, one.because) if part))


async def _adopt(act: ItemAct, tools: Tools) -> Outcome:
    if tools.kafka is None:
        return Outcome("refused", "the console knows no broker")
    lane, position = act.given["lane"], act.given["position"]
    async with translated():
        row = await tools.connection.fetchrow(INSTALLATION)
    assert row is not None
    installation = Installation(*row)
    try:
        report = await lane_report(tools.connection, tools.kafka, lane)
        if report.in_words(str(installation.outbox_id)) != act.given["lane_stands"]:
            return Outcome("changed", report.in_words(str(installation.outbox_id)))
        await adopt(tools.connection, tools.kafka, installation, lane, position, act.by, act.why)
    except AdoptError as error:
        return Outcome("refused", str(error))
    except (TimeoutError, KafkaError, OSError) as error:
        return Outcome("refused", f"Kafka gave no usable answer: {describe(error)}")
    return DONE


async def _import_terms(act: ItemAct, tools: Tools) -> Outcome:
    try:
        async with translated():
            added = await import_terms(tools.connection, terms_of(act.given["text"].encode(), act.given["name"]))
    except TermsError as error:
        return Outcome("refused", str(error))
    return Outcome("done", f"{len(added)} sets") if added else Outcome("nothing")


def location(subject: str) -> RecordLocation:
    """Return the place that an item `topic/partition/offset#digest` names. Raises ValueError if it names none."""
    named = _RECORD.fullmatch(subject)
    if named is None:
        raise ValueError("no record's name")
    topic, partition, offset, digest = named.groups()
    return RecordLocation(topic, int(partition), int(offset), digest or "")


_ACTS: Mapping[str, Callable[[ItemAct, Tools], Awaitable[Outcome]]] = {
    Act.HOLD: _hold,
    Act.RELEASE: _release,
    Act.RETRY: _retry,
    Act.PAUSE: _pause,
    Act.RESUME: _resume,
    Act.BREAKER_RESET: _reset,
    Act.REPLAY: _resolve,
    Act.REPAIR: _resolve,
    Act.DROP: _resolve,
    Act.ADOPT: _adopt,
    Act.TERMS_IMPORT: _import_terms,
}
