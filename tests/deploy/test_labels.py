"""Every label in a rule, a panel or a scenario is one that the metric has: a misspelt one would silently match
nothing."""

import re
from typing import get_args

import pytest

from service.observability.exporter import BY
from service.observability.metric_catalog import METRICS
from service.outbox.status import State
from service.rules.waits import WAIT_KINDS
from tests.deploy.incidents import INCIDENTS
from tests.deploy.scenarios import SCENARIOS
from tests.deploy.test_alerts import rules
from tests.deploy.test_dashboard import TARGETS

SERIES = re.compile(r"\b(purchasing[_:][a-z_:]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(by|on)\s*\(([^()]*)\)\s*")
# Those that a few fixed words can be the value of.
VALUES = {
    "state": set(get_args(State)),
    "by": set(BY),
    "what": set(WAIT_KINDS),
    "from": {kind.of for kind in WAIT_KINDS.values()},
    "at": {"broker", "database"},
}
TARGET = {"instance"}
"""The label that Prometheus adds: the worker's instance."""


def names(text: str) -> set[str]:
    return {name.strip() for name in text.split(",") if name.strip()}


LABELS = {metric.full_name: set(metric.labels) for metric in METRICS} | {
    f"{metric.full_name}_{end}": {*metric.labels, *more}
    for metric in METRICS
    if metric.kind == "histogram"
    for end, more in (("bucket", ("le",)), ("sum", ()), ("count", ()))
}
for rule in rules():
    if "record" in rule:
        LABELS[rule["record"]] = set().union(*(names(found) for _, found in GROUPING.findall(rule["expr"])))


def inside(text: str) -> str:
    """The content of the parentheses with which the text begins."""
    depth = 0
    for n, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return text[1:n]
    raise AssertionError(text)


def slips(expression: str) -> list[str]:
    """The faults of an expression's labels, a sentence each."""
    found = []
    for series, matchers in SERIES.findall(expression):
        for label, value in MATCHER.findall(matchers):
            if label not in LABELS[series]:
                found.append(f"{series} has no label {label}")
            elif not set(value.split("|")) <= VALUES.get(label, {value}):
                found.append(f"{label} is never {value}")
    for match in GROUPING.finditer(expression):
        rest = expression[match.end() :]
        # What is grouped must have the label; of what is joined, the first series that is named must.
        joined = [series for series, _ in SERIES.findall(rest)][:1]
        over = [series for series, _ in SERIES.findall(inside(rest))] if match[1] == "by" else joined
        found += [f"{one} has no label {label}" for one in over for label in names(match[2]) - LABELS[one]]
    return found


def shown(expression: str) -> set[str]:
    """The labels that may be left on what it comes to."""
    recorded = [series for series, _ in SERIES.findall(expression) if ":" in series]
    aggregated = set().union(*(names(found) for _, found in GROUPING.findall(expression)))
    return aggregated.union(TARGET, *(LABELS[one] for one in recorded))


@pytest.mark.parametrize("rule", rules(), ids=[rule.get("alert") or rule["record"] for rule in rules()])
def test_every_label_in_a_rule_is_one_that_the_metric_has(rule):
    assert slips(rule["expr"]) == []
    for label in re.findall(r"\$labels\.(\w+)", rule.get("annotations", {}).get("summary", "")):
        assert label in shown(rule["expr"])


def test_every_label_on_the_dashboard_is_one_that_the_metric_has():
    for target in TARGETS:
        assert slips(target["expr"]) == [], target
        assert set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))) <= shown(target["expr"])


@pytest.mark.parametrize("tried", [*SCENARIOS, *INCIDENTS], ids=lambda one: getattr(one, "what", None) or one.why)
def test_a_scenario_shows_what_a_worker_can_show(tried):
    for series in tried.series:
        name, labels = re.fullmatch(r"(\w+)\{?(.*?)\}?", series).groups()
        given = dict(MATCHER.findall(labels))
        assert name == "up" or set(given) - TARGET == LABELS[name], series
        assert all(value in VALUES.get(label, {value}) for label, value in given.items()), series


@pytest.mark.parametrize(
    "slip",
    [
        'purchasing_relay_lane_state{state="stoped"}',
        'purchasing_relay_lane_state{status="stopped"}',
        "max by (lanes) (purchasing_outbox_paused)",
        "max by (topic) (purchasing_orders_stuck) unless on (topic) purchasing:circuit_breaker_open",
        "purchasing_outbox_unpublished_outputs unless on (topic) purchasing:lane_held",
    ],
)
def test_a_slip_is_noticed(slip):
    assert slips(slip)
