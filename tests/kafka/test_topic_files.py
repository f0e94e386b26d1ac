"""Topics and ACLs as files: each tool would make of them the same as `topics create` and `topics acls`."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import hcl2
import jsonschema
import pytest
import yaml
from purchasing_contracts.topics import OUTBOX, TOPICS

from service.kafka.acls import acls
from service.kafka.topic_files import (
    AUTHENTICATIONS,
    FORMS,
    TopicFilesError,
    TopicPlan,
    kafka_topics,
    strimzi,
    terraform,
)

SCHEMAS = Path(__file__).parents[1] / "deploy" / "schemas"
OUTBOX_ID = "6f1c0a2e-8d4b-4b7e-9c55-0d6a3f1e2b90"
PLAN = TopicPlan(8, acls("purchasing", OUTBOX_ID), "purchasing")

Topics = dict[str, tuple[int, int, dict[str, str]]]
Rights = set[tuple[str, str, bool, str]]


def registered(replicas: int = 3, in_sync: int = 2) -> Topics:
    """By name, the partitions, replicas and settings of each topic, from the registry by hand."""
    return {
        topic.name: (
            8 if topic is OUTBOX else topic.partitions,
            replicas,
            {**topic.settings, "min.insync.replicas": str(in_sync)},
        )
        for topic in TOPICS
    }


def needed() -> Rights:
    """Kind, name, whether it is a prefix, and operation of each right, as Kafka writes operations in its API."""
    return {(one.kind, one.name, one.prefixed, operation) for one in PLAN.acls for operation in one.operations}


def shouted(operation: str) -> str:
    """DESCRIBE_CONFIGS for DescribeConfigs."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()


# Strimzi


def resources(plan: TopicPlan) -> list[dict[str, Any]]:
    found = list(yaml.safe_load_all("\n".join(strimzi(plan))))
    for one in found:
        schema = json.loads((SCHEMAS / f"{one['apiVersion'].replace('/', '-')}-{one['kind']}.json").read_text())
        jsonschema.Draft7Validator(schema).validate(one)
    return found


def topics_of_strimzi(plan: TopicPlan) -> Topics:
    *topics, _ = resources(plan)
    assert {one["kind"] for one in topics} == {"KafkaTopic"}
    return {
        one["metadata"]["name"]: (
            one["spec"]["partitions"],
            one["spec"]["replicas"],
            {name: str(value) for name, value in one["spec"]["config"].items()},
        )
        for one in topics
    }


def test_strimzi_gets_a_user_with_the_rights_of_the_list() -> None:
    user = resources(PLAN)[-1]
    spec = user["spec"]
    kinds = {"topic": "TOPIC", "group": "GROUP", "transactionalId": "TRANSACTIONAL_ID"}

    assert (user["kind"], user["metadata"]["name"]) == ("KafkaUser", "purchasing")
    assert spec["authentication"] == {"type": "scram-sha-512"}
    assert {
        (
            kinds[one["resource"]["type"]],
            one["resource"]["name"],
            one["resource"]["patternType"] == "prefix",
            shouted(op),
        )
        for one in spec["authorization"]["acls"]
        for op in one["operations"]
    } == needed()


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
def test_strimzi_takes_each_way_of_authentication(authentication: str) -> None:
    plan = TopicPlan(1, PLAN.acls, "a.user", cluster="my-kafka", authentication=authentication)
    found = resources(plan)

    assert found[-1]["spec"].get("authentication") == (None if authentication == "none" else {"type": authentication})
    assert {one["metadata"]["labels"]["strimzi.io/cluster"] for one in found} == {"my-kafka"}


@pytest.mark.parametrize(("user", "cluster"), [("CN=purchasing", "kafka"), ("purchasing", "My Kafka"), ("", "kafka")])
def test_strimzi_refuses_a_name_that_kubernetes_has_not(user: str, cluster: str) -> None:
    with pytest.raises(TopicFilesError, match="can't be the name of a"):
        list(strimzi(TopicPlan(1, PLAN.acls, user, cluster=cluster)))


# Terraform

OF_THE_PROVIDER = {
    "kafka_topic": {"name", "partitions", "replication_factor", "config"},
    "kafka_acl": {
        "resource_name",
        "resource_type",
        "resource_pattern_type_filter",
        "acl_principal",
        "acl_host",
        "acl_operation",
        "acl_permission_type",
    },
}
"""The arguments that Mongey/kafka has for its resources."""


