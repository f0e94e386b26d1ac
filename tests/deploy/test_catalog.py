"""catalog-info.yaml: as Backstage's catalog has it, whole, and about things that are there."""

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml
from referencing import Registry
from referencing.jsonschema import DRAFT7

from deploy.website.site import build
from tests.deploy.test_alerts import DEPLOY
from tests.deploy.test_kubernetes import rendered

ROOT = DEPLOY.parent
SCHEMAS = {
    one["$id"]: one for one in json.loads((Path(__file__).parent / "schemas/backstage.io-v1alpha1.json").read_text())
}
REGISTRY = Registry().with_resources([(name, DRAFT7.create_resource(schema)) for name, schema in SCHEMAS.items()])
REFERENCES = ("system", "providesApis", "consumesApis", "dependsOn")


def entities():
    return list(yaml.safe_load_all((ROOT / "catalog-info.yaml").read_text()))


def validator(kind):
    return jsonschema.Draft7Validator(SCHEMAS[f"{'Api' if kind == 'API' else kind}V1alpha1"], registry=REGISTRY)


ENTITIES = {one["metadata"]["name"]: one for one in entities()}


@pytest.mark.parametrize("name", ENTITIES)
def test_an_entity_is_as_backstage_has_its_kind(name):
    entity = ENTITIES[name]
    # In the file a definition may be elsewhere: Backstage puts it in.
    if "definition" in entity["spec"]:
        entity = entity | {"spec": entity["spec"] | {"definition": "…"}}
    validator(entity["kind"]).validate(entity)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]", name)


@pytest.mark.parametrize(
    ("kind", "slip"),
    [
        ("System", {"spec": {}}),
        ("API", {"spec": {"type": "asyncapi", "lifecycle": "production", "owner": "group:purchasing"}}),
        ("Component", {"metadata": {"name": ""}}),
        ("Component", {"metadata": {"name": "x", "links": [{"title": "no address"}]}}),
        ("Resource", {"apiVersion": "backstage.io/v9"}),
    ],
)
def test_a_slip_in_the_catalog_is_noticed(kind, slip):
    entity = next(one for one in entities() if one["kind"] == kind) | slip
    assert not validator(kind).is_valid(entity)


def test_entities_refer_to_each_other():
    assert len(ENTITIES) == len(entities())
    for name, entity in ENTITIES.items():
        assert entity["spec"]["owner"] == "group:purchasing"
        named = [entity["spec"].get(member, []) for member in REFERENCES]
        for reference in [one for group in named for one in ([group] if isinstance(group, str) else group)]:
            assert reference.rpartition(":")[2] in ENTITIES, (name, reference)


def test_files_and_pages_that_the_catalog_names_are_there():
    messages, read_api = (
        ENTITIES[name]["spec"]["definition"]["$text"] for name in ("purchasing-messages", "purchasing-read-api")
    )
    assert (ROOT / messages).is_file()
    site = build(ROOT)
    assert json.loads(site[read_api.rpartition("/")[2]])["openapi"].startswith("3.1")
    links = [link["url"] for entity in ENTITIES.values() for link in entity["metadata"].get("links", ())]
    pages = [link.partition("/docs/")[2] for link in links if "/docs/" in link]
    assert len(pages) > 2
    assert set(pages) <= set(site)
    for entity in ENTITIES.values():
        selector = entity["metadata"].get("annotations", {}).get("backstage.io/kubernetes-label-selector", "")
        label, _, value = selector.partition("=")
        assert not selector or f"'{label}': '{value}'" in str(rendered("production"))


def test_packages_of_the_repository_are_in_the_catalog():
    for place in (".", "contracts"):
        assert tomllib.loads((ROOT / place / "pyproject.toml").read_text())["project"]["name"] in ENTITIES
