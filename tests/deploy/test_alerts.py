"""The alerts: that each fires when it should, is quiet when it should, and leads to its section of the runbook.

Prometheus's own `promtool` evaluates them; where there is none, `.ci/run` installs it, and the run's header says so.
"""

import re
import shutil
import subprocess
import warnings
from pathlib import Path, PurePosixPath

import pytest
import yaml

from deploy.website.documents import page_name
from service.observability.metric_catalog import METRICS
from tests.deploy.documents import RUNBOOK
from tests.deploy.incidents import INCIDENTS
from tests.deploy.scenarios import SCENARIOS, Scenario

BREAKER = 'purchasing_circuit_breaker_open{topic="t"}'
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"
CONSOLE = "http://localhost:8081"
"""The address of the console in the compose file."""
RUNBOOK_PAGE = f"{CONSOLE}/docs/{page_name(PurePosixPath('service/docs/runbook.md'))}"
PARTS = ("Meaning", "Impact", "First look", "Fixes", "Escalation")

# Every name that Prometheus can find on /metrics.
NAMES = {metric.full_name for metric in METRICS} | {
    f"{metric.full_name}_{end}"
    for metric in METRICS
    if metric.kind == "histogram"
    for end in ("bucket", "sum", "count")
}


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def sections() -> dict[str, str]:
    """Anchor as GitHub makes it, and text, of every section of the runbook."""
    found = {}
    for part in re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]:
        title, _, text = part.partition("\n")
        found[re.sub(r"[^\w -]", "", title.strip().lower()).replace(" ", "-")] = text
    return found


def expression_tests(scenario) -> dict:
    labels = ",".join(
        f'{name}="{value}"'
        for name, value in {"alertname": scenario.alert, "alertstate": "firing", **(scenario.fires or {})}.items()
    )
    severity = ALERTS[scenario.alert]["labels"]["severity"]
    expected = [] if scenario.fires is None else [{"labels": f'ALERTS{{{labels},severity="{severity}"}}', "value": 1}]
    return {
        "name": f"{scenario.alert}: {scenario.why}",
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in scenario.series.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{scenario.alert}",alertstate="firing"}}',
                "eval_time": f"{scenario.minute}m",
                "exp_samples": expected,
            }
        ],
    }


def all_that_fires(incident) -> dict:
    return {
        "name": incident.what,
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in incident.series.items()],
        "promql_expr_test": [
            {
                "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{incident.minute}m",
                "exp_samples": [
                    {"labels": f'{{alertname="Purchasing{alert}"}}', "value": 1} for alert in sorted(incident.alerts)
                ],
            }
        ],
    }


def written(path: Path, rules: Path, tests: list[dict], interval: str) -> str:
    path.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": interval, "tests": tests}))
    return str(path)


def try_rules(path: Path, rules: Path, tests: list[dict], interval: str) -> subprocess.CompletedProcess[str]:
    return promtool("test", "rules", written(path, rules, tests, interval))


def try_scenarios(
    directory: Path, groups: list[dict], scenarios: list[Scenario], interval: str
) -> subprocess.CompletedProcess[str]:
    """Try each alert with its own scenarios, without the other alerts, whose evaluation takes most of the time; all at
    once, as starting promtool for each would take longer still.
    """
    files = []
    for alert in ALERTS:
        rules, tests = directory / f"{alert}.rules.yaml", directory / f"{alert}.yaml"
        own = [{**one, "rules": [rule for rule in one["rules"] if rule.get("alert", alert) == alert]} for one in groups]
        rules.write_text(yaml.safe_dump({"groups": [one for one in own if one["rules"]]}))
        tried = [expression_tests(one) for one in scenarios if one.alert == alert]
        files.append(written(tests, rules, tried, interval))
    return promtool("test", "rules", *files)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def test_every_alert_is_tried_in_a_case_where_it_fires_and_in_one_where_it_must_not():
    for alert in ALERTS:
        outcomes = {scenario.fires is not None for scenario in SCENARIOS if scenario.alert == alert}
        assert outcomes == {True, False}, alert
    assert {scenario.alert for scenario in SCENARIOS} == set(ALERTS)


