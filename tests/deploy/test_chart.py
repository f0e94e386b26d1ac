"""The Helm chart makes what kustomize makes, of the same manifests, and refuses values that it does not know.

Rendered by Helm's own packages (tests/helm), where there is Go.
"""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy import chart
from tests.deploy.test_kubernetes import DEPLOY, OVERLAYS, VERSIONS, check, rendered
from tests.toolchains import helm

ROOT = DEPLOY.parent
NAMESPACES = {"production": "purchasing", "staging": "purchasing-staging"}
DIGEST = "sha256:" + "0123456789abcdef" * 4
OF_HELM = ("app.kubernetes.io/managed-by", "helm.sh/chart")


def values(name: str) -> dict[str, Any]:
    """The values that stand beside the chart for an overlay."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "helm" / f"{name}.yaml").read_text())
    return found


def attempt(given: dict[str, Any], namespace: str = "purchasing") -> subprocess.CompletedProcess[str] | None:
    """The chart rendered with values; None, with a warning, where there is no Go."""
    program = helm()
    if program is None:
        return None
    command = [program, str(chart.CHART), namespace]
    return subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)


def objects(given: dict[str, Any], namespace: str = "purchasing") -> list[dict[str, Any]] | None:
    """The objects that the chart makes of values; None where there is no Go."""
    done = attempt(given, namespace)
    if done is None:
        return None
    assert done.returncode == 0, done.stderr
    texts = [text for name, text in json.loads(done.stdout).items() if name.endswith(".yaml")]
    return [one for text in texts for one in yaml.safe_load_all(text) if one]


def the(kind: str, name: str, made: list[dict[str, Any]]) -> dict[str, Any]:
    """The one object of its kind and name."""
    (found,) = [one for one in made if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def as_of_both(made: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Objects by kind and name, without what each tool does in its own way.

    Helm has labels of its own, and creates a namespace only by name. What restarts pods when their settings change is
    the ConfigMap's name for kustomize, and an annotation for the chart.
    """
    text = re.sub(r'"(purchasing(?:-console)?)-[0-9a-z]{10}"', r'"\1"', json.dumps(made))
    found = {}
    for one in json.loads(text):
        metadata = one["metadata"]
        for name in OF_HELM:
            metadata["labels"].pop(name, None)
        if one["kind"] == "Deployment":
            one["spec"]["template"]["metadata"].pop("annotations", None)
        found[one["kind"], metadata["name"]] = one
    found.pop(("Namespace", NAMESPACES["production"]), None)
    found.pop(("Namespace", NAMESPACES["staging"]), None)
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_chart_makes_what_kustomize_makes(overlay):
    made = objects(values(overlay), NAMESPACES[overlay])
    if made is not None:
        assert as_of_both(made) == as_of_both(rendered(overlay))


def test_the_templates_are_made_of_the_manifests():
    stale = [str(path) for path, text in chart.files().items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run python -m tests.deploy.chart"


def test_every_manifest_is_in_the_chart():
    there = {path.relative_to(chart.KUBERNETES).with_suffix("").as_posix() for path in chart.KUBERNETES.rglob("*.yaml")}
    of_the_cluster = {"base/namespace", "components/monitoring/rules"}  # --create-namespace; files/rules.yaml
    manifests = {name for name in there if name.startswith(("base/", "components/")) and "kustomization" not in name}
    assert manifests - {one.manifest for one in chart.TEMPLATES.values()} == of_the_cluster


EVERYTHING = {
    "image": {"repository": "registry.example/purchasing", "tag": "0.3.0", "digest": DIGEST},
    "imagePullSecrets": [{"name": "registry"}],
    "podAnnotations": {"example/team": "money"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "money", "operator": "Exists"}],
    "settings": {"PURCHASING_CONSOLE_URL": "https://console.example"},
    "worker": {"replicas": 4, "keda": {"enabled": False}},
    "console": {
        "settings": {"PURCHASING_CONSOLE_OIDC_ISSUER": "https://id.example"},
        "egress": [{"ports": [{"port": 443}]}],
    },
    "monitoring": {"enabled": True, "runbook": "https://git.example/runbook.md"},
    "network": {"kafka": {"namespace": "streams", "port": 9094}, "egress": [{"ports": [{"port": 443}]}]},
}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid_with_every_value_set(version):
    for one in objects(EVERYTHING) or ():
        check(one, version)


