"""The topics, and the ACLs of the service's user, as files for tools that own them.

Three forms: resources of Strimzi's operator (YAML), of Terraform's provider Mongey/kafka (HCL), and a script that runs
Kafka's own tools. Each has the topics as `topics create` makes them, and the rights that `topics acls` lists.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from purchasing_contracts.topics import TOPICS, Topic

from service.kafka.topics import partitions_of, replicas_of, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from service.kafka.acls import Acl

NAME_OF_A_RESOURCE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""Names that Kubernetes takes."""
AUTHENTICATIONS = ("scram-sha-512", "tls", "tls-external", "none")
"""The ways in which Strimzi's user operator lets a user in; `none` where another party does, by OAuth for instance."""

_BROKERS = 3
"""As many as the registry's number of replicas is for. No broker is asked."""


class TopicFilesError(Exception):
    """A name that the form can't have. The text is for the person who gave it."""


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """Everything that files are made of."""

    lanes: int
    acls: tuple[Acl, ...]
    user: str
    replicas: int | None = None
    """The installation's own number; None: the registry's."""
    cluster: str = "kafka"
    """The name of Strimzi's `Kafka` resource."""
    authentication: str = AUTHENTICATIONS[0]

    def topics(self) -> Iterator[tuple[Topic, int, int, Mapping[str, str]]]:
        """Yield each topic with its partitions, replicas and settings."""
        for topic in TOPICS:
            replicas = replicas_of(topic, _BROKERS, self.replicas)
            yield topic, partitions_of(topic, self.lanes), replicas, settings_of(topic, replicas)


def strimzi(plan: TopicPlan) -> Iterator[str]:
    """Yield the lines of KafkaTopic and KafkaUser resources, API version v1. Raises TopicFilesError."""
    for name, what in ((plan.user, "user"), (plan.cluster, "cluster")):
        if NAME_OF_A_RESOURCE.fullmatch(name) is None:
            raise TopicFilesError(f"{name} can't be the name of a {what} in Strimzi: small letters, digits, - and .")
    for topic, partitions, replicas, settings in plan.topics():
        yield from _resource("KafkaTopic", topic.name, plan.cluster)
        yield f"  partitions: {partitions}"
        yield f"  replicas: {replicas}"
        yield "  config:"
        yield from (f"    {name}: {_scalar(value)}" for name, value in settings.items())
    yield from _resource("KafkaUser", plan.user, plan.cluster)
    if plan.authentication != "none":
        yield from ("  authentication:", f"    type: {plan.authentication}")
    yield from ("  authorization:", "    type: simple", "    acls:")
    for acl in plan.acls:
        kind = {"TOPIC": "topic", "GROUP": "group", "TRANSACTIONAL_ID": "transactionalId"}[acl.kind]
        yield f"      # {acl.why}"
        yield "      - resource:"
        yield f"          type: {kind}"
        yield f"          name: {_scalar(acl.name)}"
        yield f"          patternType: {'prefix' if acl.prefixed else 'literal'}"
        yield f"        operations: [{', '.join(map(_title, acl.operations))}]"


def terraform(plan: TopicPlan) -> Iterator[str]:
    """Yield the lines of resources of the provider Mongey/kafka."""
    yield from ("terraform {", "  required_providers {", "    kafka = {", '      source = "Mongey/kafka"')
    yield from ("    }", "  }", "}")
    for topic, partitions, replicas, settings in plan.topics():
        yield ""
        yield f'resource "kafka_topic" {_label(topic.name)} {{'
        yield f"  name               = {_hcl(topic.name)}"
        yield f"  partitions         = {partitions}"
        yield f"  replication_factor = {replicas}"
        yield "  config = {"
        yield from (f"    {_hcl(name)} = {_hcl(value)}" for name, value in settings.items())
        yield from ("  }", "}")
    for acl in plan.acls:
        kind = {"TOPIC": "Topic", "GROUP": "Group", "TRANSACTIONAL_ID": "TransactionalID"}[acl.kind]
        for operation in map(_title, acl.operations):
            yield ""
            yield f"# {acl.why}"
            yield f'resource "kafka_acl" {_label(f"{kind}_{acl.name}_{operation}")} {{'
            yield f"  resource_name                = {_hcl(acl.name)}"
            yield f'  resource_type                = "{kind}"'
            yield f'  resource_pattern_type_filter = "{"Prefixed" if acl.prefixed else "Literal"}"'
            yield f"  acl_principal                = {_hcl(f'User:{plan.user}')}"
            yield '  acl_host                     = "*"'
            yield f'  acl_operation                = "{operation}"'
            yield '  acl_permission_type          = "Allow"'
            yield "}"


def kafka_topics(plan: TopicPlan) -> Iterator[str]:
    """Yield the lines of a shell script that runs kafka-topics.sh and kafka-acls.sh. It may be run again."""
    yield from (
        "#!/bin/sh",
        "# Needs Kafka's own tools, and client.properties with what the brokers ask of an administrator.",
        "set -eu",
        ': "${KAFKA_TOPICS:=kafka-topics.sh}" "${KAFKA_ACLS:=kafka-acls.sh}"',
        'set -- --bootstrap-server "$PURCHASING_KAFKA_BOOTSTRAP_SERVERS" --command-config client.properties',
        "",
    )
    for topic, partitions, replicas, settings in plan.topics():
        configs = " ".join(f"--config {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
        yield (
            f'"$KAFKA_TOPICS" "$@" --create --if-not-exists --topic {topic.name}'
            f" --partitions {partitions} --replication-factor {replicas} {configs}"
        )
    kinds = {"TOPIC": "--topic", "GROUP": "--group", "TRANSACTIONAL_ID": "--transactional-id"}
    for acl in plan.acls:
        pattern = "prefixed" if acl.prefixed else "literal"
        operations = " ".join(f"--operation {_title(operation)}" for operation in acl.operations)
        yield ""
        yield f"# {acl.why}"
        yield (
            f'"$KAFKA_ACLS" "$@" --add --allow-principal {shlex.quote(f"User:{plan.user}")} {operations}'
            f" {kinds[acl.kind]} {shlex.quote(acl.name)} --resource-pattern-type {pattern}"
        )


FORMS: Mapping[str, Callable[[TopicPlan], Iterator[str]]] = MappingProxyType(
    {"strimzi": strimzi, "terraform": terraform, "kafka-topics": kafka_topics}
)


def _resource(kind: str, name: str, cluster: str) -> Iterator[str]:
    yield from ("---", "apiVersion: kafka.strimzi.io/v1", f"kind: {kind}", "metadata:", f"  name: {name}")
    yield from ("  labels:", f"    strimzi.io/cluster: {cluster}", "spec:")


def _scalar(text: str) -> str:
    """Return a value of YAML: a number as it is, a text in quotes."""
    return text if text.isdecimal() else json.dumps(text)


def _hcl(text: str) -> str:
    """Return a string of HCL, in which nothing is a template."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _label(text: str) -> str:
    return f'"{re.sub("[^a-z0-9]+", "_", text.lower()).strip("_")}"'


def _title(operation: str) -> str:
    """Return Kafka's own spelling: DescribeConfigs for DESCRIBE_CONFIGS."""
    return "".join(word.capitalize() for word in operation.split("_"))
