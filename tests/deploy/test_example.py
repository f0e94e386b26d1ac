"""The installation with Strimzi and CloudNativePG: of the operators' types, and what this service needs of both."""

import re
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError

from tests.deploy import chart, test_chart
from tests.deploy.test_kubernetes import DEPLOY, SCHEMAS, VERSIONS, check

EXAMPLE = DEPLOY / "example"
README = (EXAMPLE / "README.md").read_text()
ROLES = DEPLOY.parent / "service" / "store" / "roles.sql"


FILES = ("kafka.yaml", "users.yaml", "postgresql.yaml")


def made() -> list[dict[str, Any]]:
    """The resources of all files."""
    return [one for name in FILES for one in yaml.safe_load_all((EXAMPLE / name).read_text())]


RESOURCES = {one["kind"]: one for one in made()}
USERS = {one["metadata"]["name"]: one["spec"] for one in made() if one["kind"] == "KafkaUser"}
VALUES = yaml.safe_load((EXAMPLE / "values.yaml").read_text())


def test_every_resource_is_of_its_operators_type():
    for resource in made():
        assert (SCHEMAS / f"{resource['apiVersion'].replace('/', '-')}-{resource['kind']}.json").exists()
        check(resource, VERSIONS[-1])


def test_kafkas_users_are_those_of_the_pods_and_the_consoles_only_reads():
    cluster = RESOURCES["Kafka"]["metadata"]["name"]
    named = re.findall(r"--from-literal=kafka-username=(\S+)", README)
    assert sorted(named) == sorted(USERS)
    assert {one["metadata"]["labels"]["strimzi.io/cluster"] for one in made() if one["kind"] == "KafkaUser"} == {
        cluster
    }
    console = USERS["purchasing-console"]["authorization"]["acls"]
    assert {right for one in console for right in one["operations"]} == {"Read", "Describe", "DescribeConfigs"}
    # `topics render` gives the service's user its rights; two files would undo each other.
    assert "authorization" not in USERS["purchasing"]


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("Kafka", ("kafka", "listener"), []),
        ("Kafka", ("kafka", "authorization"), {"type": "simpel"}),
        ("KafkaNodePool", ("storage", "type"), "disk"),
        ("Cluster", ("postgresql", "synchronous", "dataDurability"), "sometimes"),
        ("Cluster", ("managed", "role"), []),
        ("ScheduledBackup", ("method",), "by hand"),
        ("ObjectStore", ("retentionPolicy",), "35 days"),
    ],
)
def test_a_slip_in_a_resource_is_noticed(kind, path, wrong):
    (resource,) = [one for one in made() if one["kind"] == kind]
    at = resource["spec"]
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = wrong
    with pytest.raises(ValidationError):
        check(resource, VERSIONS[-1])


def test_the_database_has_the_roles_of_migrate_and_each_user_has_its_own():
    cluster = RESOURCES["Cluster"]["spec"]
    (named,) = re.findall(r"array\[([^]]*)\]", ROLES.read_text())
    there = [
        one.removeprefix("create role ").removesuffix(" nologin")
        for one in cluster["bootstrap"]["initdb"]["postInitSQL"]
    ]
    assert there == re.findall(r"'(\w+)'", named)
    users = {one["name"]: set(one["inRoles"]) for one in cluster["managed"]["roles"]}
    assert set().union(*users.values()) <= set(there)
    assert [name for name, roles in users.items() if "purchasing_service" in roles] == ["purchasing_1"]
    secrets = {one["passwordSecret"]["name"] for one in cluster["managed"]["roles"]} | {
        cluster["bootstrap"]["initdb"]["secret"]["name"]
    }
    (asked,) = re.findall(r"for user in (.*); do", README)
    assert {name.replace("_", "-") for name in asked.split()} == secrets


def test_backups_are_kept_longer_than_topics_keep_messages():
    assert int(RESOURCES["ObjectStore"]["spec"]["retentionPolicy"].removesuffix("d")) > 30
    name = RESOURCES["ObjectStore"]["metadata"]["name"]
    assert RESOURCES["Cluster"]["spec"]["plugins"][0]["parameters"] == {"barmanObjectName": name}
    assert RESOURCES["ScheduledBackup"]["spec"]["cluster"]["name"] == RESOURCES["Cluster"]["metadata"]["name"]


def test_the_values_lead_to_this_broker_and_the_policies_let_pods_out_to_both():
    defaults = yaml.safe_load((chart.CHART / "values.yaml").read_text())
    kafka, cluster = RESOURCES["Kafka"], RESOURCES["Cluster"]
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    where = f"{kafka['metadata']['name']}-kafka-bootstrap.{kafka['metadata']['namespace']}.svc:{listener['port']}"
    assert VALUES["settings"]["PURCHASING_KAFKA_BOOTSTRAP_SERVERS"] == where
    assert listener["authentication"]["type"].upper() == defaults["settings"]["PURCHASING_KAFKA_SASL_MECHANISM"]
    network = defaults["network"]
    assert network["kafka"] == {"namespace": kafka["metadata"]["namespace"], "port": listener["port"]}
    assert network["postgresql"] == {"namespace": cluster["metadata"]["namespace"], "port": 5432}
    assert (
        f"{cluster['metadata']['name']}-rw.{cluster['metadata']['namespace']}.svc:5432/{cluster['spec']['bootstrap']['initdb']['database']}?"
        in README
    )


def test_the_chart_takes_the_values_and_its_secrets_are_those_that_are_created():
    rendered = test_chart.objects(VALUES)
    if rendered is None:
        return
    for one in rendered:
        check(one, VERSIONS[-1])
    asked = {(secret, key) for _, pod in test_chart.pods(rendered) for secret, key in needed(pod)}
    created = {}
    for words in re.findall(r"--namespace purchasing create secret generic (.*)", README.replace("\\\n", " ")):
        created[words.split()[0]] = {
            one.partition("=")[0] for one in re.findall(r"--from-(?:literal|file)=(\S+)", words)
        }
    assert {secret for secret, _ in asked} == created.keys()
    assert [one for one in asked if one[1] not in created[one[0]]] == []


def needed(pod: dict[str, Any]) -> set[tuple[str, str]]:
    """The secrets' keys without which the pod does not start."""
    (container,) = pod["containers"]
    found = {
        (one["valueFrom"]["secretKeyRef"]["name"], one["valueFrom"]["secretKeyRef"]["key"])
        for one in container["env"]
        if "valueFrom" in one and not one["valueFrom"]["secretKeyRef"].get("optional")
    }
    for volume in pod["volumes"]:
        sources = [one["secret"] for one in volume.get("projected", {}).get("sources", [])]
        sources += [volume["secret"] | {"name": volume["secret"]["secretName"]}] if "secret" in volume else []
        found |= {(one["name"], item["key"]) for one in sources if not one.get("optional") for item in one["items"]}
    return found
