"""Every metric of the service: name, help, unit and labels. There is no other list.

Names follow Prometheus's conventions: base units, the unit at the end, `_total` for counters. Labels take few values:
topics and partitions, lanes, message types, reasons; never an order, an account or the text of an error. `/metrics`
also has FastStream's own metrics (`faststream_*`) and those of the process and of Python.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Kind = Literal["counter", "gauge", "histogram"]
PREFIX = "purchasing_"
TP = ("topic", "partition")

FRACTIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
AGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0)


class Metric(NamedTuple):
    """One metric. `name` has no prefix and no `_total`. Only a histogram has `buckets`."""

    name: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name in rules and dashboards."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"


_INPUT = (
    Metric("consumer_lag_messages", "gauge", "messages", "Messages that can be read and are not handled yet.", TP),
    Metric("consumer_lag_seconds", "gauge", "seconds", "Age of the oldest unhandled message; 0: none.", TP),
    Metric("consumer_committed_offset", "gauge", "offset",
        "The group's committed offset, even if the topic no longer has it.", TP),
    Metric("consumer_offset_lost", "gauge", "boolean", "1 if the group's next records were removed unread.", TP),
    Metric("topic_begin_offset", "gauge", "offset", "The first offset that the partition still has.", TP),
    Metric("topic_end_offset", "gauge", "offset", "One past the last offset of the partition.", TP),
    Metric("topic_held_back_offsets", "gauge", "offsets", "Offsets held back by a producer's open transaction.", TP),
    Metric("topic_retention_seconds", "gauge", "seconds", "How long the topic keeps messages.", ("topic",)),
    Metric("consumer_group_members", "gauge", "workers", "Members of the consumer group, as the broker reports."),
    Metric("consumer_assigned_partitions", "gauge", "partitions", "Partitions assigned to this worker.", ("topic",)),
    Metric("consumer_rebalances", "counter", "rebalances", "Rebalances that this worker saw.", ("group",)),
    Metric("watermark_timestamp_seconds", "gauge", "seconds",
        "The watermark: all input up to this time was read; 0: unknown."),
    Metric("watermark_age_seconds", "gauge", "seconds", "Age of the watermark."),
    Metric("input_unknown_partitions", "gauge", "partitions",
        "Partitions never read to their end; deadlines wait for them."),
    Metric("circuit_breaker_open", "gauge", "boolean",
        "1 if the breaker is open, so nobody reads the topic.", ("topic",)),
    Metric("input_failures_in_a_row", "gauge", "failures", "Failed attempts to store the present batch."),
    Metric(
        "events",
        "counter",
        "messages",
        "Messages handled: taken, refused, already known, or left to another cell.",
        ("type", "outcome"),
    ),
    Metric("facts", "counter", "facts", "Facts added to orders."),
    Metric("event_age_at_commit_seconds", "histogram", "seconds",
        "Time from a message's timestamp to its commit in the database.", (), AGES),
    Metric("event_age_at_start_seconds", "histogram", "seconds",
        "Time from a message's timestamp to the start of its batch.", (), AGES),
    Metric("batch_messages", "histogram", "messages", "Messages in a batch.", (), SIZES),
    Metric("batch_stage_seconds", "histogram", "seconds", "Time that a batch spends per stage.", ("stage",), FRACTIONS),
    Metric(
        "key_on_unexpected_partition", "counter", "messages",
        "Keys on another partition than Kafka's own clients choose.", ("topic",),
    ),
)  # fmt: skip

_ORDERS = (
    Metric("orders_assessed", "counter", "orders", "Assessments of an order by the rules."),
    Metric("orders_rules_failed", "counter", "orders", "Assessments in which the rules failed."),
    Metric("orders_stuck", "gauge", "orders", "Orders on which the rules fail; they publish nothing."),
    Metric("orders_held", "gauge", "orders", "Orders that a person halted."),
    Metric("waits", "gauge", "waits", "What orders wait for, and from whom, at the last census.", ("what", "from")),
    Metric("waits_overdue", "gauge", "waits", "Waits of which the last instant has passed.", ("what", "from")),
    Metric("waits_oldest_seconds", "gauge", "seconds", "Age of the oldest wait.", ("what", "from")),
    Metric("waits_amount", "gauge", "minor units", "Money of these waits.", ("what", "from", "currency")),
    Metric("census_timestamp_seconds", "gauge", "seconds", "Time of the last census by this worker; 0: never."),
    Metric("cache_hits", "counter", "orders", "Orders of a batch found in the cache."),
    Metric("cache_misses", "counter", "orders", "Orders of a batch read from the database."),
    Metric("cache_orders", "gauge", "orders", "Orders in the cache."),
    Metric("cache_facts", "gauge", "facts", "Facts in the cache."),
    Metric("deadlines_due", "gauge", "orders", "Orders whose deadline has passed by the watermark and not fired."),
    Metric("deadlines_overdue", "gauge", "orders", "Orders whose deadline has passed by the clock and not fired."),
    Metric("deadlines_overdue_seconds", "gauge", "seconds", "How long ago the first of these passed."),
    Metric("deadlines_fired", "counter", "orders", "Orders assessed because a deadline had passed."),
)

_OUTBOX = (
    Metric("outputs", "counter", "outputs", "Commands, decisions and notices decided.", ("topic",)),
    Metric("outbox_unpublished_outputs", "gauge", "outputs", "Outputs decided and not published yet.", ("lane",)),
    Metric("outbox_oldest_unpublished_seconds", "gauge", "seconds", "Age of the oldest of these; 0: none.", ("lane",)),
    Metric(
        "outbox_paused",
        "gauge",
        "boolean",
        "1 if a person, or the refund limit, paused the lane.",
        ("lane", "by"),
    ),
    Metric("relay_lanes_owned", "gauge", "lanes", "Lanes that this worker publishes."),
    Metric("relay_lane_state", "gauge", "boolean", "1 for the present state of this worker's lane.", ("lane", "state")),
    Metric("relay_published_outputs", "counter", "outputs", "Outputs that this worker published.", ("lane",)),
    Metric("relay_transactions", "counter", "transactions", "Kafka transactions with those outputs.", ("lane",)),
    Metric("relay_stage_seconds", "histogram", "seconds",
        "Time that a transaction of the relay spends per stage.", ("stage",), FRACTIONS),
)  # fmt: skip

_QUARANTINE = (
    Metric("quarantine_records", "counter", "records", "Quarantined records.", ("reason",)),
    Metric("quarantine_open_records", "gauge", "records", "Quarantined records that nobody has resolved.", ("reason",)),
    Metric("quarantine_oldest_open_seconds", "gauge", "seconds", "Age of the oldest of these; 0: none."),
)

_SERVICE = (
    Metric("ready", "gauge", "boolean", "1 if /readyz answers ready."),
    Metric("look_successful", "gauge", "boolean", "1 if the last query of the server succeeded.", ("at",)),
    Metric("look_age_seconds", "gauge", "seconds", "Age of the last query that succeeded.", ("at",)),
    Metric("database_clock_skew_seconds", "gauge", "seconds", "The database's clock minus this worker's clock."),
    Metric("database_table_bytes", "gauge", "bytes", "A growing table with its indexes.", ("table",)),
    Metric("process_restarts", "counter", "restarts", "Worker processes restarted after they died.", ("process",)),
    Metric(
        "build_info", "gauge", "info", "Always 1; labels: version of the service and of Python.", ("version", "python")
    ),
    Metric("console_info", "gauge", "info", "1 where PURCHASING_CONSOLE_URL is set: where the console is.", ("url",)),
)

METRICS: tuple[Metric, ...] = (*_INPUT, *_ORDERS, *_OUTBOX, *_QUARANTINE, *_SERVICE)
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
