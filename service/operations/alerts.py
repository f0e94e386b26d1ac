"""The alerts of deploy/prometheus/rules.yaml: section of the runbook, sentence, the one thing to do, and look."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from service.operations import alert_looks
from service.operations.sentence import Sentence, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from service.operations.alert_looks import Look, Seen


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
        alert_looks.server_away,
    ),
    Alert(
        "PurchasingOffsetLost",
        "offset-lost",
        "page",
        sentence("Records were removed before they were read. The service skips nothing by itself."),
        sentence("Raise the topic's retention first, then decide with the senders' teams how the records come back."),
        "lag",
        alert_looks.offset_lost,
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
        alert_looks.refund_limit,
    ),
    Alert(
        "PurchasingOutboxPaused",
        "outbox-paused",
        "ticket",
        sentence("A person paused the outbox. What is decided waits in order."),
        sentence("Ask whoever paused it. When the reason is gone, resume."),
        "outbox resume",
        alert_looks.outbox_paused,
    ),
    Alert(
        "PurchasingNoConsumer",
        "no-consumer",
        "page",
        sentence("No worker reads the events."),
        sentence("Read the last lines of a worker's log: a process that can't start says why in one sentence."),
        "doctor",
        alert_looks.no_consumer,
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
        alert_looks.breaker_open,
    ),
    Alert(
        "PurchasingLaneStopped",
        "lane-stopped",
        "page",
        sentence("A lane is stopped and publishes nothing until a person acts."),
        sentence("Read the reason in the last log line lane_not_publishing, and compare Kafka to the journal."),
        "lanes show",
        alert_looks.lane_stopped,
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
        alert_looks.outbox_stuck,
    ),
    Alert(
        "PurchasingPartitionStalled",
        "partition-stalled",
        "page",
        sentence("Messages of a partition wait, or a producer's open transaction holds it back."),
        sentence("See which partition is late, and read the log of the worker that has it."),
        "lag",
        alert_looks.partition_stalled,
    ),
    Alert(
        "PurchasingMoneyLate",
        "money-late",
        "page",
        sentence("An event or an output has waited for more than a minute."),
        sentence("Look what is late: messages of one partition, of all, or outputs."),
        "lag",
        alert_looks.money_late,
    ),
    Alert(
        "PurchasingRetentionInDanger",
        "retention-in-danger",
        "page",
        sentence("The oldest unread message has used up half of the time for which its topic keeps messages."),
        sentence("Raise the topic's retention, then remove the cause of the delay."),
        "lag",
        alert_looks.retention,
    ),
    Alert(
        "PurchasingWatermarkBehind",
        "watermark-behind",
        "page",
        sentence("The input was not read up to the last five minutes, so deadlines wait."),
        sentence("See which partition holds the watermark back."),
        "lag",
        alert_looks.watermark_behind,
    ),
    Alert(
        "PurchasingDeadlinesOverdue",
        "deadlines-overdue",
        "page",
        sentence("A deadline passed a quarter of an hour ago and has not fired, although the input was read up to it."),
        sentence("See whether a worker runs, and whether its log has the line database_retry."),
        "lag",
        alert_looks.deadlines_overdue,
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
        alert_looks.many_stuck,
    ),
    Alert(
        "PurchasingOrderStuck",
        "order-stuck",
        "ticket",
        sentence("The rules fail on an order; it publishes nothing."),
        sentence("Read the log line order_stuck, and deploy a version with fixed rules."),
        "order list",
        alert_looks.order_stuck,
    ),
    Alert(
        "PurchasingLagGrowing",
        "lag-growing",
        "ticket",
        sentence("Thousands of messages wait."),
        sentence("See whether it shrinks. If not, add workers, or find the topic that is flooded."),
        "lag",
        alert_looks.lag_growing,
    ),
    Alert(
        "PurchasingQuarantineForgotten",
        "quarantine-growing",
        "ticket",
        sentence("A record has been in quarantine for more than three days."),
        sentence("Have its sender's team say what it meant, then repair and replay it, or drop it."),
        "quarantine list",
        alert_looks.quarantine_forgotten,
    ),
    Alert(
        "PurchasingOrdersWaiting",
        "orders-waiting",
        "ticket",
        sentence("An order has waited long for something that somebody owes."),
        sentence("Have the team that owes the message send it."),
        "order waiting",
        alert_looks.orders_waiting,
    ),
    Alert(
        "PurchasingQuarantineGrowing",
        "quarantine-growing",
        "ticket",
        sentence("Many records were quarantined within a quarter of an hour."),
        sentence("See which reason and which place the records share, and tell their sender."),
        "quarantine list",
        alert_looks.quarantine_growing,
    ),
    Alert(
        "PurchasingWorkersNotReady",
        "workers-not-ready",
        "page",
        sentence("No worker is ready, although Kafka and the database answer."),
        sentence("Ask a worker's /readyz: it says in sentences what is missing."),
        "doctor",
        alert_looks.of_workers,
    ),
    Alert(
        "PurchasingWorkerNotReady",
        "workers-not-ready",
        "ticket",
        sentence("One worker is not ready; others are."),
        sentence("Ask this worker's /readyz: it says in sentences what is missing."),
        "doctor",
        alert_looks.of_workers,
    ),
    Alert(
        "PurchasingProcessDies",
        "process-dies",
        "ticket",
        sentence("A worker process has died again and again."),
        sentence("Read the log line process_restarting, and what the process logged before."),
        "doctor",
        alert_looks.of_workers,
    ),
    Alert(
        "PurchasingRebalanceStorm",
        "rebalance-storm",
        "ticket",
        sentence("The consumer group rebalances again and again."),
        sentence("See whether workers restart, and how long a batch took before the log line commit_rebalanced."),
        "lag",
        alert_looks.of_workers,
    ),
    Alert(
        "PurchasingCensusOld",
        "census-old",
        "ticket",
        sentence("For half an hour no worker could count the orders that wait."),
        sentence("Read the log line census_failed of the workers."),
        "doctor",
        alert_looks.census_old,
    ),
    Alert(
        "PurchasingClockSkew",
        "clock-skew",
        "ticket",
        sentence("A worker's clock and the database's differ by more than five seconds."),
        sentence("Repair the clocks. It is serious where the database's clock is wrong."),
        "doctor",
        alert_looks.clock_skew,
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