def pods(made: list[dict[str, Any]]) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Annotations and specification of every pod."""
    for one in made:
        spec = one.get("spec", {})
        template = spec.get("jobTemplate", one).get("spec", {}).get("template")
        if template is not None:
            yield template["metadata"].get("annotations", {}), template["spec"]


def test_every_pod_runs_the_image_by_its_digest():
    made = objects(EVERYTHING)
    if made is None:
        return
    found = list(pods(made))
    assert len(found) == 4
    for _, pod in found:
        assert [one["image"] for one in pod["containers"]] == [f"registry.example/purchasing:0.3.0@{DIGEST}"]
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        assert pod["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
        assert pod["tolerations"] == [{"key": "money", "operator": "Exists"}]
    assert sum(annotations.get("example/team") == "money" for annotations, _ in found) == 2
    assert the("Job", "purchasing-migrate-0.3.0-0123456789ab", made)


def test_another_digest_under_the_same_tag_migrates_in_a_job_of_its_own():
    """A job can't be changed: applied with another image under the same name it would be refused."""
    images = [
        {"digest": DIGEST},
        {"tag": "0.3.0"},
        {"tag": "0.3.0", "digest": DIGEST.replace("0", "1")},
        EVERYTHING["image"],
    ]
    made = [objects({"image": image}) for image in images]
    names = {one["metadata"]["name"] for each in made if each is not None for one in each if one["kind"] == "Job"}
    assert len(names) in (0, len(images))
    assert all(len(name) <= 63 for name in names)


def test_a_change_of_settings_restarts_the_pods_that_have_them():
    def restarts(**changed: Any) -> set[str]:
        made = objects({"image": {"digest": DIGEST}} | changed) or []
        return {
            f"{one['metadata']['name']} {annotation}"
            for one in made
            if one["kind"] == "Deployment"
            for annotation in one["spec"]["template"]["metadata"]["annotations"].values()
        }

    before = restarts()
    assert len(before - restarts(settings={"PURCHASING_LOG_LEVEL": "debug"})) in (0, 2)
    (console,) = before - restarts(console={"settings": {"PURCHASING_CONSOLE_TIME_ZONE": "UTC"}}) or {
        "purchasing-console "
    }
    assert console.startswith("purchasing-console ")


@pytest.mark.parametrize(
    ("runbook", "address"),
    [("", "https://console.example/docs/runbook.html"), ("https://wiki.example/r", "https://wiki.example/r")],
)
def test_every_alert_leads_to_the_runbook(runbook, address):
    monitoring = {"monitoring": {"enabled": True, "runbook": runbook}}
    made = objects(EVERYTHING | monitoring)
    if made is None:
        return
    groups = the("PrometheusRule", "purchasing", made)["spec"]["groups"]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert len(alerts) > 20
    assert {rule["annotations"]["runbook_url"].partition("#")[0] for rule in alerts} == {address}


def test_parts_that_are_off_are_left_out():
    off = {
        "console": {"enabled": False},
        "network": {"enabled": False},
        "worker": {"keda": {"enabled": False}, "replicas": 3},
    }
    made = objects({"image": {"digest": DIGEST}} | off)
    if made is None:
        return
    assert {one["kind"] for one in made} == {
        "ConfigMap",
        "CronJob",
        "Deployment",
        "Job",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    }
    assert not [one for one in made if "console" in one["metadata"]["name"]]
    assert the("Deployment", "purchasing", made)["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"image": {"tag": ""}}, "Set image.digest"),
        ({"image": {"tag": "latest"}}, "tag"),
        ({"image": {"digest": "sha256:12"}}, "digest"),
        ({"worker": {"replica": 3}}, "replica"),
        ({"settings": {"PURCHASING_LOG_LEVL": "info"}}, "PURCHASING_LOG_LEVL"),
        ({"settings": {"PURCHASING_HTTP_PORT": "9090"}}, "PURCHASING_HTTP_PORT"),
        ({"settings": {"PURCHASING_TOPIC_REPLICAS": 3}}, "PURCHASING_TOPIC_REPLICAS"),
        ({"settings": {"PURCHASING_DATABASE_URL": "postgresql://"}}, "PURCHASING_DATABASE_URL"),
        ({"console": {"settings": {"PURCHASING_CONSOLE_OIDC_CLIENT_SECRET": "x"}}}, "CLIENT_SECRET"),
        ({"monitoring": {"enabled": True}}, "set settings.PURCHASING_CONSOLE_URL"),
        ({"network": {"kafka": {"port": "9093"}}}, "port"),
    ],
)
def test_a_wrong_value_is_refused_by_name(wrong, said):
    done = attempt({"image": {"tag": "0.3.0"}} | wrong)
    assert done is None or (done.returncode == 1 and said in done.stderr), done


def described(schema: dict[str, Any], at: str = "") -> Iterator[tuple[str, str]]:
    """By path, the description of each value in the schema that is not one of an open map."""
    for name, one in schema.get("properties", {}).items():
        yield f"{at}{name}", one.get("description", "")
        if "$ref" not in one:
            yield from described(one, f"{at}{name}.")


def leaves(given: dict[str, Any], at: str = "") -> Iterator[str]:
    """The paths of values."""
    for name, one in given.items():
        yield f"{at}{name}"
        if isinstance(one, dict):
            yield from leaves(one, f"{at}{name}.")


def test_every_value_is_described_and_has_a_default():
    words = dict(described(json.loads(chart.SCHEMA.read_text())))
    defaults = set(leaves(yaml.safe_load((chart.CHART / "values.yaml").read_text())))
    assert [name for name, text in words.items() if not re.match(r"[A-Z].*\.$", text)] == []
    assert words.keys() - {"global"} <= defaults


def test_chart_and_image_have_the_services_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    named = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
    assert (named["version"], named["appVersion"]) == (version, version)
