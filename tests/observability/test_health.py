"""The causes that make a worker unready, and others that do not."""

from types import SimpleNamespace

import pytest

from service.observability.health import Condition, missing
from service.observability.poller import Poller
from service.observability.worker_state import WorkerState


def test_a_worker_that_has_joined_and_sees_both_servers_is_ready():
    assert missing(Condition()) == []


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (Condition(waits_for="PostgreSQL: refused"), "It is starting and waits for PostgreSQL: refused."),
        (Condition(joined=False), "It has not joined its consumer group yet."),
        (Condition(rebalancing_for=21.0), "Its consumer group has been rebalancing for 21 seconds."),
        (Condition(broker_failures=2, broker_because="gone"), "Kafka gives no usable answer: gone."),
        (Condition(broker_age=16.0), "Kafka gives no usable answer: no answer for 16 seconds."),
        (Condition(broker_age=None), "Kafka gives no usable answer: it was not asked yet."),
        (Condition(database_failures=2, database_because="gone"), "PostgreSQL gives no usable answer: gone."),
        (
            Condition(batch_failures=2, batch_because="a lock was not had in time"),
            "Storing the present batch has failed 2 times: a lock was not had in time.",
        ),
        (Condition(schema_problem="the database lacks 0005"), "The database's tables: the database lacks 0005."),
        (
            Condition(open_breakers=frozenset({"purchasing.events.order.v1"})),
            (
                "The circuit breaker is open for purchasing.events.order.v1: look at `quarantine list`, "
                "then run `breaker reset`."
            ),
        ),
    ],
)  # fmt: skip
def test_each_missing_part_is_reported_in_a_sentence(condition, says):
    assert missing(condition) == [says]


@pytest.mark.parametrize(
    "condition",
    [
        Condition(rebalancing_for=19.0),
        Condition(broker_failures=1, broker_because="a leader moves"),
        Condition(database_failures=1, database_because="a session was ended"),
        Condition(batch_failures=1, batch_because="a deadlock"),
        Condition(broker_age=14.0, database_age=14.0),
    ],
)
def test_a_short_failure_makes_no_worker_unready(condition):
    assert missing(condition) == []


def test_a_starting_worker_reports_only_that_it_starts():
    condition = Condition(waits_for="Kafka: no answer", joined=False, broker_age=None, database_age=None)
    assert missing(condition) == ["It is starting and waits for Kafka: no answer."]


def test_a_batch_that_is_not_stored_is_not_taken_for_a_database_that_is_away():
    worker = WorkerState(Poller({}, "", "purchasing", ()))
    worker.poller.broker.worked(None)
    worker.poller.database.worked(None)
    worker.waits_for = None
    worker.inbox = SimpleNamespace(
        failures_in_a_row=3, failed_because="a lock was not had in time", assignments=1, rebalancing_since=None
    )
    assert worker.missing() == ["Storing the present batch has failed 3 times: a lock was not had in time."]


def test_all_missing_parts_are_reported_at_once():
    assert len(missing(Condition(broker_failures=9, database_failures=9, open_breakers=frozenset({"a", "b"})))) == 3
