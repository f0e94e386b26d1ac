"""The Helm chart's templates, made of the manifests that kustomize takes: one source for both.

    python -m tests.deploy.chart        writes them

Each change below has to fit as often as it says, so a manifest that it no longer fits is an error here. ConfigMaps,
helpers and the text for people are written by hand, in deploy/helm/purchasing/templates.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from service.runtime.settings import PREFIX, ConsoleSettings, Settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
CHART = DEPLOY / "helm" / "purchasing"
SCHEMA = CHART / "values.schema.json"


class Change(NamedTuple):
    """A replacement in a manifest: a pattern, what comes in its place, and how often it has to fit."""

    pattern: str
    template: str
    times: int = 1


def namespace(peer: str, *, default: str | None = None) -> Change:
    """Take the namespace of what pods talk to from the values."""
    return Change(f"(metadata.name:) {default or peer}$", rf"\1 {{{{ .Values.network.{peer}.namespace }}}}")


def port(server: str, default: int) -> Change:
    """Take a server's port from the values."""
    return Change(f"port: {default}}}", f"port: {{{{ .Values.network.{server}.port }}}}}}")


def resources(component: str) -> Change:
    """Take a container's resources from the values."""
    template = rf"\1resources: {{{{- toYaml .Values.{component}.resources | nindent 12 }}}}\n"
    return Change(r"^( +)resources:\n +requests: .*\n +limits: .*\n", template)


def more(value: str) -> Change:
    """Add rules to a network policy, after its last one."""
    return Change(
        r"\Z", f"    {{{{- with .Values.{value} }}}}\n    {{{{- toYaml . | nindent 4 }}}}\n    {{{{- end }}}}\n"
    )


def restarted_with(*settings: str) -> Change:
    """Restart pods when their settings change: kustomize does it by the ConfigMap's name."""
    given = " ".join(f".Values.{one}" for one in settings)
    lines = (
        "      annotations:",
        f"        checksum/settings: {{{{ list {given} | toJson | sha256sum }}}}",
        "        {{- with .Values.podAnnotations }}",
        "        {{- toYaml . | nindent 8 }}",
        "        {{- end }}",
    )
    return Change(r"(  template:\n    metadata:\n)", r"\1" + "\n".join(lines) + "\n")


IMAGE = Change(r"image: purchasing$", 'image: {{ include "purchasing.image" . }}')
PEERS = (
    namespace("dns", default="kube-system"),
    namespace("kafka"),
    namespace("postgresql"),
    port("kafka", 9093),
    port("postgresql", 5432),
)
"""The peers of workers and of the console."""


def placed(depth: int) -> Change:
    """Add what the values say of every pod, at an indentation."""
    lines = ('{{- with include "purchasing.placement" . }}', f"{{{{- . | trim | nindent {depth} }}}}", "{{- end }}")
    template = "".join(f"{' ' * depth}{line}\n" for line in lines)
    return Change(rf"^ {{{depth}}}enableServiceLinks: false\n", r"\g<0>" + template)


class Template(NamedTuple):
    """A template: its manifest, when there is one, and what is changed in it."""

    manifest: str
    changes: tuple[Change, ...] = ()
    only_if: str = ""


TEMPLATES = {
    "serviceaccount": Template("base/serviceaccount"),
    "service": Template("base/service"),
    "disruption": Template("base/disruption"),
    "deployment": Template(
        "base/deployment",
        (
            IMAGE,
            placed(6),
            resources("worker"),
            restarted_with("settings"),
            Change(
                r"^  # No `replicas`: KEDA .*\n",
                "  {{- if not .Values.worker.keda.enabled }}\n"
                "  replicas: {{ .Values.worker.replicas }}\n"
                "  {{- end }}\n",
            ),
            Change(
                r"(topologyKey: topology.kubernetes.io/zone\n +whenUnsatisfiable:) \w+",
                r"\1 {{ .Values.worker.zoneSpread }}",
            ),
        ),
    ),
    "migration": Template(
        "base/migration",
        (
            IMAGE,
            placed(6),
            Change("VERSION$", '{{ include "purchasing.version" . }}'),
            Change("the overlays append the image's tag to its name", "its name ends with the image's tag and digest"),
        ),
    ),
    "toolbox": Template("base/toolbox", (IMAGE, placed(10))),
    "scaling": Template(
        "base/scaling",
        (
            Change("minReplicaCount: .*", "minReplicaCount: {{ .Values.worker.keda.minReplicas }}"),
            Change("maxReplicaCount: .*", "maxReplicaCount: {{ .Values.worker.keda.maxReplicas }}"),
            Change(" replicas: .*", " replicas: {{ .Values.worker.keda.maxReplicas }}"),
            Change(
                "bootstrapServers: .*",
                "bootstrapServers: {{ .Values.settings.PURCHASING_KAFKA_BOOTSTRAP_SERVERS | quote }}",
            ),
            Change("consumerGroup: .*", "consumerGroup: {{ .Values.settings.PURCHASING_CONSUMER_GROUP | quote }}"),
            Change(
                r"^        sasl: .*\n        tls: .*\n",
                "        {{- toYaml .Values.worker.keda.trigger | nindent 8 }}\n",
            ),
            Change(
                r"  secretTargetRef:\n(    - \{.*\}\n)+",
                "  secretTargetRef: {{- toYaml .Values.worker.keda.secrets | nindent 4 }}\n",
            ),
            Change(
                r"    # KEDA authenticates .*\n    # enable` .*\n",
                "    # KEDA authenticates at Kafka by itself, as worker.keda says.\n",
            ),
        ),
        only_if="worker.keda.enabled",
    ),
    "network": Template(
        "base/network",
        (
            *PEERS,
            namespace("monitoring")._replace(times=2),
            Change("another rule in an overlay", "another rule in network.egress"),
            more("network.egress"),
        ),
        only_if="network.enabled",
    ),
    "console-serviceaccount": Template("components/console/serviceaccount", only_if="console.enabled"),
    "console-service": Template("components/console/service", only_if="console.enabled"),
    "console-disruption": Template("components/console/disruption", only_if="console.enabled"),
    "console-deployment": Template(
        "components/console/deployment",
        (
            IMAGE,
            placed(6),
            resources("console"),
            restarted_with("settings", "console.settings"),
            Change("replicas: 2", "replicas: {{ .Values.console.replicas }}"),
        ),
        only_if="console.enabled",
    ),
    "console-network": Template(
        "components/console/network",
        (
            *PEERS,
            namespace("ingress"),
            namespace("identity"),
            Change("another rule in\n# an overlay", "another rule in\n# console.egress"),
            more("console.egress"),
        ),
        only_if="and .Values.network.enabled .Values.console.enabled",
    ),
    "monitor": Template("components/monitoring/monitor", only_if="monitoring.enabled"),
}


