"""Register the schemas of all messages, or of some, at a schema registry: Confluent's API, which Karapace and Apicurio
(https://HOST/apis/ccompat/v7) speak, too.

A topic carries several types, so each has a subject of its own, TOPIC-TYPE: clients find it with Confluent's
TopicRecordNameStrategy, because a schema's title is the type. `--by-topic` adds a subject TOPIC-value for clients that
know only the topic; its schema is one of the topic's messages, by reference.

A schema that its subject has already is left as it is, so the command may be run at every release. It sets the level
of compatibility to NONE: our own tests compare each release with all before it, by what README.md promises under
"Versions". A registry's own comparison refuses what we promise to do, such as adding an optional member.

  purchasing-contracts register --url https://registry.example --dry-run
  purchasing-contracts register tip_paid --url https://registry.example/apis/ccompat/v7

The environment says who we are: PURCHASING_REGISTRY_USERNAME and _PASSWORD, or PURCHASING_REGISTRY_TOKEN (a bearer
token). PURCHASING_REGISTRY_CAFILE is the registry's authority, if the system does not know it.

Exit code: 0 all is registered; 1 the registry refuses some schema; 2 the registry can't be used.
"""

import argparse
import json
import os
import sys
from typing import Any, get_args

from pydantic import ValidationError

from purchasing_contracts.cli.common import FINE, WRONG, CommandError, add_documented, count, type_named
from purchasing_contracts.environment import SettingsError, from_environment, sentences
from purchasing_contracts.registry import (
    Compatibility,
    RefusedError,
    Registered,
    Registry,
    RegistryError,
    RegistrySettings,
    Subject,
    subjects,
)

KEEP = "keep"


def add(commands: Any) -> None:
    """Declare the command."""
    parser = add_documented(commands, "register", "register the schemas at a schema registry", __doc__)
    parser.add_argument("types", nargs="*", metavar="TYPE", help="only of these messages, such as tip_paid")
    parser.add_argument("--url", required=True, help="where the registry's API is")
    parser.add_argument("--by-topic", action="store_true", help="also a subject per topic, TOPIC-value")
    parser.add_argument(
        "--compatibility",
        choices=(*get_args(Compatibility), KEEP),
        default="NONE",
        help=f"the level of each subject; {KEEP}: leave it as it is; default: NONE",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be registered; change nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object a subject, the last one the summary")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Register; return the exit code."""
    types = frozenset(type_named(name) for name in given.types) or None
    if types is not None and given.by_topic:
        raise CommandError("--by-topic needs all types of a topic: name no TYPE")
    level = None if given.compatibility == KEEP else given.compatibility
    counted: dict[str, int] = {}
    try:
        registry = Registry(given.url, _settings())
        for subject in subjects(types, by_topic=given.by_topic):
            try:
                found = _noted(registry.register(subject, level, dry_run=given.dry_run))
            except RefusedError as refused:
                found = _refused(subject, refused)
            counted[found["verdict"]] = counted.get(found["verdict"], 0) + 1
            sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n" if given.json else _in_words(found))
    except (RegistryError, SettingsError) as error:
        raise CommandError(str(error)) from None
    if given.json:
        sys.stdout.write(json.dumps({"verdict": "summary", "subjects": sum(counted.values()), **counted}) + "\n")
    else:
        parts = ", ".join(f"{number} {WORDS[verdict]}" for verdict, number in sorted(counted.items()))
        sys.stdout.write(f"{count(sum(counted.values()), 'subject')}: {parts}\n")
    return WRONG if counted.get("refused") else FINE


WORDS = {
    "registered": "registered",
    "unchanged": "unchanged",
    "would_register": "to be registered",
    "refused": "refused",
}


def _settings() -> RegistrySettings:
    try:
        return RegistrySettings.model_validate(from_environment(RegistrySettings, os.environ))
    except ValidationError as error:
        raise CommandError("; ".join(sentences(RegistrySettings, error))) from None


def _noted(one: Registered) -> dict[str, Any]:
    return {"verdict": one.result, "subject": one.subject.name, "id": one.id, "version": one.version}


def _refused(subject: Subject, error: RefusedError) -> dict[str, Any]:
    return {"verdict": "refused", "subject": subject.name, "because": str(error)}


def _in_words(found: dict[str, Any]) -> str:
    words = f"{WORDS[found['verdict']]}: {found['subject']}"
    if found["verdict"] == "refused":
        return f"{words}: {found['because']}\n"
    return f"{words}\n" if found["id"] is None else f"{words}, id {found['id']}, version {found['version']}\n"
