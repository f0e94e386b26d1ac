"""Create the topics, or compare them to the contracts' registry.

    topics create   create missing topics; existing topics stay as they are
    topics check    print each difference, one per line; exit code 1 if there is one
    topics acls     print the ACLs that the service's Kafka user needs, one per line; needs only the database

The relay's cursor topic needs one partition per lane, so all three ask the database for the number of lanes.
"""

import argparse
import asyncio
import sys

from aiokafka.errors import KafkaError

from service.kafka import compat
from service.kafka.acls import acls
from service.kafka.connection import connection_of
from service.kafka.topics import create_topics, topic_problems
from service.observability.reachability import UnreachableError, broker_problem, database_problem
from service.runtime.errors import describe
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import Settings, load
from service.store.postgres import PostgresStore
from service.store.rows import Installation

EXAMPLES = (
    ("Create the topics that are missing", "topics create"),
    ("Compare them to the registry", "topics check"),
    ("List what the Kafka user must be allowed", "topics acls"),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `topics`."""
    parser.add_argument("what", choices=("create", "check", "acls"))


def run(arguments: argparse.Namespace) -> int:
    """Create or compare. Raises SettingsError, UnreachableError, SchemaError, TopicsError."""
    return asyncio.run(_run(load(), arguments.what))


async def _run(settings: Settings, what: str) -> int:
    compat.install()
    kafka = connection_of(settings)
    installation = await _installation(settings.database())
    lanes = installation.lanes
    if what == "acls":
        needed = acls(settings.consumer_group, str(installation.outbox_id))
        sys.stdout.write("".join(f"{right}\n" for right in needed))
        return ExitCode.DONE
    if reason := await broker_problem(kafka):
        raise UnreachableError(f"Kafka can't be reached: {reason}.")
    try:
        if what == "create":
            created = await create_topics(kafka, lanes, replicas=settings.topic_replicas)
            sys.stderr.write("".join(f"Created {name}\n" for name in created) or "All topics exist.\n")
            return ExitCode.DONE
        problems = await topic_problems(kafka, lanes, replicas=settings.topic_replicas)
    except KafkaError as error:
        raise UnreachableError(f"Kafka gave no usable answer: {describe(error)}.") from None
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    if not problems:
        sys.stderr.write("All topics match the registry.\n")
    return ExitCode.NOT_DONE if problems else ExitCode.DONE


async def _installation(url: str) -> Installation:
    if reason := await database_problem(url):
        raise UnreachableError(f"PostgreSQL can't be reached: {reason}.")
    store = await PostgresStore.open(url, connections=1)
    await store.close()
    return store.installation
