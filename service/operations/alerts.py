"""The alerts of deploy/prometheus/rules.yaml, as database and broker show them: is it still so, since when, what to do.

An alert is about what workers export. Most of that is read from the database and the broker here, so that the answer
can be had while every worker is down. What only workers know (`holds` is None) is marked as such.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from service.observability.database_figures import furthest_behind
from service.operations.sentence import Amount, Id, Sentence, sentence
from service.operations.wording import amount_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
"""How long orders may wait for what somebody owes before it is an alert."""

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


class Alert(NamedTuple):
    """An alert, its section of the runbook, what it says, and the one thing to do."""

    name: str
    section: str
    severity: str
    """`page` or `ticket`."""
    words: Sentence
    todo: Sentence
    command: str
    look: Callable[[Seen], Look]


UNSEEN = Look(None)


def _server_away(seen: Seen) -> Look:
    database, broker = seen.situation is not None, seen.lag is not None
    values = [Value(sentence("The database"), sentence("answers") if database else sentence("can't be read"))]
    if seen.asks_broker:
        values.append(Value(sentence("Kafka"), sentence("answers") if broker else sentence("gives no usable answer")))
    else:
        values.append(Value(sentence("Kafka"), sentence("this console was not told where it is")))
    return Look(not database or (seen.asks_broker and not broker), None, tuple(values))


def _offset_lost(seen: Seen) -> Look:
    if seen.lag is None:
        return UNSEEN
    lost = [one for one in seen.lag.partitions if one.is_lost]
    return Look(bool(lost), None, tuple(_partition(one) for one in lost[:SHOWN]))


def _refund_limit(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    pause = seen.situation.refund_limit
    if pause is None:
        return Look(False)
    return Look(True, pause.at, (Value(sentence("Why"), pause.why), *_waiting_outputs(seen.situation)))


def _outbox_paused(seen: Seen) -> Look:
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


def _no_consumer(seen: Seen) -> Look:
    if seen.lag is None or seen.lag.members is None:
        return UNSEEN
    return Look(seen.lag.members == 0, None, (Value(sentence("Workers in the group"), seen.lag.members),))


def _breaker_open(seen: Seen) -> Look:
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


def _outbox_stuck(seen: Seen) -> Look:
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


def _lane_stopped(seen: Seen) -> Look:
    """Workers alone know that a lane is stopped; where none waits, no lane is stopped by an output."""
    return Look(None, *_outbox_stuck(seen)[1:])


def _partition_stalled(seen: Seen) -> Look:
    if seen.lag is None:
        return UNSEEN
    late = [one for one in seen.lag.partitions if _lateness(one, seen.lag) > MONEY_LATE_SECONDS or one.held_back]
    since = min((one.oldest_at for one in late if one.oldest_at is not None), default=None)
    at = None if since is None else _instant(since)
    # That the offset doesn't move is seen over minutes only: this says what waits.
    return Look(bool(late), at, tuple(_partition(one) for one in late[:SHOWN]))


def _lag_growing(seen: Seen) -> Look:
    if seen.lag is None:
        return UNSEEN
    messages = sum(one.messages for one in seen.lag.partitions)
    return Look(messages > LAG_MESSAGES, None, (Value(sentence("Messages that wait"), messages),))


def _watermark_behind(seen: Seen) -> Look:
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


def _deadlines_overdue(seen: Seen) -> Look:
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


def _many_stuck(seen: Seen) -> Look:
    found = _order_stuck(seen)
    if seen.situation is None:
        return found
    return found._replace(holds=seen.situation.figures.totals["stuck"] >= MANY_STUCK)


def _order_stuck(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    count = seen.situation.figures.totals["stuck"]
    stuck = [one for one in seen.situation.halted if one.stuck is not None]
    values = [Value(sentence("Orders on which the rules fail"), count)]
    values += [Value(sentence("Order {order}", order=Id(one.order_id)), str(one.stuck)) for one in stuck]
    return Look(count > 0, None, tuple(values))


def _quarantine_growing(seen: Seen) -> Look:
    """Show the records in quarantine. Only a worker counts how many came within a quarter of an hour."""
    if seen.situation is None:
        return UNSEEN
    return Look(None, None, _quarantined(seen.situation))


def _quarantine_forgotten(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    oldest = min((row["since"] for row in seen.situation.figures.quarantine), default=None)
    late = oldest is not None and seen.situation.at - oldest > FORGOTTEN
    return Look(late, oldest, _quarantined(seen.situation))


def _orders_waiting(seen: Seen) -> Look:
    if seen.waits is None:
        return UNSEEN
    late = [one for one in seen.waits.rows if _is_long(one, seen.waits.at)]
    since = min((one.since for one in late), default=None)
    return Look(bool(late), since, tuple(Value(wait_name(one.what), _of_wait(one)) for one in late))


def _census_old(seen: Seen) -> Look:
    if seen.waits is None:
        return UNSEEN
    return Look(None, None, (Value(sentence("Counted by this console at"), seen.waits.at),))


def _retention(seen: Seen) -> Look:
    if seen.lag is None:
        return UNSEEN
    in_danger = [
        one
        for one in seen.lag.partitions
        if (keeps := seen.lag.retention.get(one.topic)) is not None
        and _lateness(one, seen.lag) > RETENTION_SHARE * keeps
    ]
    return Look(bool(in_danger), None, tuple(_partition(one) for one in in_danger[:SHOWN]))


def _clock_skew(seen: Seen) -> Look:
    if seen.situation is None:
        return UNSEEN
    skew = (seen.situation.at - seen.now).total_seconds()
    value = sentence("{seconds} s from the clock of this console", seconds=f"{skew:+.1f}")
    return Look(abs(skew) > SKEW_SECONDS, None, (Value(sentence("The database's clock"), value),))


def _money_late(seen: Seen) -> Look:
    looks = (_outbox_stuck(seen), _partition_stalled(seen))
    since = min((one.since for one in looks if one.holds and one.since is not None), default=None)
    holds = True if any(one.holds for one in looks) else None if any(one.holds is None for one in looks) else False
    return Look(holds, since, tuple(value for one in looks for value in one.values))


def _of_workers(seen: Seen) -> Look:
    """Show that only the workers export it."""
    if seen.lag is None or seen.lag.members is None:
        return UNSEEN
    return Look(None, None, (Value(sentence("Workers in the group"), seen.lag.members),))


ALERTS: tuple[Alert, ...] = (
    Alert(
        "PurchasingServerAway",
        "server-away",
        "page",
        sentence(
            "The database or Kafka gives no usable answer. Nothing is lost: workers wait and go on by themselves."
        ),
        sentence("Have the platform team bring the server back. Restart nothing and reset nothing."),
        "doctor",
        _server_away,
    ),
    Alert(
        "PurchasingOffsetLost",
        "offset-lost",
        "page",
        sentence("Records were removed before they were read. The service skips nothing by itself."),
        sentence("Raise the topic's retention first, then decide with the senders' teams how the records come back."),
        "lag",
        _offset_lost,
    ),
    Alert(
        "PurchasingRefundLimitReached",
        "outbox-paused",
        "page",
        sentence("The refunds of one minute would exceed the refund limit, so nothing is published."),
        sentence(
            "Look at some of the refunds that wait. If they are right, resume; if they are wrong, hold the orders."
        ),
        "outbox resume",
        _refund_limit,
    ),
    Alert(
        "PurchasingOutboxPaused",
        "outbox-paused",
        "ticket",
        sentence("A person paused the outbox. What is decided waits in order."),
        sentence("Ask whoever paused it. When the reason is gone, resume."),
        "outbox resume",
        _outbox_paused,
    ),
    Alert(
        "PurchasingNoConsumer",
        "no-consumer",
        "page",
        sentence("No worker reads the events."),
        sentence("Read the last lines of a worker's log: a process that can't start says why in one sentence."),
        "doctor",
        _no_consumer,
    ),
    Alert(
        "PurchasingCircuitBreakerOpen",
        "circuit-breaker-open",
        "page",
        sentence("Too many records of a topic break the contract, so nobody reads the topic."),
        sentence(
            "Find out whether the sender or this version is wrong, by the reason and place of the quarantined records."
        ),
        "quarantine list",
        _breaker_open,
    ),
    Alert(
        "PurchasingLaneStopped",
        "lane-stopped",
        "page",
        sentence("A lane is stopped and publishes nothing until a person acts."),
        sentence("Read the reason in the last log line lane_not_publishing, and compare Kafka to the journal."),
        "lanes show",
        _lane_stopped,
    ),
    Alert(
        "PurchasingOutboxStuck",
        "outbox-stuck",
        "page",
        sentence("Outputs wait for more than a minute in a lane that is not paused."),
        sentence(
            "See whether a worker owns the lane. Where none of the causes holds, restart the worker that owns it."
        ),
        "outbox status",
        _outbox_stuck,
    ),
    Alert(
        "PurchasingPartitionStalled",
        "partition-stalled",
        "page",
        sentence("Messages of a partition wait, or a producer's open transaction holds it back."),
        sentence("See which partition is late, and read the log of the worker that has it."),
        "lag",
        _partition_stalled,
    ),
    Alert(
        "PurchasingMoneyLate",
        "money-late",
        "page",
        sentence("An event or an output has waited for more than a minute."),
        sentence("Look what is late: messages of one partition, of all, or outputs."),
        "lag",
        _money_late,
    ),
    Alert(
        "PurchasingRetentionInDanger",
        "retention-in-danger",
        "page",
        sentence("The oldest unread message has used up half of the time for which its topic keeps messages."),
        sentence("Raise the topic's retention, then remove the cause of the delay."),
        "lag",
        _retention,
    ),
    Alert(
        "PurchasingWatermarkBehind",
        "watermark-behind",
        "page",
        sentence("The input was not read up to the last five minutes, so deadlines wait."),
        sentence("See which partition holds the watermark back."),
        "lag",
        _watermark_behind,
    ),
    Alert(
        "PurchasingDeadlinesOverdue",
        "deadlines-overdue",
        "page",
        sentence("A deadline passed a quarter of an hour ago and has not fired, although the input was read up to it."),
        sentence("See whether a worker runs, and whether its log has the line database_retry."),
        "lag",
        _deadlines_overdue,
    ),
    Alert(
        "PurchasingManyOrdersStuck",
        "order-stuck",
        "page",
        sentence("The rules fail on ten orders or more; these publish nothing."),
        sentence(
            "Go back to the version before, or deploy one with fixed rules: it assesses stuck orders when it starts."
        ),
        "order list",
        _many_stuck,
    ),
    Alert(
        "PurchasingOrderStuck",
        "order-stuck",
        "ticket",
        sentence("The rules fail on an order; it publishes nothing."),
        sentence("Read the log line order_stuck, and deploy a version with fixed rules."),
        "order list",
        _order_stuck,
    ),
    Alert(
        "PurchasingLagGrowing",
        "lag-growing",
        "ticket",
        sentence("Thousands of messages wait."),
        sentence("See whether it shrinks. If not, add workers, or find the topic that is flooded."),
        "lag",
        _lag_growing,
    ),
    Alert(
        "PurchasingQuarantineForgotten",
        "quarantine-growing",
        "ticket",
        sentence("A record has been in quarantine for more than three days."),
        sentence("Have its sender's team say what it meant, then repair and replay it, or drop it."),
        "quarantine list",
        _quarantine_forgotten,
    ),
    Alert(
        "PurchasingOrdersWaiting",
        "orders-waiting",
        "ticket",
        sentence("An order has waited long for something that somebody owes."),
        sentence("Have the team that owes the message send it."),
        "order waiting",
        _orders_waiting,
    ),
    Alert(
        "PurchasingQuarantineGrowing",
        "quarantine-growing",
        "ticket",
        sentence("Many records were quarantined within a quarter of an hour."),
        sentence("See which reason and which place the records share, and tell their sender."),
        "quarantine list",
        _quarantine_growing,
    ),
    Alert(
        "PurchasingWorkersNotReady",
        "workers-not-ready",
        "page",
        sentence("No worker is ready, although Kafka and the database answer."),
        sentence("Ask a worker's /readyz: it says in sentences what is missing."),
        "doctor",
        _of_workers,
    ),
    Alert(
        "PurchasingWorkerNotReady",
        "workers-not-ready",
        "ticket",
        sentence("One worker is not ready; others are."),
        sentence("Ask this worker's /readyz: it says in sentences what is missing."),
        "doctor",
        _of_workers,
    ),
    Alert(
        "PurchasingProcessDies",
        "process-dies",
        "ticket",
        sentence("A worker process has died again and again."),
        sentence("Read the log line process_restarting, and what the process logged before."),
        "doctor",
        _of_workers,
    ),
    Alert(
        "PurchasingRebalanceStorm",
        "rebalance-storm",
        "ticket",
        sentence("The consumer group rebalances again and again."),
        sentence("See whether workers restart, and how long a batch took before the log line commit_rebalanced."),
        "lag",
        _of_workers,
    ),
    Alert(
        "PurchasingCensusOld",
        "census-old",
        "ticket",
        sentence("For half an hour no worker could count the orders that wait."),
        sentence("Read the log line census_failed of the workers."),
        "doctor",
        _census_old,
    ),
    Alert(
        "PurchasingClockSkew",
        "clock-skew",
        "ticket",
        sentence("A worker's clock and the database's differ by more than five seconds."),
        sentence("Repair the clocks. It is serious where the database's clock is wrong."),
        "doctor",
        _clock_skew,
    ),
)
"""All alerts, causes before their effects: of those that hold, the first is the one to begin with."""

BY_NAME = {one.name: one for one in ALERTS}


def holding(seen: Seen) -> Iterator[tuple[Alert, Look]]:
    """Yield the alerts that hold, causes first."""
    for alert in ALERTS:
        found = alert.look(seen)
        if found.holds:
            yield alert, found


WAIT_NAMES = {
    "placed": sentence("the message that the order was placed"),
    "acceptance": sentence("acceptance of orders"),
    "rest_of_order_amount": sentence("the rest of order amounts"),
    "purchase": sentence("purchases, or reports of them"),
    "receipt_by_warehouse": sentence("receipt of the goods by the warehouse"),
    "delivery": sentence("delivery of the goods"),
    "confirmation_of_receipt": sentence("confirmation of receipt or an objection"),
    "sellers_answer": sentence("the seller's answer to a request"),
    "verification": sentence("the verification of an objection"),
    "sellers_money": sentence("money that the seller returns"),
    "payment_of_claim": sentence("payment for a chargeback"),
    "deposits_answer": sentence("the deposit account's answer to a deduction"),
    "payment_or_disposal": sentence("payment, or the proceeds of retained goods"),
    "repayment": sentence("money that buyers are to pay back"),
    "promoters_repayment": sentence("brokerage that promoters are to pay back"),
    "buyer_owes": sentence("money that buyers owe"),
    "chargeback_outcome": sentence("the outcome of a chargeback"),
    "refund_answer": sentence("confirmation that a refund was made"),
    "funds_answer": sentence("the purchasing funds' answer to a deduction"),
    "conversion": sentence("conversion of an amount by staff"),
    "record_in_quarantine": sentence("a person to resolve a quarantined record"),
    "seller_excess": sentence("confirmation of the seller's money beyond what the buyer paid"),
    "undeliverable": sentence("a way to deliver a refund"),
    "refused_hold": sentence("a decision on a hold that was refused"),
    "unknown": sentence("this service to look at the order again"),
}
"""What orders wait for, without what is of one order."""


def wait_name(what: str) -> Sentence:
    """Return a kind of wait in words."""
    return WAIT_NAMES.get(what) or Sentence(what.replace("_", " "))


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
