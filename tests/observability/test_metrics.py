"""The counters, the figures of the last looks, and no metric that the catalog does not list."""

import re
import time
from decimal import Decimal
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.process_collector import ProcessCollector
from purchasing_contracts.envelope import decode

from service.observability.database_figures import Figures
from service.observability.exporter import SupervisorExporter, WorkerExporter
from service.observability.histogram import BatchHistogram
from service.observability.instruments import Instruments
from service.observability.lag import GroupLag, PartitionLag
from service.observability.metric_catalog import BY_NAME, METRICS
from service.observability.poller import CENSUS_CURRENT_SECONDS, CURRENT_SECONDS, Poller
from service.observability.worker_state import WorkerState
from service.orders.batch_result import BatchResult, Rejection
from service.orders.cache import Cache
from service.orders.inbound_record import InboundRecord
from service.outbox.status import LaneStatus, RelayStatus
from service.rules.facts import instant, micros
from service.rules.waits import WAIT_KINDS
from service.store.operators.archive import TableSize
from service.store.operators.pauses import AUTOMATIC
from tests.observability.seen import ORDERS
from tests.observability.seen import samples as seen_samples
from tests.orders.stories import paid_order

TOPICS = (ORDERS, "purchasing.events.payment.v1")
NOW = instant(1_800_000_000_000_000)
TOTALS = {
    "at": NOW, "watermark": instant(1_799_999_990_000_000), "unknown": 0,
    "due": 0, "overdue": 0, "overdue_since": None, "stuck": 0, "held": 0,
}  # fmt: skip
PUBLISHED = RelayStatus("an outbox", True, None, (LaneStatus(2, "publishing", 7, None, 7, 3),), assignments=1)


def partition_lag(**more) -> PartitionLag:
    return PartitionLag(**{"topic": ORDERS, "partition": 0, "begin": 0, "end": 9, "stable": 9, "committed": 4, **more})


def figures(**more) -> Figures:
    known = {
        "totals": TOTALS,
        "lanes": [{"lane": 0, "unpublished": 0, "oldest_at": None}],
        "quarantine": [], "open_breakers": [], "pauses": [], "progress": [], "tables": [TableSize("facts", 8192, 1)],
    }  # fmt: skip
    return Figures(**{**known, **more})


@pytest.fixture
def worker() -> WorkerState:
    """One that has seen everything."""
    seen = WorkerState(Poller({}, "", "purchasing", TOPICS))
    seen.poller.broker.worked(GroupLag((partition_lag(),), 2, {ORDERS: 60.0}, 0.0))
    seen.poller.database.worked(figures())
    counted = {"count": 2, "overdue": 1, "since": micros(NOW), "amount": Decimal(700), "currency": "EUR"}
    seen.poller.census.worked([{"what": what, **counted} for what in WAIT_KINDS])
    seen.poller.census_at = 1.0
    seen.inbox = SimpleNamespace(
        failures_in_a_row=0, failed_because=None, assignments=3, rebalancing_since=None, assigned={ORDERS: 6}
    )
    seen.relay = SimpleNamespace(status=lambda: PUBLISHED)
    seen.cache = Cache()
    seen.waits_for = None
    return seen


def samples(registry_or_collector) -> dict[str, list]:
    found: dict[str, list] = {}
    for family in registry_or_collector.collect():
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(shown, name, **labels) -> float:
    (one,) = [found for given, found in shown[f"purchasing_{name}"] if labels.items() <= given.items()]
    return one


def test_every_metric_of_the_list_is_shown_with_its_help_and_labels_and_no_other_is(worker):
    metrics = Instruments()
    metrics.registry.register(WorkerExporter(worker, TOPICS))
    supervisor = SupervisorExporter(dict, lambda: {1: 0}, CollectorRegistry())
    shown = {}
    for family in (*metrics.registry.collect(), *supervisor.collect()):
        if family.name.startswith("purchasing_"):
            shown[family.name] = family
    listed = {f"purchasing_{metric.name}" for metric in METRICS}
    assert listed - shown.keys() == set(), "in metric_catalog.py, but neither instruments.py nor exporter.py shows it"
    assert shown.keys() - listed == set(), "shown, but not in metric_catalog.py"
    for metric in METRICS:
        family = shown[f"purchasing_{metric.name}"]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample


