"""The look at each alert: whether it holds by the database and the broker, since when, and its figures.

An alert is about what workers export. Most of that is read from the database and the broker here, so that the answer
can be had while every worker is down. What only workers know (`holds` is None) is marked as such.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from service.observability.database_figures import furthest_behind
from service.operations.sentence import Amount, Id, Sentence, sentence
from service.operations.wait_names import wait_name
from service.operations.wording import amount_in_words

if TYPE_CHECKING:
    from service.observability.lag import GroupLag, PartitionLag
    from service.operations.situation import Situation, Wait, Waits

MONEY_LATE_SECONDS = 60
WATERMARK_SECONDS = 300
DEADLINES_SECONDS = 900
MANY_STUCK = 10
LAG_MESSAGES = 5_000
FORGOTTEN = timedelta(days=3)
SKEW_SECONDS = 5.0
RETENTION_SHARE = 0.5
WAITS_LIMITS = {
    **dict.fromkeys(("placed", "conversion", "seller_excess", "undeliverable", "refused_hold"), timedelta(days=1)),
    **dict.fromkeys(("deposits_answer", "refund_answer", "funds_answer"), timedelta(days=3)),
    **dict.fromkeys(("sellers_answer", "verification"), timedelta(days=7)),
}
"""The time that orders may wait for something before it is an alert, by kind of wait."""

SHOWN = 20
"""Lanes, partitions, orders of which an alert's page tells single ones."""


class Seen(NamedTuple):
    """The known state of the database, of the broker and of the orders' waits. None: it could not be read."""

    situation: Situation | None
    lag: GroupLag | None
    waits: Waits | None
    now: datetime
    """This machine's time, when the situation was read."""
    asks_broker: bool = True
    """Whether this process knows a broker at all."""


class Value(NamedTuple):
    """A figure that an alert is about."""

    name: Sentence
    value: Sentence | datetime | int | str


class Look(NamedTuple):
    """An alert, looked at: whether it holds (None: that can't be seen from here), since when, and its figures."""

    holds: bool | None
    since: datetime | None = None
    values: tuple[Value, ...] = ()


UNSEEN = Look(None)


def server_away(seen: Seen) -> Look:
    database, broker = seen.situation is not None, seen.lag is not None
    values = [Value(sentence("The database"), sentence("answers") if database else sentence("can't be read"))]
    if seen.asks_broker:
        values.append(Value(sentence("Kafka"), sentence("answers") if broker else sentence("gives no usable answer")))
    else:
        values.append(Value(sentence("Kafka"), sentence("this console was not told where it is")))
    return Look(not database or (seen.asks_broker and not broker), None, tuple(values))


def offset_lost(seen: Seen) -> Look:
    if seen.lag is None:
        return UNSEEN
    lost = [one for one in seen.lag.partitions if one.is_lost]
    return Look(bool(lost), None, tuple(_partition(one) for one in lost[:SHOWN]))


