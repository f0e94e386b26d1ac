"""Every metric of the service: its name, what it says, its unit and its labels. There is no other list.

Names are as Prometheus's conventions have them: base units, the unit at the end, `_total` for what only grows. Labels
take few values: topics and partitions, lanes, types of messages, reasons; never an order, an account or an error's
text. FastStream's own metrics (`faststream_*`), and those of the process and of Python, stand beside these.
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
    """One metric. `name` is without prefix and, of a counter, without `_total`; `buckets` are a histogram's."""

    name: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as rules and dashboards write it."""
        return f"{PREFIX}{self.name}{'_total' if self.kind == 'counter' else ''}"


_INPUT = (
    Metric("consumer_lag_messages", "gauge", "messages", "Messages that can be read and are not handled yet.", TP),
    Metric("consumer_lag_seconds", "gauge", "seconds", "Age of the oldest message not handled yet; 0: none.", TP),
    Metric("consumer_committed_offset", "gauge", "offset", "The group's committed offset, be it there or not.", TP),
    Metric("consumer_offset_lost", "gauge", "boolean", "1 where the group's next records are gone, unread.", TP),
    Metric("topic_begin_offset", "gauge", "offset", "The first offset that the partition still holds.", TP),
    Metric("topic_end_offset", "gauge", "offset", "One past the partition's last offset.", TP),
    Metric("topic_held_back_offsets", "gauge", "offsets", "Offsets that a producer's open transaction holds back.", TP),
    Metric("topic_retention_seconds", "gauge", "seconds", "How long the topic keeps messages.", ("topic",)),
    Metric("consumer_group_members", "gauge", "workers", "Members of the consumer group, by the broker's account."),
    Metric("consumer_assigned_partitions", "gauge", "partitions", "Partitions this worker has.", ("topic",)),
    Metric("consumer_rebalances", "counter", "rebalances", "How often partitions were given out.", ("group",)),
    Metric("watermark_timestamp_seconds", "gauge", "seconds", "Up to when all input was read; 0: not known."),
    Metric("watermark_age_seconds", "gauge", "seconds", "How long ago that was."),
    Metric("input_unknown_partitions", "gauge", "partitions", "Partitions never read to an end: deadlines wait."),
    Metric("circuit_breaker_open", "gauge", "boolean", ("1 where nobody reads the topic on until it is "
    "reset."), ("topic",)),
    Metric("input_failures_in_a_row", "gauge", "failures", "How often the batch in hand could not be stored so far."),
    Metric(
        "events", "counter", "messages", "Messages handled: taken, refused, or known from before.", ("type", "outcome")
    ),
    Metric("facts", "counter", "facts", "Facts added to orders."),
    Metric("event_age_at_commit_seconds", "histogram", "seconds", "From a message's time to its commit.", (), AGES),
    Metric("batch_messages", "histogram", "messages", "Messages in a batch.", (), SIZES),
    Metric("batch_stage_seconds", "histogram", "seconds", "Time of a batch, by stage.", ("stage",), FRACTIONS),
    Metric(
        "key_on_unexpected_partition", "counter", "messages", "Keys not where Kafka's own clients put them.", ("topic",)
    ),
)  # fmt: skip

_ORDERS = (
    Metric("orders_assessed", "counter", "orders", "How often the rules were asked about an order."),
    Metric("orders_rules_failed", "counter", "orders", "How often the rules raised on an order."),
    Metric("orders_stuck", "gauge", "orders", "Orders on which the rules raise: they publish nothing."),
    Metric("orders_held", "gauge", "orders", "Orders that a person holds."),
    Metric("orders_waiting", "gauge", "orders", "Orders that wait for something, at the last census.", ("what",)),
    Metric("orders_waiting_oldest_seconds", "gauge", "seconds", "How long the first of those waits.", ("what",)),
    Metric("orders_waiting_amount", "gauge", "minor units", "Money that those are about.", ("what", "currency")),
    Metric("census_timestamp_seconds", "gauge", "seconds", "When waiting orders were counted last; 0: never here."),
    Metric("cache_hits", "counter", "orders", "Orders of a batch found in the cache."),
    Metric("cache_misses", "counter", "orders", "Orders of a batch read from the database."),
    Metric("cache_orders", "gauge", "orders", "Orders in the cache."),
    Metric("cache_facts", "gauge", "facts", "Facts in the cache."),
    Metric("deadlines_due", "gauge", "orders", "Orders whose deadline the input was read past, not fired yet."),
    Metric("deadlines_overdue", "gauge", "orders", "Orders whose deadline is past by the clock, not fired yet."),
    Metric("deadlines_overdue_seconds", "gauge", "seconds", "How long the first of those is past."),
    Metric("deadlines_fired", "counter", "orders", "Orders looked at because a deadline had passed."),
)

_OUTBOX = (
    Metric("outputs", "counter", "outputs", "Commands, decisions and notices decided.", ("topic",)),
    Metric("outbox_unpublished_outputs", "gauge", "outputs", "Outputs decided and not published yet.", ("lane",)),
    Metric("outbox_oldest_unpublished_seconds", "gauge", "seconds", "Age of the oldest of those; 0: none.", ("lane",)),
    Metric(
        "outbox_paused",
        "gauge",
        "boolean",
        "1 where a person, or the refund limit, has paused it.",
        ("lane", "by"),
    ),
    Metric("relay_lanes_owned", "gauge", "lanes", "Lanes that this worker publishes."),
    Metric(
        "relay_lane_state", "gauge", "boolean", "1 for the state that a lane of this worker is in.", ("lane", "state")
    ),
    Metric("relay_published_outputs", "counter", "outputs", "Outputs that this worker published.", ("lane",)),
    Metric("relay_transactions", "counter", "transactions", "Kafka transactions they went in.", ("lane",)),
)

_QUARANTINE = (
    Metric("quarantine_records", "counter", "records", "Quarantined records.", ("reason",)),
    Metric(
        "quarantine_open_records", "gauge", "records", "Quarantined records that nobody has dealt with.", ("reason",)
    ),
    Metric("quarantine_oldest_open_seconds", "gauge", "seconds", "Age of the oldest of those; 0: none."),
)

_SERVICE = (
    Metric("ready", "gauge", "boolean", "1 when /readyz says yes."),
    Metric("look_successful", "gauge", "boolean", "1 when the last look at it worked.", ("at",)),
    Metric("look_age_seconds", "gauge", "seconds", "Age of the last look that worked.", ("at",)),
    Metric("database_clock_skew_seconds", "gauge", "seconds", "The database's clock less this worker's."),
    Metric(
        "process_restarts", "counter", "restarts", "Worker processes started again after they had died.", ("process",)
    ),
    Metric("build_info", "gauge", "info", "1; which version runs on which Python.", ("version", "python")),
)

METRICS: tuple[Metric, ...] = (*_INPUT, *_ORDERS, *_OUTBOX, *_QUARANTINE, *_SERVICE)
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