def test_a_supervisor_shows_each_family_once_and_every_sample_of_every_process(worker):
    metrics, own = Instruments(), CollectorRegistry()
    metrics.registry.register(WorkerExporter(worker, TOPICS))
    metrics.handled(paid_order(), BatchResult(facts=3))
    ProcessCollector(registry=own)
    text = generate_latest(metrics.registry).decode()
    told = openmetrics.generate_latest(metrics.registry).decode()
    exporter = SupervisorExporter(lambda: {1: told, 2: told, 3: None}, lambda: {1: 0, 2: 4, 3: 0}, own)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(exporter)
    merged = generate_latest(registry).decode()

    heads = [line for line in merged.splitlines() if line.startswith("# TYPE ")]
    assert len(heads) == len(set(heads))
    shown, of_one = seen_samples(merged), seen_samples(text)
    assert of_one
    for name, found in of_one.items():
        for process in ("1", "2"):
            own_samples = {
                tuple(one for one in labels if one[0] != "process"): value
                for labels, value in shown[name].items()
                if dict(labels)["process"] == process
            }
            if not name.endswith("_seconds") and not name.startswith(("process_", "python_gc_")):
                assert own_samples == found, name
            assert own_samples.keys() == found.keys(), name
    assert sum(shown["purchasing_facts_total"].values()) == 6
    assert shown["purchasing_ready"][(("process", "3"),)] == 0
    assert shown["purchasing_process_restarts_total"][(("process", "2"),)] == 4
    assert {dict(labels)["process"] for labels in shown["process_resident_memory_bytes"]} == {"supervisor", "1", "2"}


def test_names_are_as_the_ecosystem_expects():
    for metric in METRICS:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
        assert metric.help.endswith(".")
        assert not metric.name.endswith("_total"), "the library adds it"
        if metric.unit == "seconds":
            assert metric.name.endswith("_seconds")
        assert not set(metric.labels) & {"order", "order_id", "account", "key", "id"}
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_a_partition_whose_offsets_differ_and_that_holds_no_message_has_no_lag(worker):
    worker.poller.broker.worked(GroupLag((partition_lag(empty=True),), 2, {}, 0.0))
    shown = samples(WorkerExporter(worker, TOPICS))
    assert value(shown, "consumer_lag_messages", topic=ORDERS) == 0
    assert value(shown, "consumer_lag_seconds", topic=ORDERS) == 0


def test_a_lag_whose_age_could_not_be_seen_shows_no_age_rather_than_none(worker):
    shown = samples(WorkerExporter(worker, TOPICS))
    assert value(shown, "consumer_lag_messages", topic=ORDERS) == 5
    assert "purchasing_consumer_lag_seconds" not in shown


def test_figures_grow_older_while_nobody_can_look(worker):
    late = {**TOTALS, "overdue": 1, "overdue_since": instant(1_799_999_999_000_000)}
    worker.poller.database.worked(figures(totals=late))
    worker.poller.database.at -= 50
    worker.poller.database.failed("gone")
    worker.poller.database.failed("gone")
    shown = samples(WorkerExporter(worker, TOPICS))
    assert value(shown, "watermark_age_seconds") >= 60
    assert value(shown, "deadlines_overdue_seconds") >= 51
    assert value(shown, "look_successful", at="database") == 0
    assert value(shown, "ready") == 0


def test_figures_older_than_a_minute_are_not_exported(worker):
    def shown() -> set[str]:
        return {name.removeprefix("purchasing_") for name in samples(WorkerExporter(worker, TOPICS))}

    of_broker, of_database = {"consumer_committed_offset"}, {"watermark_age_seconds", "orders_stuck"}
    assert of_broker | of_database <= shown()
    worker.poller.broker.at -= CURRENT_SECONDS
    assert not of_broker & shown()
    assert of_database <= shown()
    worker.poller.database.at -= CURRENT_SECONDS
    assert not of_database & shown()
    assert {"look_age_seconds", "ready", "relay_lanes_owned"} <= shown()


