"""The command line as a person meets it: its output, the stream of each line, and its exit codes."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from purchasing_contracts.topics import TOPICS

from service.cli import names
from tests.delivery.service import Worker
from tests.forkserver import run_text
from tests.waiting import HANG_SECONDS

NOWHERE = "127.0.0.1:9"
SECRET = "hunter2-planted"


def service(*arguments, **variables):
    """Run a command to its end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PURCHASING_")}
    environment |= {"PURCHASING_HTTP_PORT": "0", "PURCHASING_PROCESSES": "1"}
    environment |= {f"PURCHASING_{name}": value for name, value in variables.items()}
    return run_text("service", arguments, environment, HANG_SECONDS)


def one_sentence(done, *parts):
    """It ended with exit code 1, nothing on stdout, and on stderr, below the log if any, one line with these parts."""
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    *log, line = done.stderr.splitlines()
    for logged in log:
        assert json.loads(logged)["level"] in ("warning", "error")
        assert SECRET not in logged
    for part in parts:
        assert part in line
    assert SECRET not in line


def test_help_names_every_command_with_a_line_about_it():
    done = service("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in names():
        assert re.search(rf"\n    {command}\s+[A-Z]", done.stdout), command


@pytest.mark.parametrize("command", names())
def test_every_command_has_help_of_its_own(command):
    """Python is started for each: what a command imports has to be enough without what others import."""
    program = [sys.executable, "-m", "service", command, "--help"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert command in done.stdout


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("run", "--nonsense"), ("topics",), ("topics", "drop")])
def test_a_usage_error_is_exit_code_2(arguments):
    done = service(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: ")


@pytest.mark.parametrize("command", [("run",), ("topics", "create"), ("topics", "check")])
def test_missing_settings_are_named_a_line_each(command):
    done = service(*command)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "PURCHASING_KAFKA_BOOTSTRAP_SERVERS",
        "PURCHASING_DATABASE_URL",
    ]


def test_a_wrong_setting_is_named_and_not_shown():
    url = f"mysql://user:{SECRET}@db/x"
    one_sentence(service("run", KAFKA_BOOTSTRAP_SERVERS=NOWHERE, DATABASE_URL=url), "PURCHASING_DATABASE_URL")
    one_sentence(service("migrate", DATABASE_URL=url), "PURCHASING_DATABASE_URL")


def test_single_commands_report_that_a_server_is_away(postgres_dsn):
    gone = f"postgresql://user:{SECRET}@{NOWHERE}/purchasing"
    one_sentence(service("migrate", DATABASE_URL=gone), "PostgreSQL can't be reached", "Connection refused")
    one_sentence(
        service("topics", "check", KAFKA_BOOTSTRAP_SERVERS=NOWHERE, DATABASE_URL=gone), "PostgreSQL can't be reached"
    )


def test_a_missing_broker_is_reported_with_its_address(database):
    done = service("topics", "create", KAFKA_BOOTSTRAP_SERVERS=NOWHERE, DATABASE_URL=database)
    one_sentence(done, "Kafka can't be reached", NOWHERE, "Connection refused")


def test_a_wrong_password_ends_it_at_once(database):
    wrong = database.replace("postgresql://purchasing:", f"postgresql://purchasing:{SECRET}")
    assert wrong != database
    for command in (("migrate",), ("run",)):
        done = service(*command, KAFKA_BOOTSTRAP_SERVERS=NOWHERE, DATABASE_URL=wrong)
        one_sentence(done, "PURCHASING_DATABASE_URL", "password authentication failed")


def test_a_database_that_does_not_exist_is_reported(postgres_dsn):
    url = postgres_dsn.rpartition("/")[0] + "/nowhere"
    one_sentence(service("migrate", DATABASE_URL=url), 'database "nowhere" does not exist')


def test_migrating_twice_does_nothing_twice(empty_database):
    first, second = (service("migrate", DATABASE_URL=empty_database) for _ in range(2))
    assert (first.returncode, first.stdout) == (0, "")
    assert first.stderr.startswith("Applied: 0001_")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "Nothing to do.\n")


def test_lanes_that_are_no_power_of_two_are_refused(empty_database):
    one_sentence(service("migrate", "--lanes", "3", DATABASE_URL=empty_database), "power of two")


def test_an_old_schema_ends_the_service_with_what_to_do(empty_database):
    done = service("run", KAFKA_BOOTSTRAP_SERVERS=NOWHERE, DATABASE_URL=empty_database)
    one_sentence(done, "no tables of this service yet", "python -m service migrate")


