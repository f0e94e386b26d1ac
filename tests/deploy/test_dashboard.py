"""The dashboard shows what there is, each panel in a unit and with a word on what it means."""

import json
import re
import shutil
import subprocess

import pytest

from tests.deploy.test_alerts import DEPLOY, NAMES, sections

DASHBOARD = json.loads((DEPLOY / "grafana" / "purchasing.json").read_text())
PANELS = DASHBOARD["panels"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]


def test_every_metric_on_it_exists():
    for target in TARGETS:
        used = set(re.findall(r"\bpurchasing_[a-z_]+", target["expr"]))
        assert used, target
        assert used <= NAMES, used - NAMES


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_every_panel_has_a_unit_and_a_description(panel):
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["description"].endswith(".")
    for title in re.findall(r"Runbook: ([^.]+)\.", panel["description"]):
        assert title.lower().replace(" ", "-") in sections()


# Of each figure, a value that is well and one that is not.
WELL_AND_NOT = {
    "Money late": (5, 61),
    "Outputs not published": (0, 5000),
    "Outbox paused": (0, 1),
    "Lanes stopped": (0, 1),
    "Orders stuck / held": (0, 1),
    "Deadlines overdue": (0, 901),
    "Workers ready": (1, 0),
    "Servers": (1, 0),
    "Circuit breakers open": (0, 1),
    "Quarantine": (0, 100),
    "Watermark behind": (5, 301),
    "Retention used": (0, 0.5),
}


def colour(panel: dict, value: float) -> str:
    return [
        step["color"]
        for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        if step["value"] is None or value >= step["value"]
    ][-1]


def test_good_values_are_green_and_bad_ones_red():
    figures = {panel["title"]: panel for panel in PANELS if panel["type"] == "stat"}
    assert {
        title: (colour(panel, WELL_AND_NOT[title][0]), colour(panel, WELL_AND_NOT[title][1]))
        for title, panel in figures.items()
    } == dict.fromkeys(WELL_AND_NOT, ("green", "red"))


def test_the_datasource_is_a_variable_everywhere():
    (variable,) = DASHBOARD["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")
    used = {source["datasource"]["uid"] for source in [*PANELS, *TARGETS, *DASHBOARD["annotations"]["list"]]}
    assert used == {"${datasource}"}


def test_money_comes_first_and_nothing_overlaps():
    first = min(PANELS, key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"]))
    assert first["title"] == "Money late"
    taken = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


if shutil.which("promtool"):

    def test_prometheus_understands_every_query(tmp_path):
        rules = [
            {"record": f"panel:{n}", "expr": target["expr"].replace("$__rate_interval", "5m")}
            for n, target in enumerate(TARGETS)
        ]
        path = tmp_path / "queries.yaml"
        path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
        done = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