def declared(plan: TopicPlan, kind: str) -> list[dict[str, Any]]:
    """The resources of a kind, with strings as they are. Fails if two have one name."""
    parsed = unquoted(hcl2.loads("\n".join(terraform(plan)) + "\n"))
    found = [(name, body) for one in parsed["resource"] if kind in one for name, body in one[kind].items()]
    assert len({name for name, _ in found}) == len(found)
    for _, body in found:
        body.pop("__is_block__", None)
        assert set(body) == OF_THE_PROVIDER[kind]
    return [body for _, body in found]


def unquoted(value: Any) -> Any:
    """A value of the parser, which leaves the quotes around strings."""
    if isinstance(value, dict):
        return {unquoted(name): unquoted(inner) for name, inner in value.items() if name != "__comments__"}
    if isinstance(value, list):
        return [unquoted(one) for one in value]
    return json.loads(value) if isinstance(value, str) and value.startswith('"') else value


def topics_of_terraform(plan: TopicPlan) -> Topics:
    return {
        one["name"]: (one["partitions"], one["replication_factor"], one["config"])
        for one in declared(plan, "kafka_topic")
    }


def test_terraform_gets_each_right_of_the_list_for_the_user() -> None:
    kinds = {"Topic": "TOPIC", "Group": "GROUP", "TransactionalID": "TRANSACTIONAL_ID"}
    found = declared(TopicPlan(8, PLAN.acls, "CN=purchasing,O=x"), "kafka_acl")

    assert {
        (
            kinds[one["resource_type"]],
            one["resource_name"],
            one["resource_pattern_type_filter"] == "Prefixed",
            shouted(one["acl_operation"]),
        )
        for one in found
    } == needed()
    assert {(one["acl_principal"], one["acl_host"], one["acl_permission_type"]) for one in found} == {
        ("User:CN=purchasing,O=x", "*", "Allow")
    }


def test_nothing_in_a_name_is_a_template_of_terraform() -> None:
    (principal,) = {one["acl_principal"] for one in declared(TopicPlan(1, PLAN.acls, "${x}%{y}"), "kafka_acl")}
    assert principal == "User:$${x}%%{y}"


# Kafka's own tools


def calls(plan: TopicPlan) -> list[list[str]]:
    """The words of each call of a tool, without where the broker is."""
    lines = [shlex.split(line) for line in kafka_topics(plan) if line.startswith('"$KAFKA_')]
    assert all(words[1] == "$@" for words in lines)
    return [[words[0], *words[2:]] for words in lines]


def topics_of_kafkas_tools(plan: TopicPlan) -> Topics:
    found: Topics = {}
    for tool, *words in calls(plan):
        if tool == "$KAFKA_TOPICS":
            assert words[:2] == ["--create", "--if-not-exists"]
            given = list(zip(words[2::2], words[3::2], strict=True))
            plain = dict(given)
            configs = dict(value.split("=", 1) for name, value in given if name == "--config")
            found[plain["--topic"]] = int(plain["--partitions"]), int(plain["--replication-factor"]), configs
    return found


def test_kafkas_own_tools_get_each_right_of_the_list_for_the_user() -> None:
    kinds = {"--topic": "TOPIC", "--group": "GROUP", "--transactional-id": "TRANSACTIONAL_ID"}
    found: Rights = set()
    for tool, *words in calls(TopicPlan(8, PLAN.acls, "a b")):
        if tool == "$KAFKA_ACLS":
            assert words[:3] == ["--add", "--allow-principal", "User:a b"]
            given = list(zip(words[3::2], words[4::2], strict=True))
            plain = dict(given)
            (kind,) = kinds.keys() & plain.keys()
            prefixed = plain["--resource-pattern-type"] == "prefixed"
            found |= {
                (kinds[kind], plain[kind], prefixed, shouted(operation))
                for name, operation in given
                if name == "--operation"
            }
    assert found == needed()


# Each form

TOPICS_OF = {"strimzi": topics_of_strimzi, "terraform": topics_of_terraform, "kafka-topics": topics_of_kafkas_tools}


@pytest.mark.parametrize("form", FORMS)
def test_a_form_has_each_topic_as_the_registry_has_it(form: str) -> None:
    assert TOPICS_OF[form](PLAN) == registered()


@pytest.mark.parametrize("form", FORMS)
def test_a_form_has_the_installations_own_number_of_replicas(form: str) -> None:
    plan = TopicPlan(8, PLAN.acls, "purchasing", replicas=1)
    assert TOPICS_OF[form](plan) == registered(replicas=1, in_sync=1)