if shutil.which("promtool"):

    def test_prometheus_takes_the_rules_and_the_configuration():
        for done in (
            promtool("check", "rules", str(RULES)),
            promtool("check", "config", str(RULES.with_name("prometheus.yaml"))),
        ):
            assert done.returncode == 0, done.stdout + done.stderr

    def test_alerts_fire_when_they_should_and_are_quiet_when_they_should(tmp_path):
        done = try_scenarios(tmp_path, yaml.safe_load(RULES.read_text())["groups"], list(SCENARIOS), "30s")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_each_fault_fires_its_own_alert_and_no_other(tmp_path):
        tests = [all_that_fires(one) for one in INCIDENTS]
        done = try_rules(tmp_path / "incidents.yaml", RULES, tests, "30s")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_scenarios_notice_an_alert_that_always_fires_or_never_does(tmp_path):
        # One that always fires is noticed where it must be quiet, one that never does where it must fire.
        for wrong, telling in (("vector(1)", False), ("vector(1) > 2", True)):
            broken = yaml.safe_load(RULES.read_text())
            for group in broken["groups"]:
                for rule in group["rules"]:
                    if "alert" in rule:
                        rule["expr"] = wrong
            telling_ones = [one for one in SCENARIOS if (one.fires is not None) is telling]
            done = try_scenarios(tmp_path, broken["groups"], telling_ones, "60s")
            noticed = {
                alert for alert in ALERTS if f"name: {alert}:" in done.stdout + done.stderr or alert in done.stderr
            }
            assert noticed == set(ALERTS)

    def test_an_alert_links_to_its_page_if_a_worker_knows_the_console(tmp_path):
        console = 'purchasing_console_info{url="https://console.example"}'
        broken = {BREAKER: "1x400"}

        def annotations(page: str) -> dict[str, str]:
            given = ALERTS["PurchasingCircuitBreakerOpen"]["annotations"]
            return given | {"summary": given["summary"].replace("{{ $labels.topic }}", "t"), "console": page}

        def case(name: str, series: dict[str, str], page: str) -> dict:
            expected = {"exp_labels": {"severity": "page", "topic": "t"}, "exp_annotations": annotations(page)}
            return {
                "name": name,
                "interval": "15s",
                "input_series": [{"series": one, "values": values} for one, values in series.items()],
                "alert_rule_test": [
                    {"alertname": "PurchasingCircuitBreakerOpen", "eval_time": "20m", "exp_alerts": [expected]}
                ],
            }

        page = "https://console.example/alerts/PurchasingCircuitBreakerOpen"
        cases = [
            case("told of a console", broken | {console: "1x400"}, page),
            case("workers ended since", broken | {console: "1x8 stale"}, page),
            case("told of none", broken, ""),
        ]
        done = try_rules(tmp_path / "console.yaml", RULES, cases, "30s")
        assert done.returncode == 0, done.stdout + done.stderr


else:

    def test_the_alerts_could_not_be_tried():
        warnings.warn("no promtool on the PATH: the alerts were not tried (.ci/run brings one)", stacklevel=1)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_leads_to_its_section_of_the_runbook(alert):
    page, _, anchor = ALERTS[alert]["annotations"]["runbook_url"].partition("#")
    assert page == RUNBOOK_PAGE
    text = sections()[anchor]
    for part in PARTS:
        assert f"**{part}**" in text, f"{anchor} says nothing about: {part}"
    first = text.partition("**First look**")[2].partition("**Fixes**")[0]
    assert "`" in first, f"{anchor}: a command to look first"


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_names_its_own_page_of_the_console(alert):
    page = (
        '{{ with query "last_over_time(purchasing_console_info[1d])" }}{{ . | first | label "url" }}/alerts/%s{{ end }}'
    )
    assert ALERTS[alert]["annotations"]["console"] == page % alert


def test_every_metric_in_a_rule_exists():
    texts = [text for rule in rules() for text in (rule["expr"], rule.get("annotations", {}).get("console", ""))]
    used = {name for text in texts for name in re.findall(r"\bpurchasing_[a-z_]+", text)}
    assert used
    assert used - NAMES == set()
