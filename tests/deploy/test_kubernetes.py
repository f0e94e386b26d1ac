"""The manifests for Kubernetes: valid by Kubernetes' own types, strictly, and with all that this service needs.

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
import trustme
import yaml

from service.console.access import Role
from service.console.bounds import SHUTDOWN_SECONDS as CONSOLE_SHUTDOWN_SECONDS
from service.console.server import check as check_console
from service.orders.cache import FACTS_MAX
from service.runtime.settings import PREFIX, ConsoleSettings, Settings, load_console, load_console_kafka
from service.runtime.shutdown import SHUTDOWN_SECONDS
from tests.deploy.test_alerts import CONSOLE as CONSOLE_OF_COMPOSE
from tests.deploy.test_alerts import DEPLOY

KUBERNETES = DEPLOY / "kubernetes"
SCHEMAS = Path(__file__).with_name("schemas")
OVERLAYS = ("staging", "production")
# The oldest that is supported somewhere, and the newest whose types we have.
VERSIONS = ("1.29", kubernetes_validate.latest_version())


def rendered(overlay: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all((KUBERNETES / "rendered" / f"{overlay}.yaml").read_text()) if one]


CONSOLE = "purchasing-console"


def the(kind: str, overlay: str = "production", *, console: bool = False) -> dict[str, Any]:
    """The one of its kind, of the workers or of the console."""
    of_kind = [one for one in rendered(overlay) if one["kind"] == kind]
    (found,) = [one for one in of_kind if one["metadata"]["name"].startswith(CONSOLE) is console]
    return found


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    """The pod's specification of a workload."""
    spec = workload["spec"].get("jobTemplate", workload)["spec"]
    return spec["template"]["spec"]


WORKLOADS = ("Deployment", "Job", "CronJob")


def labels_of(workload: dict[str, Any]) -> dict[str, str]:
    """The labels of a workload's pods."""
    labels: dict[str, str] = workload["spec"].get("jobTemplate", workload)["spec"]["template"]["metadata"]["labels"]
    return labels


def pods(overlay: str) -> dict[str, dict[str, Any]]:
    """By component, the pods of an overlay."""
    workloads = [one for one in rendered(overlay) if one["kind"] in WORKLOADS]
    return {labels_of(one)["app.kubernetes.io/component"]: pod_of(one) for one in workloads}


