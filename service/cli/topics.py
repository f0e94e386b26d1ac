"""Create the topics, compare them to the contracts' registry, or write them for the tool that owns them.

    topics create              create missing topics; existing topics stay as they are
    topics check               print each difference, one per line; exit code 1 if there is one
    topics acls                print the ACLs that the service's Kafka user needs, one per line
    topics render --as FORM    print topics and ACLs as resources of Strimzi's operator, for Terraform's provider
                               Mongey/kafka, or as a script for Kafka's own tools

The relay's cursor topic has one partition per lane, and some ACLs name the outbox id, so all four ask the database.
`acls` and `render` need no broker; `render` needs no database either where --lanes and --outbox-id say what it would.
"""

import argparse
import asyncio
import sys
from uuid import UUID

from aiokafka.errors import KafkaError

from service.kafka import compat
from service.kafka.acls import acls
from service.kafka.connection import connection_of
from service.kafka.topic_files import AUTHENTICATIONS, FORMS, TopicPlan
from service.kafka.topics import create_topics, topic_problems
from service.observability.reachability import UnreachableError, broker_problem, database_problem
from service.runtime.errors import describe
from service.runtime.exit_codes import ExitCode
from service.runtime.settings import Settings, database_of_environment, group_and_replicas_of_environment, load
from service.store.migrate import LANES_MAX
from service.store.postgres import PostgresStore
from service.store.rows import Installation

EXAMPLES = (
    ("Create the topics that are missing", "topics create"),
    ("Compare them to the registry", "topics check"),
    ("List what the Kafka user must be allowed", "topics acls"),
    ("Write both for Strimzi's operator", "topics render --as strimzi --cluster my-kafka > topics.yaml"),
    ("Write both for Terraform", "topics render --as terraform --user purchasing > topics.tf"),
    (
        "Write a script for Kafka's own tools, without a database",
        "topics render --as kafka-topics --lanes 1 --outbox-id 6f1c0a2e-8d4b-4b7e-9c55-0d6a3f1e2b90",
    ),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `topics`."""
    below = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    below.add_parser("create", help="create missing topics")
    below.add_parser("check", help="compare the topics to the registry")
    below.add_parser("acls", help="list the ACLs that the service's Kafka user needs")
    rendering = below.add_parser("render", help="print topics and ACLs for the tool that owns them")
    rendering.add_argument("--as", dest="form", choices=FORMS, required=True, help="the tool")
    rendering.add_argument(
        "--user", metavar="NAME", default="purchasing", help="the service's Kafka user; default: purchasing"
    )
    rendering.add_argument(
        "--cluster", metavar="NAME", default="kafka", help="Strimzi: the Kafka resource's name; default: kafka"
    )
    rendering.add_argument(
        "--authentication",
        choices=AUTHENTICATIONS,
        default=AUTHENTICATIONS[0],
        help=f"Strimzi: how the user authenticates; default: {AUTHENTICATIONS[0]}",
    )
    rendering.add_argument(
        "--lanes",
        type=int,
        choices=[number for number in range(1, LANES_MAX + 1) if number & (number - 1) == 0],
        metavar="N",
        help="the number of lanes; default: the database's",
    )
    rendering.add_argument("--outbox-id", type=UUID, metavar="ID", help="the outbox id; default: the database's")


def run(arguments: argparse.Namespace) -> int:
    """Create, compare or print. Raises SettingsError, UnreachableError, SchemaError, TopicsError, TopicFilesError."""
    if arguments.what in ("acls", "render"):
        return asyncio.run(_print(arguments))
    return asyncio.run(_run(load(), arguments.what))


async def _print(arguments: argparse.Namespace) -> int:
    group, replicas = group_and_replicas_of_environment()
    lanes, outbox_id = getattr(arguments, "lanes", None), getattr(arguments, "outbox_id", None)
    if lanes is None or outbox_id is None:
        installation = await _installation(database_of_environment())
        lanes, outbox_id = lanes or installation.lanes, outbox_id or installation.outbox_id
    needed = acls(group, str(outbox_id))
    if arguments.what == "acls":
        sys.stdout.write("".join(f"{right}\n" for right in needed))
        return ExitCode.DONE
    plan = TopicPlan(lanes, needed, arguments.user, replicas, arguments.cluster, arguments.authentication)
    sys.stdout.write("".join(f"{line}\n" for line in FORMS[arguments.form](plan)))
    return ExitCode.DONE


async def _run(settings: Settings, what: str) -> int:
    compat.install()
    kafka = connection_of(settings)
    lanes = (await _installation(settings.database())).lanes
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