def refund_limit(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    pause = seen.situation.refund_limit
    if pause is None:
        return Look(False)
    return Look(True, pause.at, (Value(sentence("Why"), pause.why), *_waiting_outputs(seen.situation)))


def outbox_paused(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    by_people = [one for one in seen.situation.pauses if one != seen.situation.refund_limit]
    values = [
        Value(
            sentence("All lanes") if one.lane < 0 else sentence("Lane {lane}", lane=one.lane),
            sentence("paused by {person}: {why}", person=one.by, why=one.why),
        )
        for one in by_people
    ]
    since = min((one.at for one in by_people), default=None)
    more = _waiting_outputs(seen.situation) if by_people else ()
    return Look(bool(by_people), since, (*values, *more))


def no_consumer(seen: Seen) -> Look:
    if seen.lag is None or seen.lag.members is None:
        return UNSEEN
    return Look(seen.lag.members == 0, None, (Value(sentence("Workers in the group"), seen.lag.members),))


def breaker_open(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    breakers = seen.situation.breakers
    values = tuple(
        Value(
            sentence("Topic {topic}", topic=one.topic),
            sentence("{bad} of the last {records} records were bad", bad=one.bad, records=one.records),
        )
        for one in breakers
    )
    return Look(bool(breakers), min((one.at for one in breakers), default=None), values)


def outbox_stuck(seen: Seen) -> Look:
    """Look for lanes that are not paused and have outputs that wait; a stopped lane looks the same from here."""
    if seen.situation is None:
        return UNSEEN
    late = [
        one
        for one in seen.situation.lanes
        if not one.paused and one.since is not None and _seconds(seen.situation.at, one.since) > MONEY_LATE_SECONDS
    ]
    values = [
        Value(sentence("Lane {lane}", lane=one.lane), sentence("outputs that wait: {count}", count=one.unpublished))
        for one in late[:SHOWN]
    ]
    since = min((one.since for one in late if one.since is not None), default=None)
    return Look(bool(late), since, (*values, *(_waiting_outputs(seen.situation) if late else ())))


def lane_stopped(seen: Seen) -> Look:
    """Workers alone know that a lane is stopped; where none waits, no lane is stopped by an output."""
    return Look(None, *outbox_stuck(seen)[1:])


def partition_stalled(seen: Seen) -> Look:
    if seen.lag is None:
        return UNSEEN
    late = [one for one in seen.lag.partitions if _lateness(one, seen.lag) > MONEY_LATE_SECONDS or one.held_back]
    since = min((one.oldest_at for one in late if one.oldest_at is not None), default=None)
    at = None if since is None else _instant(since)
    # That the offset doesn't move is seen over minutes only: this says what waits.
    return Look(bool(late), at, tuple(_partition(one) for one in late[:SHOWN]))


def lag_growing(seen: Seen) -> Look:
    if seen.lag is None:
        return UNSEEN
    messages = sum(one.messages for one in seen.lag.partitions)
    return Look(messages > LAG_MESSAGES, None, (Value(sentence("Messages that wait"), messages),))


def watermark_behind(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    unknown, watermark = seen.situation.figures.totals["unknown"], seen.situation.watermark
    late = watermark is not None and _seconds(seen.situation.at, watermark) > WATERMARK_SECONDS
    values = []
    if watermark is not None:
        values.append(Value(sentence("Input read up to"), watermark))
    if unknown:
        values.append(Value(sentence("Partitions never read to their end"), unknown))
    behind = furthest_behind(seen.situation.figures)
    if behind is not None:
        values.append(Value(sentence("Held back by"), f"{behind[0]}/{behind[1]}"))
    return Look(bool(unknown) or late, watermark, tuple(values))


def deadlines_overdue(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    totals = seen.situation.figures.totals
    since = totals["overdue_since"]
    late = since is not None and _seconds(seen.situation.at, since) > DEADLINES_SECONDS
    values = (
        Value(sentence("Deadlines that passed by the clock"), totals["overdue"]),
        Value(sentence("Of these passed by the input"), totals["due"]),
    )
    return Look(late and bool(totals["due"]), since, values)


def many_stuck(seen: Seen) -> Look:
    found = order_stuck(seen)
    if seen.situation is None:
        return found
    return found._replace(holds=seen.situation.figures.totals["stuck"] >= MANY_STUCK)


def order_stuck(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    count = seen.situation.figures.totals["stuck"]
    stuck = [one for one in seen.situation.halted if one.stuck is not None]
    values = [Value(sentence("Orders on which the rules fail"), count)]
    values += [Value(sentence("Order {order}", order=Id(one.order_id)), str(one.stuck)) for one in stuck]
    return Look(count > 0, None, tuple(values))


def quarantine_growing(seen: Seen) -> Look:
    """Show the records in quarantine. Only a worker counts how many came within a quarter of an hour."""
    if seen.situation is None:
        return UNSEEN
    return Look(None, None, _quarantined(seen.situation))


def quarantine_forgotten(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    oldest = min((row["since"] for row in seen.situation.figures.quarantine), default=None)
    late = oldest is not None and seen.situation.at - oldest > FORGOTTEN
    return Look(late, oldest, _quarantined(seen.situation))


def orders_waiting(seen: Seen) -> Look:
    if seen.waits is None:
        return UNSEEN
    late = [one for one in seen.waits.rows if _is_long(one, seen.waits.at)]
    since = min((one.since for one in late), default=None)
    return Look(bool(late), since, tuple(Value(wait_name(one.what), _of_wait(one)) for one in late))


def census_old(seen: Seen) -> Look:
    if seen.waits is None:
        return UNSEEN
    return Look(None, None, (Value(sentence("Counted by this console at"), seen.waits.at),))


def retention(seen: Seen) -> Look:
    if seen.lag is None:
        return UNSEEN
    in_danger = [
        one
        for one in seen.lag.partitions
        if (keeps := seen.lag.retention.get(one.topic)) is not None
        and _lateness(one, seen.lag) > RETENTION_SHARE * keeps
    ]
    return Look(bool(in_danger), None, tuple(_partition(one) for one in in_danger[:SHOWN]))


def clock_skew(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    skew = (seen.situation.at - seen.now).total_seconds()
    value = sentence("{seconds} s from the clock of this console", seconds=f"{skew:+.1f}")
    return Look(abs(skew) > SKEW_SECONDS, None, (Value(sentence("The database's clock"), value),))


def money_late(seen: Seen) -> Look:
    looks = (outbox_stuck(seen), partition_stalled(seen))
    since = min((one.since for one in looks if one.holds and one.since is not None), default=None)
    holds = True if any(one.holds for one in looks) else None if any(one.holds is None for one in looks) else False
    return Look(holds, since, tuple(value for one in looks for value in one.values))


def of_workers(seen: Seen) -> Look:
    """Show that only the workers export it."""
    if seen.lag is None or seen.lag.members is None:
        return UNSEEN
    return Look(None, None, (Value(sentence("Workers in the group"), seen.lag.members),))


def _is_long(wait: Wait, now: datetime) -> bool:
    limit = WAITS_LIMITS.get(wait.what)
    return limit is not None and now - wait.since > limit


def _of_wait(wait: Wait) -> Sentence:
    if wait.amount is None:
        return sentence("orders: {count}", count=wait.orders)
    return sentence("orders: {count}, {amount}", count=wait.orders, amount=money(wait.amount, wait.currency))


def money(amount: int, currency: str | None) -> Amount:
    """Return minor units as a person writes them."""
    return Amount(amount_in_words(amount, currency))


def _waiting_outputs(situation: Situation) -> tuple[Value, ...]:
    return tuple(
        Value(
            sentence("outputs for {topic}: {count}", count=one.outputs, topic=one.topic),
            sentence("no money") if one.amount is None else money(one.amount, one.currency),
        )
        for one in situation.unpublished
    )


def _quarantined(situation: Situation) -> tuple[Value, ...]:
    rows = sorted(situation.figures.quarantine, key=lambda row: (-row["open"], row["reason"]))
    return tuple(Value(sentence("Reason {reason}", reason=row["reason"]), row["open"]) for row in rows)


def _partition(one: PartitionLag) -> Value:
    name = sentence("Partition {partition}", partition=f"{one.topic}/{one.partition}")
    if one.is_lost:
        return Value(name, sentence("its next records are gone: it goes on at {offset}", offset=str(one.committed)))
    if one.held_back:
        return Value(name, sentence("{count} held back by an open transaction", count=one.held_back))
    return Value(name, sentence("messages that wait: {count}", count=one.messages))


def _lateness(one: PartitionLag, lag: GroupLag) -> float:
    return one.seconds(lag.at) or 0.0


def _seconds(now: datetime, then: datetime) -> float:
    return (now - then).total_seconds()


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