def test_before_anybody_has_looked_no_look_has_worked_and_no_figure_is_shown():
    shown = samples(WorkerExporter(WorkerState(Poller({}, "", "purchasing", TOPICS)), TOPICS))
    assert {given["at"]: found for given, found in shown["purchasing_look_successful"]} == {"broker": 0, "database": 0}
    assert value(shown, "ready") == 0
    assert "purchasing_look_age_seconds" not in shown
    assert "purchasing_circuit_breaker_open" not in shown


def test_an_old_census_is_not_shown_but_when_it_was(worker):
    shown = samples(WorkerExporter(worker, TOPICS))
    labels = {"what": "payment_of_claim", "from": "buyer"}
    assert value(shown, "waits", **labels) == 2
    assert value(shown, "waits_overdue", **labels) == 1
    assert value(shown, "waits_amount", **labels, currency="EUR") == 700
    worker.poller.census.at -= CENSUS_CURRENT_SECONDS
    shown = samples(WorkerExporter(worker, TOPICS))
    assert not {name for name in shown if name.startswith("purchasing_waits")}
    assert value(shown, "census_timestamp_seconds") == 1


@pytest.mark.parametrize(
    ("offsets", "lost", "messages"),
    [
        ({"committed": 4}, 0, 5),
        ({"committed": None}, 0, 9),
        ({"begin": 6, "committed": 4}, 1, 3),
        ({"begin": 0, "end": 3, "stable": 3, "committed": 4}, 1, 3),
    ],
    ids=["in it", "never read", "removed unread", "the topic made anew"],
)
def test_records_that_are_gone_are_shown_and_what_lies_there_has_lag(worker, offsets, lost, messages):
    worker.poller.broker.worked(GroupLag((partition_lag(**offsets),), 2, {}, 0.0))
    shown = samples(WorkerExporter(worker, TOPICS))
    assert value(shown, "consumer_offset_lost", topic=ORDERS) == lost
    assert value(shown, "consumer_lag_messages", topic=ORDERS) == messages
    committed = [found for _, found in shown.get("purchasing_consumer_committed_offset", ())]
    assert committed == [one for one in [offsets["committed"]] if one is not None]


@pytest.mark.parametrize(
    ("paused", "by_a_person", "by_the_limit"),
    [({-1: "anna"}, [1, 1], [0, 0]), ({1: "anna"}, [0, 1], [0, 0]), ({1: "anna", -1: AUTOMATIC}, [0, 1], [1, 1])],
)
def test_a_pause_on_everything_is_one_on_each_lane_with_its_author(worker, paused, by_a_person, by_the_limit):
    lanes = [
        {"lane": 0, "unpublished": 3, "oldest_at": NOW},
        {"lane": 1, "unpublished": 0, "oldest_at": None},
    ]
    pauses = [{"lane": lane, "paused_by": by} for lane, by in paused.items()]
    worker.poller.database.worked(figures(pauses=pauses, lanes=lanes))
    shown = samples(WorkerExporter(worker, TOPICS))
    found = [(given["by"], on) for given, on in shown["purchasing_outbox_paused"]]
    assert [on for by, on in found if by == "person"] == by_a_person
    assert [on for by, on in found if by == "limit"] == by_the_limit
    assert value(shown, "outbox_unpublished_outputs", lane="0") == 3
    assert value(shown, "outbox_oldest_unpublished_seconds", lane="1") == 0


def test_a_quarantined_record_counts_by_reason_and_without_an_invented_type():
    metrics = Instruments()
    decoded = decode(ORDERS, b"x", b'{"specversion":"1.0","type":"made.up"}', ())
    inbound_record = InboundRecord(ORDERS, 0, 1, b"x", b"", (), decoded)
    metrics.handled([inbound_record], BatchResult(quarantined=(Rejection(inbound_record, decoded),)))
    shown = samples(metrics.registry)
    assert value(shown, "events_total", outcome="refused") == 1
    assert {given["type"] for given, _ in shown["purchasing_events_total"] if given["outcome"] == "refused"} == {
        "unknown"
    }
    assert sum(found for _, found in shown["purchasing_quarantine_records_total"]) == 1