@pytest.fixture
async def bare_kafka(fresh_kafka):
    """A broker without the service's topics."""
    admin = AIOKafkaAdminClient(bootstrap_servers=fresh_kafka.bootstrap_servers)
    await admin.start()
    await admin.delete_topics([topic.name for topic in TOPICS])
    while set(await admin.list_topics()) & {topic.name for topic in TOPICS}:  # noqa: ASYNC110 - the broker takes a moment
        await asyncio.sleep(0.05)
    await admin.close()
    return fresh_kafka.bootstrap_servers


def test_missing_topics_end_the_service_and_creating_them_twice_is_fine(bare_kafka, database):
    where = {"KAFKA_BOOTSTRAP_SERVERS": bare_kafka, "DATABASE_URL": database}
    done = service("run", **where)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert [line.split()[0] for line in lines] == [topic.name for topic in TOPICS]
    assert all("does not exist: create it with `topics create`" in line for line in lines)

    check = service("topics", "check", **where)
    assert check.returncode == 1
    assert len(check.stdout.splitlines()) == len(TOPICS)

    create = service("topics", "create", **where)
    assert (create.returncode, create.stdout) == (0, "")
    assert create.stderr == "".join(f"Created {topic.name}\n" for topic in TOPICS)
    again = service("topics", "create", **where)
    assert (again.returncode, again.stderr) == (0, "All topics exist.\n")
    check = service("topics", "check", **where)
    assert (check.returncode, check.stdout) == (0, "")


def test_acls_and_rendered_topics_need_only_the_database(database):
    acls = service("topics", "acls", DATABASE_URL=database)
    rendered = service("topics", "render", "--as", "terraform", DATABASE_URL=database)

    assert (acls.returncode, acls.stderr) == (0, "")
    (ids,) = re.findall(r"TRANSACTIONAL_ID +prefixed +(\S+)", acls.stdout)
    assert (rendered.returncode, rendered.stderr) == (0, "")
    assert f'resource_name                = "{ids}"' in rendered.stdout


def test_a_name_that_the_form_cannot_have_is_refused_in_a_sentence(database):
    done = service("topics", "render", "--as", "strimzi", "--user", "CN=purchasing", DATABASE_URL=database)
    one_sentence(done, "CN=purchasing can't be the name of a user in Strimzi")


async def test_a_cursor_topic_that_does_not_fit_the_lanes_ends_the_service(kafka, empty_database):
    where = {"KAFKA_BOOTSTRAP_SERVERS": kafka, "DATABASE_URL": empty_database}
    assert service("migrate", "--lanes", "8", **where).returncode == 0
    one_sentence(service("run", **where), "purchasing.internal.outbox.v1", "has 4 partitions and needs 8")
    check = service("topics", "check", **where)
    assert check.returncode == 1
    assert "purchasing.internal.outbox.v1" in check.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_without_a_broker_the_service_waits_and_reports_why_until_it_has_to_stop(database, worker_logs, number):
    async with Worker(NOWHERE, database, worker_logs) as worker:
        line = await worker.has_logged("startup_waiting", times=2, waiting_for="Kafka")
        assert NOWHERE in line["because"]
        assert "Connection refused" in line["because"]
        worker.send(number)
        assert await worker.ended() == 0


async def test_without_a_database_the_service_waits_and_reports_why(worker_logs):
    async with Worker(NOWHERE, f"postgresql://user:{SECRET}@{NOWHERE}/x", worker_logs) as worker:
        line = await worker.has_logged("startup_waiting", times=2, waiting_for="PostgreSQL")
        assert "Connection refused" in line["because"]
        worker.stop()
        assert await worker.ended() == 0
    assert SECRET not in worker.log.read_text()


async def test_records_removed_unread_end_the_service_with_a_sentence(fresh_kafka, database, worker_logs):
    partition = TopicPartition("purchasing.events.order.v1", 0)
    where = {"bootstrap_servers": fresh_kafka.bootstrap_servers}
    producer, admin = AIOKafkaProducer(**where), AIOKafkaAdminClient(**where)
    group = AIOKafkaConsumer(**where, group_id="purchasing", enable_auto_commit=False)
    group.assign([partition])
    for client in (producer, admin, group):
        await client.start()
    for _ in range(5):
        await producer.send_and_wait(*partition[:1], b"x", partition=0)
    await group.commit({partition: 2})
    await admin.delete_records({partition: RecordsToDelete(before_offset=4)})
    for stop in (producer.stop, group.stop, admin.close):
        await stop()

    async with Worker(fresh_kafka.bootstrap_servers, database, worker_logs) as worker:
        assert await worker.ended() == 1
    last = worker.log.read_text().splitlines()[-1]
    assert "goes on at 2, but the topic begins at 4" in last
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("select count(*) from quarantine") == 0
    await connection.close()
