"""What Kubernetes is given: as its own types have it, strictly, and what this service needs of it.

`deploy/kubernetes/rendered/` is what `kustomize build` makes of the overlays, kept so that a review sees what changes;
where kustomize (or kubectl) is on the PATH, it is rendered anew and compared.
"""

import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from service.ending import SHUTDOWN_SECONDS
from service.settings import PREFIX, Settings
from tests.deploy.test_alerts import DEPLOY

KUBERNETES = DEPLOY / "kubernetes"
SCHEMAS = Path(__file__).with_name("schemas")
OVERLAYS = ("staging", "production")
# The oldest that is supported somewhere, and the newest whose types we have.
VERSIONS = ("1.29", kubernetes_validate.latest_version())


def rendered(overlay: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all((KUBERNETES / "rendered" / f"{overlay}.yaml").read_text()) if one]


def the(kind: str, overlay: str = "production") -> dict[str, Any]:
    (found,) = [one for one in rendered(overlay) if one["kind"] == kind]
    return found


def check(resource: dict[str, Any], version: str) -> None:
    """Raises where it isn't what its type says, unknown members included."""
    path = SCHEMAS / f"{resource['apiVersion'].replace('/', '-')}-{resource['kind']}.json"
    if path.exists():
        jsonschema.Draft7Validator(json.loads(path.read_text())).validate(resource)
    else:
        kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everything_is_what_its_type_says(overlay, version):
    for resource in rendered(overlay):
        check(resource, version)


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("Deployment", ("spec", "replica"), 3),
        ("Deployment", ("spec", "replicas"), "three"),
        ("PodDisruptionBudget", ("spec", "maxunavailable"), 1),
        ("NetworkPolicy", ("spec", "ingres"), []),
        ("ScaledObject", ("spec", "minReplicas"), 1),
        ("ScaledObject", ("spec", "pollingInterval"), "15s"),
        ("PodMonitor", ("spec", "podMetricsEndpoint"), []),
        ("PrometheusRule", ("spec", "group"), []),
    ],
)
def test_a_slip_is_noticed(kind, path, wrong):
    resource = the(kind)
    resource[path[0]][path[1]] = wrong
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
        check(resource, VERSIONS[-1])


RENDERERS = [
    [program, *arguments]
    for program, arguments in (("kustomize", ["build"]), ("kubectl", ["kustomize"]))
    if shutil.which(program)
]

if RENDERERS:

    @pytest.mark.parametrize("overlay", OVERLAYS)
    def test_what_is_kept_is_what_kustomize_renders(overlay):
        command = [*RENDERERS[0], str(KUBERNETES / "overlays" / overlay)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == (KUBERNETES / "rendered" / f"{overlay}.yaml").read_text(), f"render anew: {command}"


else:

    def test_it_could_not_be_rendered_anew():
        warnings.warn("neither kustomize nor kubectl on the PATH: only what is kept was checked", stacklevel=1)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_runs_with_no_right_it_does_not_need(overlay):
    pods = [one["spec"]["template"]["spec"] for one in rendered(overlay) if one["kind"] in ("Deployment", "Job")]
    assert len(pods) == 2
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"requests", "limits"} <= set(container["resources"])
            assert ":" in container["image"]
            assert not container["image"].endswith(":latest")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_referred_to_and_never_written_down(overlay):
    assert not [one for one in rendered(overlay) if one["kind"] == "Secret"]
    container = the("Deployment", overlay)["spec"]["template"]["spec"]["containers"][0]
    assert {one["name"] for one in container["env"]} == {
        f"{PREFIX}{name}" for name in ("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "DATABASE_URL")
    }
    assert all("secretKeyRef" in one["valueFrom"] for one in container["env"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_setting_is_one_of_the_services(overlay):
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(the("ConfigMap", overlay)["data"]) <= known


def test_each_probe_asks_what_it_is_for_and_the_service_has_time_to_end():
    pod = the("Deployment")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    asked = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    # Nothing but a process that doesn't answer is killed: a server that is away does not come back by it.
    assert asked == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert pod["terminationGracePeriodSeconds"] > SHUTDOWN_SECONDS


def test_what_selects_the_workers_selects_the_workers():
    deployment = the("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    migration = the("Job")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        deployment["selector"]["matchLabels"],
        the("Service")["spec"]["selector"],
        the("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        the("PodMonitor")["spec"]["selector"]["matchLabels"],
        *(one["labelSelector"]["matchLabels"] for one in deployment["template"]["spec"]["topologySpreadConstraints"]),
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= migration.items()
    assert the("ScaledObject")["spec"]["scaleTargetRef"]["name"] == the("Deployment")["metadata"]["name"]


def test_workers_are_scaled_by_their_groups_lag_and_never_to_none():
    scaled, settings = the("ScaledObject")["spec"], the("ConfigMap")["data"]
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["consumerGroup"] == settings["PURCHASING_CONSUMER_GROUP"]
    assert trigger["metadata"]["bootstrapServers"] == settings["PURCHASING_KAFKA_BOOTSTRAP_SERVERS"]
    assert 1 <= scaled["minReplicaCount"] <= scaled["maxReplicaCount"]
    assert trigger["authenticationRef"]["name"] == the("TriggerAuthentication")["metadata"]["name"]


def test_the_operators_rules_are_the_rules_and_lead_to_a_page_that_can_be_opened():
    rules = (DEPLOY / "prometheus" / "rules.yaml").read_text()
    where = the("PrometheusRule")["metadata"]["annotations"]["runbook"]
    assert where.startswith("https://")
    assert the("PrometheusRule")["spec"] == yaml.safe_load(rules.replace("deploy/runbook.md#", f"{where}#"))


def test_the_rendered_files_name_no_registry():
    for overlay in OVERLAYS:
        text = (KUBERNETES / "rendered" / f"{overlay}.yaml").read_text()
        assert re.findall(r"image: (\S+)", text) == ["purchasing:0.1.0"] * 2
