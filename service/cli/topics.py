"""Create the topics, or compare them with what the contracts' registry says.

    topics create   creates what is missing; changes nothing that is there
    topics check    says, a line each, what is missing or set up otherwise; exit code 1 if anything is

The relay's cursor topic gets a partition for each lane of the database, so both ask the database too.
"""

import argparse
import asyncio
import sys

from aiokafka.errors import KafkaError

from service.failures import describe
from service.ops.reach import UnreachableError, broker_problem, database_problem
from service.settings import Settings, load
from service.store.postgres import PostgresStore
from service.topics import create_topics, topic_problems


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `topics`."""
    parser.add_argument("what", choices=("create", "check"))


def run(arguments: argparse.Namespace) -> int:
    """Create or compare. Raises SettingsError, UnreachableError, SchemaError, TopicsError."""
    return asyncio.run(_run(load(), arguments.what))


async def _run(settings: Settings, what: str) -> int:
    kafka = settings.kafka()
    lanes = await _lanes(settings.database())
    if reason := await broker_problem(kafka):
        raise UnreachableError(f"Kafka can't be reached: {reason}.")
    try:
        if what == "create":
            created = await create_topics(kafka, lanes)
            sys.stderr.write("".join(f"Created {name}\n" for name in created) or "All topics are there.\n")
            return 0
        problems = await topic_problems(kafka, lanes)
    except KafkaError as error:
        raise UnreachableError(f"Kafka doesn't answer as it should: {describe(error)}.") from None
    sys.stdout.write("".join(f"{problem}\n" for problem in problems))
    if not problems:
        sys.stderr.write("All topics are as the registry says.\n")
    return 1 if problems else 0


async def _lanes(url: str) -> int:
    if reason := await database_problem(url):
        raise UnreachableError(f"PostgreSQL can't be reached: {reason}.")
    store = await PostgresStore.open(url, connections=1)
    await store.close()
    return store.installation.lanes