def files() -> dict[Path, str]:
    """By path, what is made: the templates, the rules, and the settings in the schema of the values."""
    made = {CHART / "templates" / f"{name}.yaml": text(template) for name, template in TEMPLATES.items()}
    made[CHART / "files" / "rules.yaml"] = (DEPLOY / "prometheus" / "rules.yaml").read_text()
    schema = json.loads(SCHEMA.read_text())
    schema["$defs"]["settings"]["properties"] = dict(settings_of(Settings))
    schema["$defs"]["console_settings"]["properties"] = dict(settings_of(ConsoleSettings))
    return made | {SCHEMA: json.dumps(schema, indent=2, ensure_ascii=False) + "\n"}


def text(template: Template) -> str:
    """The text of a template."""
    manifest = (KUBERNETES / f"{template.manifest}.yaml").read_text()
    base = template.manifest.startswith("base/")
    for change in (*template.changes, header(manifest, named=base)):
        manifest, times = re.subn(change.pattern, change.template, manifest, flags=re.MULTILINE)
        assert times == change.times, f"{template.manifest}.yaml: {change.pattern!r} fits {times} times"
    condition = template.only_if if " " in template.only_if else f".Values.{template.only_if}"
    made = f"{{{{- /* Made of deploy/kubernetes/{template.manifest}.yaml: python -m tests.deploy.chart */ -}}}}\n"
    return made + (f"{{{{- if {condition} }}}}\n{manifest}{{{{- end }}}}\n" if template.only_if else manifest)


def header(manifest: str, *, named: bool) -> Change:
    """Add namespace and labels to each object of a manifest, as kustomize does."""
    name = "    app.kubernetes.io/name: purchasing\n" if named else ""
    labels = f'  labels:\n{name}    {{{{- include "purchasing.labels" . | nindent 4 }}}}\n'
    template = r"\g<0>  namespace: {{ .Release.Namespace }}" + f"\n{labels}"
    return Change(r"^metadata:\n  name: .*\n", template, len(re.findall("^kind:", manifest, re.MULTILINE)))


FIXED = {
    "HTTP_PORT": "8080",
    "KAFKA_SSL_CAFILE": "/etc/purchasing/kafka-ca.pem",
    "KAFKA_SSL_CERTFILE": "/etc/purchasing/kafka-client.pem",
    "KAFKA_SSL_KEYFILE": "/etc/purchasing/kafka-client.key",
}
"""Settings that manifests rely on: ports, and where secrets are mounted."""

OF_MANIFESTS = {"PROCESSES", "CONSOLE_HOST", "CONSOLE_PORT"}
"""Settings that are written in the manifests themselves."""

OF_SECRETS = {"KAFKA_SASL_USERNAME", "KAFKA_SASL_OAUTH_CLIENT_ID"}
"""Beside those that are secret by their type."""


def settings_of(kind: type[Settings | ConsoleSettings]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The settings that values may have: no secrets, and nothing that a manifest says itself."""
    for field, info in sorted(kind.model_fields.items()):
        name = field.upper()
        if "SecretStr" not in str(info.annotation) and name not in OF_MANIFESTS | OF_SECRETS:
            yield PREFIX + name, {"type": "string"} | ({"const": FIXED[name]} if name in FIXED else {})


def main() -> None:
    """Write all of it."""
    for path, content in files().items():
        path.write_text(content)


if __name__ == "__main__":
    main()
