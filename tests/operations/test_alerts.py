"""Alerts as database and broker show them, beside the rules and the runbook that they are of."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from service.observability.database_figures import Figures
from service.observability.lag import GroupLag, PartitionLag
from service.operations.alert_looks import WAITS_LIMITS, Seen
from service.operations.alerts import ALERTS, BY_NAME, holding
from service.operations.situation import Situation, Wait, Waits
from service.operations.wait_names import WAIT_NAMES
from service.rules.waits import WAIT_KINDS
from service.store.operators.breakers import OpenBreaker
from service.store.operators.holds import Halted
from service.store.operators.pauses import ALL_LANES, AUTOMATIC, Pause
from tests.deploy.documents import Said, problem

NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
RULES = yaml.safe_load((Path(__file__).parents[2] / "deploy/prometheus/rules.yaml").read_text("utf-8"))
DEFINED = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}


def ago(**duration: float) -> datetime:
    return NOW - timedelta(**duration)


def situation(
    *, lanes=(), quarantine=(), pauses=(), breakers=(), halted=(), progress=(), watermark=NOW, **totals
) -> Situation:
    every = {"at": NOW, "watermark": watermark, "unknown": 0, "due": 0, "overdue": 0, "overdue_since": None}
    figures = Figures(
        totals=every | {"stuck": 0, "held": 0} | totals,  # type: ignore[arg-type]
        lanes=[{"lane": n, "unpublished": count, "oldest_at": at} for n, count, at in lanes],  # type: ignore[misc]
        quarantine=[{"reason": reason, "open": 1, "since": at} for reason, at in quarantine],  # type: ignore[misc]
        open_breakers=(),
        pauses=(),
        progress=[{"topic": "t", "partition": n, "watermark": at} for n, at in enumerate(progress)],  # type: ignore[misc]
    )
    return Situation(figures, pauses, breakers, (), halted, ())


def lag(*partitions: PartitionLag, members: int = 2, retention: float | None = None) -> GroupLag:
    return GroupLag(partitions, members, {"t": retention}, NOW.timestamp())


def waits(what: str, since: datetime) -> Waits:
    return Waits(NOW, [Wait(what, "seller", 6, 2, 0, since, None, None)])


def partition(messages: int = 0, seconds: float = 0.0, **given: int) -> PartitionLag:
    of = {"begin": 0, "end": messages, "stable": messages, "committed": 0} | given
    return PartitionLag("t", 0, **of, oldest_at=NOW.timestamp() - seconds if messages else None)


QUIET = Seen(situation(), lag(partition()), Waits(NOW, []), NOW)
LATE_LANE = [(1, 3, ago(minutes=5))]


def seen(database: Situation | None = QUIET.situation, broker=QUIET.lag, counted=QUIET.waits, now=NOW) -> Seen:
    return Seen(database, broker, counted, now)


@pytest.mark.parametrize(
    ("what", "first"),
    [
        (seen(None), "ServerAway"),
        (seen(broker=None), "ServerAway"),
        (seen(broker=lag(partition(5, begin=3, committed=1))), "OffsetLost"),
        (
            seen(situation(lanes=LATE_LANE, pauses=[Pause(ALL_LANES, ago(minutes=9), AUTOMATIC, "much")])),
            "RefundLimitReached",
        ),
        (seen(situation(pauses=[Pause(1, ago(hours=2), "ann", "a look")], lanes=LATE_LANE)), "OutboxPaused"),
        (seen(broker=lag(partition(9, 300), members=0)), "NoConsumer"),
        (seen(situation(breakers=[OpenBreaker("t", ago(minutes=9), 300, 500)])), "CircuitBreakerOpen"),
        (seen(situation(lanes=LATE_LANE)), "OutboxStuck"),
        (seen(broker=lag(partition(9, 300))), "PartitionStalled"),
        (seen(broker=lag(partition(0, end=4))), "PartitionStalled"),
        (seen(broker=lag(partition(6_000, 10))), "LagGrowing"),
        (seen(broker=lag(partition(9, 50), retention=90.0)), "RetentionInDanger"),
        (seen(situation(watermark=ago(minutes=6), progress=[ago(minutes=6)])), "WatermarkBehind"),
        (seen(situation(watermark=None, unknown=2)), "WatermarkBehind"),
        (seen(situation(overdue_since=ago(minutes=20), overdue=3, due=3)), "DeadlinesOverdue"),
        (seen(situation(stuck=10)), "ManyOrdersStuck"),
        (seen(situation(stuck=1, halted=[Halted("ord-1", "KeyError", None)])), "OrderStuck"),
        (seen(situation(quarantine=[("schema", ago(days=4))])), "QuarantineForgotten"),
        (seen(counted=waits("sellers_answer", ago(days=8))), "OrdersWaiting"),
        (seen(now=NOW + timedelta(seconds=6)), "ClockSkew"),
    ],
)
def test_the_cause_comes_first(what: Seen, first: str) -> None:
    found = [alert.name for alert, _ in holding(what)]
    assert found[0] == f"Purchasing{first}", found


@pytest.mark.parametrize(
    "what",
    [
        QUIET,
        seen(situation(lanes=[(1, 3, ago(seconds=30))])),
        seen(broker=lag(partition(9, 30), members=1)),
        seen(situation(watermark=ago(minutes=4), progress=[ago(minutes=4)])),
        seen(situation(overdue_since=ago(minutes=20), overdue=3)),
        seen(situation(quarantine=[("schema", ago(days=2))])),
        seen(counted=waits("sellers_answer", ago(days=6))),
        seen(counted=waits("delivery", ago(days=90))),
        Seen(situation(), None, None, NOW, asks_broker=False),
    ],
)
def test_nothing_holds_while_nothing_is_late(what: Seen) -> None:
    assert [alert.name for alert, _ in holding(what)] == []


def test_a_paused_lane_is_not_a_stuck_one_and_has_the_name_of_its_operator() -> None:
    paused = seen(situation(lanes=LATE_LANE, pauses=[Pause(1, ago(hours=2), "ann", "a <look>")]))
    assert BY_NAME["PurchasingOutboxStuck"].look(paused).holds is False
    look = BY_NAME["PurchasingOutboxPaused"].look(paused)
    assert look.since == ago(hours=2)
    assert "paused by ann: a <look>" in [one.value for one in look.values]


def test_an_unreadable_state_is_not_reported_as_well() -> None:
    blind = Seen(None, None, None, NOW)
    assert {alert.name: alert.look(blind).holds for alert in ALERTS} == {
        alert.name: True if alert.name == "PurchasingServerAway" else None for alert in ALERTS
    }


def test_the_alerts_are_those_of_the_rules() -> None:
    assert {alert.name for alert in ALERTS} == set(DEFINED)
    assert len(BY_NAME) == len(ALERTS)
    for alert in ALERTS:
        assert DEFINED[alert.name]["annotations"]["runbook_url"].partition("#")[2] == alert.section
        assert DEFINED[alert.name]["labels"]["severity"] == alert.severity


def test_waits_are_long_by_the_limits_of_the_rule() -> None:
    expression = DEFINED["PurchasingOrdersWaiting"]["expr"]
    found = re.findall(r'what=~"([^"]+)"\}\)\s*> ([0-9]+)', expression)
    limits = {what: int(seconds) for kinds, seconds in found for what in kinds.split("|")}
    assert limits == {what: limit.total_seconds() for what, limit in WAITS_LIMITS.items()}


def test_each_kind_of_wait_has_its_words() -> None:
    assert WAIT_NAMES.keys() == WAIT_KINDS.keys()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_the_command_of_an_alert_can_be_typed(alert, capsys) -> None:
    assert problem(Said(tuple(alert.command.split()), whole=True)) is None
    capsys.readouterr()