def test_events_count_by_type_and_by_what_came_of_them():
    metrics = Instruments()
    bad = decode(ORDERS, b"x", b'{"specversion":"1.0","type":"made.up"}', ())
    told = paid_order()
    inbound_records = [
        *told,
        told.last,
        InboundRecord(ORDERS, 0, 1, b"x", b"", (), bad),
        InboundRecord(ORDERS, 0, 2, b"x", b"", (), bad),
    ]
    captured = told.last.decoded.type
    metrics.handled(
        inbound_records,
        BatchResult(facts=3, known={captured: 1, "made.up": 1}, quarantined=(Rejection(inbound_records[-1], bad),)),
    )
    shown = samples(metrics.registry)
    outcomes = {(given["type"], given["outcome"]): found for given, found in shown["purchasing_events_total"] if found}
    assert outcomes == {
        **{(one.decoded.type, "taken"): 1 for one in told},
        (captured, "known"): 1,
        ("unknown", "known"): 1,
        ("unknown", "refused"): 1,
    }


def consumed(partition: int, key: bytes | None, timestamp: float = 0) -> SimpleNamespace:
    return SimpleNamespace(
        topic=ORDERS, partition=partition, offset=0, key=key, value=b"{}", headers=(), timestamp=timestamp
    )


def test_only_keys_on_unexpected_partitions_are_counted():
    metrics = Instruments()
    right = [consumed(_murmur(b"ord-1", 6), b"ord-1")]
    wrong = [consumed((right[0].partition + 1) % 6, b"ord-1")]
    nobody = [consumed(0, None)]
    for batch, count in ((right, 0), (nobody, 0), (wrong, 1), (wrong * 2, 2)):
        metrics.batch(batch, {ORDERS: 6}, {"decode": 0.1})
        assert value(samples(metrics.registry), "key_on_unexpected_partition_total", topic=ORDERS) == count
    assert value(samples(metrics.registry), "batch_messages_sum") == 5


def test_ages_of_a_batch_fall_into_their_buckets():
    histogram = BatchHistogram(BY_NAME["event_age_at_commit_seconds"])
    histogram.observe([(-1.0, 1), (0.005, 1), (0.3, 2), (1e9, 1)])
    (family,) = histogram.collect()
    found = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}
    assert (found["0.005"], found["0.25"], found["0.5"], found["3600.0"], found["+Inf"]) == (2, 2, 4, 4, 5)
    assert found["purchasing_event_age_at_commit_seconds_count"] == 5


def test_an_age_at_the_start_is_that_at_the_commit_less_what_the_batch_took():
    metrics = Instruments()
    minute_old = consumed(0, None, timestamp=(time.time() - 60) * 1000)
    metrics.batch([minute_old] * 2, {ORDERS: 6}, {"store": 20.0, "elapsed": 45.0})
    metrics.relayed({"read": 0.25, "publish": 0.5})
    metrics.relayed({"read": 0.25, "publish": 1.5})
    shown = samples(metrics.registry)
    start, commit = (value(shown, f"event_age_at_{at}_seconds_sum") for at in ("start", "commit"))
    assert commit - start == pytest.approx(2 * 45.0)
    assert value(shown, "event_age_at_commit_seconds_count") == 2
    stages = ("read", "publish")
    assert [value(shown, "relay_stage_seconds_sum", stage=stage) for stage in stages] == [0.5, 2.0]
    assert value(shown, "relay_stage_seconds_count", stage="publish") == 2


def _murmur(key: bytes, partitions: int) -> int:
    """The partition that kafka-python, another client with the same algorithm, chooses."""
    from kafka.partitioner.default import murmur2

    return (murmur2(key) & 0x7FFFFFFF) % partitions