def check(resource: dict[str, Any], version: str) -> None:
    """Raises where it isn't what its type says, unknown members included."""
    path = SCHEMAS / f"{resource['apiVersion'].replace('/', '-')}-{resource['kind']}.json"
    if path.exists():
        jsonschema.Draft7Validator(json.loads(path.read_text())).validate(resource)
    else:
        kubernetes_validate.validate(resource, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_valid_for_its_type(overlay, version):
    for resource in rendered(overlay):
        check(resource, version)


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("Deployment", ("spec", "replica"), 3),
        ("CronJob", ("spec", "suspended"), True),
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
    def test_the_kept_manifests_are_those_that_kustomize_renders(overlay):
        command = [*RENDERERS[0], str(KUBERNETES / "overlays" / overlay)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == (KUBERNETES / "rendered" / f"{overlay}.yaml").read_text(), f"render anew: {command}"

    def test_another_version_migrates_in_a_job_of_its_own(tmp_path):
        """A job can't be changed: applied with another image under the same name it would be refused."""
        copy = shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
        overlay = copy / "overlays" / "production" / "kustomization.yaml"
        overlay.write_text(
            overlay.read_text().replace("newTag: 0.2.0", "newName: registry.example/purchasing\n    newTag: 0.3.0")
        )
        done = subprocess.run([*RENDERERS[0], str(overlay.parent)], capture_output=True, text=True, check=True)
        (job,) = [one for one in yaml.safe_load_all(done.stdout) if one["kind"] == "Job"]
        assert job["metadata"]["name"] == "purchasing-migrate-0.3.0" != the("Job")["metadata"]["name"]
        assert pod_of(job)["containers"][0]["image"] == "registry.example/purchasing:0.3.0"

else:

    def test_it_could_not_be_rendered_anew():
        warnings.warn("neither kustomize nor kubectl on the PATH: only what is kept was checked", stacklevel=1)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_runs_with_no_right_it_does_not_need(overlay):
    assert set(pods(overlay)) == {"worker", "console", "migration", "toolbox"}
    for pod in pods(overlay).values():
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
    kafka = {f"{PREFIX}{name}": "purchasing" for name in WAYS_INTO_KAFKA}
    url = f"{PREFIX}DATABASE_URL"
    # Each goes to the database as somebody else.
    of_console = (*WAYS_INTO_KAFKA, "CONSOLE_OIDC_CLIENT_SECRET", "DATABASE_URL")
    assert {component: secrets(pod) for component, pod in pods(overlay).items()} == {
        "worker": {**kafka, url: "purchasing"},
        "toolbox": {**kafka, url: "purchasing-operator"},
        "migration": {url: "purchasing-migrate"},
        "console": {f"{PREFIX}{name}": CONSOLE for name in of_console},
    }


WAYS_INTO_KAFKA = (
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
    "KAFKA_SASL_OAUTH_CLIENT_ID",
    "KAFKA_SASL_OAUTH_CLIENT_SECRET",
    "KAFKA_SSL_KEY_PASSWORD",
)


@pytest.mark.parametrize("component", ["worker", "toolbox", "console"])
def test_a_pod_starts_with_the_secrets_of_one_way_into_kafka(component):
    pod = pods("production")[component]
    for variable in pod["containers"][0]["env"]:
        secret = variable.get("valueFrom", {}).get("secretKeyRef", {})
        # A public client at the identity provider has no secret.
        if variable["name"].removeprefix(PREFIX) in (*WAYS_INTO_KAFKA, "CONSOLE_OIDC_CLIENT_SECRET"):
            assert secret["optional"] is True, variable
        elif secret:
            assert "optional" not in secret, variable
    (volume,) = [one for one in pod["volumes"] if one["name"] == "certificates"]
    client = [one["secret"] for one in volume["projected"]["sources"] if one["secret"].get("optional")]
    assert [item["path"] for one in client for item in one["items"]] == ["kafka-client.pem", "kafka-client.key"]


def test_nothing_names_an_address_of_one_family():
    """On a cluster with IPv6 only, services, policies and probes are as right as on one with IPv4."""
    for overlay in OVERLAYS:
        text = (KUBERNETES / "rendered" / f"{overlay}.yaml").read_text()
        assert not re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|ipBlock|ipFamil", text)
        assert "HTTP_HOST" not in text, "by default both families are listened to"


def needed(volume: dict[str, Any]) -> list[dict[str, str]]:
    """The files of a volume without which the pod doesn't start."""
    if "secret" in volume:
        return list(volume["secret"]["items"])
    sources = [one["secret"] for one in volume["projected"]["sources"]]
    return [item for one in sources if not one.get("optional") for item in one["items"]]


def secrets(pod: dict[str, Any]) -> dict[str, str]:
    """By variable, the secret that its value is from."""
    variables = [one for one in pod["containers"][0]["env"] if one["name"] not in WRITTEN_DOWN]
    return {one["name"]: one["valueFrom"]["secretKeyRef"]["name"] for one in variables}


WRITTEN_DOWN = {f"{PREFIX}{name}" for name in ("LOG_FORMAT", "CONSOLE_HOST", "CONSOLE_PORT")}
"""Variables whose value stands in a manifest."""


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_can_check_the_certificates_of_the_servers_it_talks_to(overlay):
    for component, pod in pods(overlay).items():
        (mount,) = [one for one in pod["containers"][0]["volumeMounts"] if one["name"] == "certificates"]
        (volume,) = [one for one in pod["volumes"] if one["name"] == "certificates"]
        files = {f"{mount['mountPath']}/{item['path']}" for item in needed(volume)}
        # The one that database-url names (base/kustomization.yaml); migrating talks to no broker.
        assert "/etc/purchasing/database-ca.pem" in files
        assert component == "migration" or the("ConfigMap", overlay)["data"]["PURCHASING_KAFKA_SSL_CAFILE"] in files


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_setting_is_one_of_the_services(overlay):
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(the("ConfigMap", overlay)["data"]) <= known
    known |= {PREFIX + name.upper() for name in ConsoleSettings.model_fields}
    assert set(the("ConfigMap", overlay, console=True)["data"]) <= known
    assert {one["name"] for pod in pods(overlay).values() for one in pod["containers"][0]["env"]} <= known


def test_each_probe_asks_what_it_is_for_and_the_service_has_time_to_end():
    pod = the("Deployment")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    asked = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    # Nothing but a process that doesn't answer is killed: a server that is away does not come back by it.
    assert asked == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert pod["terminationGracePeriodSeconds"] > SHUTDOWN_SECONDS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_applying_again_leaves_it_to_keda_how_many_workers_there_are(overlay):
    assert "replicas" not in the("Deployment", overlay)["spec"]
    scaled = the("ScaledObject", overlay)["spec"]
    # Where nobody sees the lag, as many as can read.
    assert scaled["fallback"]["replicas"] == scaled["maxReplicaCount"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_its_namespace_lets_in_no_pod_that_asks_for_more_than_ours(overlay):
    namespace = the("Namespace", overlay)["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {one["metadata"]["namespace"] for one in rendered(overlay) if one["kind"] != "Namespace"} == {
        namespace["name"]
    }


def test_the_toolbox_runs_on_request_and_for_a_limited_time():
    toolbox = the("CronJob")["spec"]
    assert toolbox["suspend"] is True
    job = toolbox["jobTemplate"]["spec"]
    assert job["activeDeadlineSeconds"] <= 4 * 3600
    container = pod_of(the("CronJob"))["containers"][0]
    assert container["command"] == ["sleep", str(job["activeDeadlineSeconds"])]
    assert container["image"] == pods("production")["worker"]["containers"][0]["image"]


def test_a_worker_may_use_as_much_memory_as_its_cache_and_what_it_reads_ahead_take():
    limit = pods("production")["worker"]["containers"][0]["resources"]["limits"]["memory"]
    assert limit == "1Gi"
    # 3 KB a fact in the cache and 150 MB for a process without any take no more than half of it.
    assert FACTS_MAX * 3_000 + 150_000_000 <= 2**30 / 2


def test_traces_can_reach_a_collector():
    allowed = [port for rule in the("NetworkPolicy")["spec"]["egress"] for port in rule["ports"]]
    assert {"protocol": "TCP", "port": 4318} in allowed


def test_each_selector_of_workers_selects_the_workers():
    deployment = the("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    others = [labels_of(one) for one in (the("Job"), the("CronJob"), the("Deployment", console=True))]
    selectors = [
        deployment["selector"]["matchLabels"],
        the("Service")["spec"]["selector"],
        the("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        the("PodMonitor")["spec"]["selector"]["matchLabels"],
        *(one["labelSelector"]["matchLabels"] for one in deployment["template"]["spec"]["topologySpreadConstraints"]),
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not any(selector.items() <= labels_of_another.items() for labels_of_another in others)
    assert the("ScaledObject")["spec"]["scaleTargetRef"]["name"] == the("Deployment")["metadata"]["name"]


def test_workers_are_scaled_by_their_groups_lag_and_never_to_none():
    scaled, settings = the("ScaledObject")["spec"], the("ConfigMap")["data"]
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["consumerGroup"] == settings["PURCHASING_CONSUMER_GROUP"]
    assert trigger["metadata"]["bootstrapServers"] == settings["PURCHASING_KAFKA_BOOTSTRAP_SERVERS"]
    assert 1 <= scaled["minReplicaCount"] <= scaled["maxReplicaCount"]
    assert trigger["authenticationRef"]["name"] == the("TriggerAuthentication")["metadata"]["name"]


def test_the_operators_rules_are_the_rules_and_lead_to_the_runbook_at_the_console():
    rules = (DEPLOY / "prometheus" / "rules.yaml").read_text()
    console = the("ConfigMap")["data"][f"{PREFIX}CONSOLE_URL"]
    assert console.startswith("https://")
    assert the("PrometheusRule")["spec"] == yaml.safe_load(
        rules.replace(f"{CONSOLE_OF_COMPOSE}/docs/", f"{console}/docs/")
    )


def test_the_rendered_files_name_no_registry():
    for overlay in OVERLAYS:
        text = (KUBERNETES / "rendered" / f"{overlay}.yaml").read_text()
        assert re.findall(r"image: (\S+)", text) == ["purchasing:0.2.0"] * 4


def environment_of_console(overlay: str) -> dict[str, str]:
    """The variables of the console's pod, with something in the place of each secret."""
    (container,) = pods(overlay)["console"]["containers"]
    names = [one["configMapRef"]["name"] for one in container["envFrom"]]
    maps = {one["metadata"]["name"]: one["data"] for one in rendered(overlay) if one["kind"] == "ConfigMap"}
    found = {name: value for map_ in names for name, value in maps[map_].items()}
    for one in container["env"]:
        found[one["name"]] = one.get("value", "a-secret")
    return found | {f"{PREFIX}DATABASE_URL": "postgresql://somebody:a-secret@postgresql/purchasing"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_console_starts_with_its_settings_and_lets_somebody_in(overlay, monkeypatch, tmp_path):
    ca = tmp_path / "kafka-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca))
    for name, value in environment_of_console(overlay).items():
        monkeypatch.setenv(name, str(ca) if name == f"{PREFIX}KAFKA_SSL_CAFILE" else value)
    settings = load_console()
    check_console(settings)
    broker = load_console_kafka()
    assert settings.console_host == "*"
    assert settings.console_url.startswith("https://")
    assert {role for role, groups in settings.groups_by_role().items() if groups} == set(Role)
    assert broker is not None
    assert broker.kafka_sasl_username == "a-secret"
    (port,) = pods(overlay)["console"]["containers"][0]["ports"]
    assert port["containerPort"] == settings.console_port
    assert pods(overlay)["console"]["containers"][0]["args"] == ["console"]
    assert the("ConfigMap", overlay)["data"][f"{PREFIX}CONSOLE_URL"] == settings.console_url, "workers lead there, too"


def test_the_console_is_selected_by_nothing_of_the_workers_and_selects_none_of_them():
    deployment = the("Deployment", console=True)["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    selectors = [
        deployment["selector"]["matchLabels"],
        the("Service", console=True)["spec"]["selector"],
        the("PodDisruptionBudget", console=True)["spec"]["selector"]["matchLabels"],
        the("NetworkPolicy", console=True)["spec"]["podSelector"]["matchLabels"],
        *(one["labelSelector"]["matchLabels"] for one in deployment["template"]["spec"]["topologySpreadConstraints"]),
    ]
    workers = labels_of(the("Deployment"))
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= workers.items()
    # Policies add up: were the console selected by the workers', it might reach what they may.
    assert not the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    account = the("ServiceAccount", console=True)["metadata"]["name"]
    assert (
        pod_of(the("Deployment", console=True))["serviceAccountName"]
        == account
        != pod_of(the("Deployment"))["serviceAccountName"]
    )


def allowed(policy: dict[str, Any], direction: str, peers: str) -> dict[str, set[int]]:
    """By namespace, the ports that a policy lets in from there, or out to there."""
    return {
        rule[peers][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: {
            one["port"] for one in rule["ports"]
        }
        for rule in policy["spec"][direction]
    }


def test_network_policies_let_browsers_in_and_the_console_out_to_its_servers():
    policy = the("NetworkPolicy", console=True)
    assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    assert allowed(policy, "ingress", "from") == {"ingress": {8081}}
    out = {"kube-system": {53}, "kafka": {9093}, "postgresql": {5432}, "identity": {443, 8443}}
    assert allowed(policy, "egress", "to") == out
    assert allowed(the("NetworkPolicy"), "ingress", "from") == {"monitoring": {8080}}
    workers = {"kube-system": {53}, "kafka": {9093}, "postgresql": {5432}, "monitoring": {4318}}
    assert allowed(the("NetworkPolicy"), "egress", "to") == workers
    (port,) = the("Service", console=True)["spec"]["ports"]
    assert port["targetPort"] == pods("production")["console"]["containers"][0]["ports"][0]["name"]


def test_the_console_is_ready_while_the_database_is_away_and_has_time_to_end():
    pod = pod_of(the("Deployment", console=True))
    container = pod["containers"][0]
    probes = ("startupProbe", "livenessProbe", "readinessProbe")
    # /readyz asks the database: were no pod ready without it, nobody would read what was known last.
    assert {container[name]["httpGet"]["path"] for name in probes} == {"/livez"}
    (_, waits) = container["lifecycle"]["preStop"]["exec"]["command"]
    assert pod["terminationGracePeriodSeconds"] > int(waits) + CONSOLE_SHUTDOWN_SECONDS
    assert (
        the("Deployment", console=True)["spec"]["replicas"]
        > the("PodDisruptionBudget", console=True)["spec"]["maxUnavailable"]
    )
