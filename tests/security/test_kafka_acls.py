"""The service's Kafka user has the rights of the list and no others; without one of them it names it."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from purchasing_contracts.topics import TOPICS

from service.kafka.acls import acls
from tests.delivery.outside import case_events, topic_for
from tests.delivery.service import Worker, eventually
from tests.security.site import Broker, Database, Right, service

DOCUMENT = Path(__file__).parents[2] / "deploy" / "rights.md"


async def least(database: Database, group: str) -> list[Right]:
    """The ACLs of the list, an operation each."""
    return [Right(r.kind, r.name, op, r.prefixed) for r in await listed(database, group) for op in r.operations]


async def listed(database: Database, group: str):
    ((outbox_id,),) = await database.fetch("select outbox_id::text from installation")
    return acls(group, outbox_id)


def worker_of(broker: Broker, database: Database, user: tuple[str, str], logs: Path, group: str) -> Worker:
    return Worker(broker.address, database.dsn("service"), logs, group, **broker.settings(user))


async def test_with_the_rights_of_the_list_and_its_role_the_whole_service_runs(broker, guarded, worker_logs):
    group = f"least-{guarded.name}"
    user = broker.user(await least(guarded, group))
    check = await asyncio.to_thread(
        service, "topics", "check", **broker.settings(user), DATABASE_URL=guarded.dsn("service"), CONSUMER_GROUP=group
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "All topics match the registry.\n")

    await broker.begin_anew()
    async with worker_of(broker, guarded, user, worker_logs, group) as worker:
        await worker.has_logged("service_running")
        for event in case_events("13", f"ord-{guarded.name}"):
            await broker.send(topic_for(event), event["subject"], json.dumps(event))
        await broker.send("purchasing.events.order.v1", "bad", "no JSON")

        async def published() -> bool:
            rows = await guarded.fetch(
                "select o.topic from outbox o join relay_notes n using (lane) where o.position <= n.position"
            )
            return {"purchasing.commands.refund.v1", "purchasing.quarantine.v1"} <= {row[0] for row in rows}

        await eventually(published, "a refund and a notice published", worker.log.read_text)
        worker.stop()
        assert await worker.ended() == 0
    text = worker.log.read_text()
    assert user[1] not in text
    assert "secret-of" not in text
    assert '"level": "error"' not in "\n".join(line for line in text.splitlines() if "GroupCoordinatorNot" not in line)


ON_IT = "Kafka refuses it to the user; grant {} on it (deploy/rights.md)"
TOPIC, GROUP, IDS = "TOPIC", "GROUP", "TRANSACTIONAL_ID"
# What is missing, what is there instead, the exit code (None: it waits), and what it says.
MISSING = {
    "reading events": (TOPIC, "purchasing.events.", "READ", None, 1, "purchasing.events.payment.v1: " + ON_IT),
    "reading events it may see": (
        TOPIC,
        "purchasing.events.",
        "READ",
        "DESCRIBE",
        1,
        "purchasing.events.payment.v1: " + ON_IT,
    ),
    "its group": (GROUP, "GROUP", "READ", None, 1, "group GROUP: " + ON_IT),
    "writing commands": (TOPIC, "purchasing.commands.", "WRITE", None, 1, "purchasing.commands.freeze.v1: " + ON_IT),
    "writing decisions": (TOPIC, "purchasing.decisions.v1", "WRITE", None, 1, "purchasing.decisions.v1: " + ON_IT),
    "writing decisions it may see": (
        TOPIC,
        "purchasing.decisions.v1",
        "WRITE",
        "DESCRIBE",
        None,
        "Kafka refuses the output of lane 0 at position 1 for purchasing.decisions.v1: purchasing.decisions.v1: "
        + ON_IT,
    ),
    "writing notices": (TOPIC, "purchasing.quarantine.v1", "WRITE", None, 1, "purchasing.quarantine.v1: " + ON_IT),
    "reading the cursor": (
        TOPIC,
        "purchasing.internal.outbox.v1",
        "READ",
        None,
        1,
        "Kafka refused a request: TopicAuthorizationFailedError: purchasing.internal.outbox.v1: "
        + ON_IT.format("READ and WRITE"),
    ),
    "writing the cursor": (
        TOPIC,
        "purchasing.internal.outbox.v1",
        "WRITE",
        None,
        None,
        "for purchasing.internal.outbox.v1: purchasing.internal.outbox.v1: " + ON_IT.format("READ and WRITE"),
    ),
    "the relay's group": (GROUP, "OUTBOX.relay", "READ", None, None, "group OUTBOX.relay: " + ON_IT),
    "transactional ids": (
        IDS,
        "OUTBOX.",
        "WRITE",
        None,
        None,
        "transactional id OUTBOX.0: Kafka refuses it to the user; grant WRITE on this outbox's ids (deploy/rights.md)",
    ),
    "seeing settings": (
        TOPIC,
        "purchasing.",
        "DESCRIBE_CONFIGS",
        None,
        None,
        "messages are removed unread: grant DESCRIBE_CONFIGS on the topics (deploy/rights.md)",
    ),
}


async def test_the_table_takes_away_every_right_of_the_list(guarded: Database) -> None:
    ((outbox_id,),) = await guarded.fetch("select outbox_id::text from installation")
    taken = {(kind, name.replace("OUTBOX", outbox_id), operation) for kind, name, operation, *_ in MISSING.values()}
    assert {(one.kind, one.name, one.operation) for one in await least(guarded, "GROUP")} == taken


async def without(story, broker, guarded, logs):
    """Run a worker that lacks one right until it reports that or ends: its exit code, its output, the expected
    output."""
    kind, name, operation, instead, exit_code, text = MISSING[story]
    async with guarded.another() as database:
        group = f"less-{database.name}"
        ((outbox_id,),) = await database.fetch("select outbox_id::text from installation")
        name, text = (words.replace("OUTBOX", outbox_id).replace("GROUP", group) for words in (name, text))
        text = text.format(operation)
        all_rights = await least(database, group)
        less = [one for one in all_rights if (one.kind, one.name, one.operation) != (kind, name, operation)]
        if instead:
            less.append(Right(kind, name, instead, prefixed=name.endswith(".")))
        if story in ("writing decisions it may see", "writing the cursor"):
            await database.execute(
                "insert into outbox (lane, position, topic, key, id, value, decided_at)"
                " values (0, 1, 'purchasing.decisions.v1', 'o', 'x', '{}', now())"
            )
            await database.execute("update lanes set position = 1 where lane = 0")
        user = broker.user(less)
        async with worker_of(broker, database, user, logs, group) as worker:
            said = worker.log.read_text
            await eventually(lambda: text in said() or not worker.running, f"{story}: {text}", said)
            if exit_code is None and worker.running:
                worker.stop()
            return await worker.ended(), said(), (exit_code or 0, text), user[1]


@pytest.fixture(scope="module")
def told(a_broker, a_guarded, worker_logs):
    """The output of each program; a few at a time, as most of it is waiting."""

    async def all_of_them():
        await a_broker.begin_anew()
        # Of a lane that has no record in the cursor topic there is nothing to read.
        await a_broker.send("purchasing.internal.outbox.v1", "3", "{}")
        turn = asyncio.Semaphore(4)

        async def one(story):
            async with turn:
                return await without(story, a_broker, a_guarded, worker_logs)

        return dict(zip(MISSING, await asyncio.gather(*map(one, MISSING)), strict=True))

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("story", MISSING)
def test_without_one_acl_it_names_what_to_grant(told, story):
    exit_code, said, (expected_code, text), password = told[story]
    assert text in said
    assert exit_code == expected_code
    assert password not in said


async def test_doctor_asks_the_broker_for_every_right_also_where_nothing_was_ever_written(broker, guarded):
    group = f"examined-{guarded.name}"
    needed = await least(guarded, group)
    # As far as it may see them, all is well: only what it may do with them is missing.
    seen = [
        Right(TOPIC, "purchasing.events.order.v1", "DESCRIBE"),
        Right(TOPIC, "purchasing.decisions.v1", "DESCRIBE"),
        Right(TOPIC, "purchasing.internal.outbox.v1", "DESCRIBE"),
        Right(GROUP, group, "DESCRIBE"),
    ]
    events = [
        Right(TOPIC, topic.name, "READ")
        for topic in TOPICS
        if topic.direction == "in" and topic.name != "purchasing.events.order.v1"
    ]
    taken = {("purchasing.events.", "READ"), ("purchasing.decisions.v1", "WRITE"), (group, "READ")}
    taken.add(("purchasing.internal.outbox.v1", "READ"))
    less = [one for one in needed if (one.name, one.operation) not in taken] + seen + events

    async def examined(acls: list[Right]) -> tuple[int, list[tuple[str, str]]]:
        where = {"DATABASE_URL": guarded.dsn("service"), "CONSUMER_GROUP": group}
        done = await asyncio.to_thread(service, "doctor", "--json", **broker.settings(broker.user(acls)), **where)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, [(one["state"], one["words"]) for one in found if one["about"] == "acls"]

    code, found = await examined(needed)
    assert (code, {state for state, _ in found}) == (3, {"well"}), found
    code, found = await examined(less)
    assert code == 1
    assert [words for state, words in found if state == "bad"] == [
        "purchasing.events.order.v1: " + ON_IT.format("READ"),
        "purchasing.decisions.v1: " + ON_IT.format("WRITE"),
        "purchasing.internal.outbox.v1: " + ON_IT.format("READ and WRITE"),
        f"group {group}: " + ON_IT.format("READ"),
    ]


def test_a_wrong_password_is_reported_in_a_sentence_and_not_shown(broker, guarded):
    name, _ = broker.user([])
    settings = {**broker.settings((name, "planted-wrong-password")), "DATABASE_URL": guarded.dsn("service")}
    done = service("topics", "check", **settings)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Kafka can't be reached: {broker.address}: SaslAuthenticationFailed: Kafka refuses the user or the password: "
        "check PURCHASING_KAFKA_SASL_USERNAME, _PASSWORD and _MECHANISM.\n"
    )


async def test_the_service_ends_at_once_with_a_wrong_password_and_reports_why(broker, guarded, worker_logs):
    name, _ = broker.user([])
    user = (name, "planted-wrong-password")
    worker = worker_of(broker, guarded, user, worker_logs, "any")
    worker.environment["PURCHASING_LOG_LEVEL"] = "debug"
    async with worker:
        assert await worker.ended() == 1
    assert "Kafka refuses the user or the password: check PURCHASING_KAFKA_SASL_USERNAME" in worker.log.read_text()
    assert "planted-wrong-password" not in worker.log.read_text()


def test_a_broker_that_shows_another_certificate_is_not_trusted(broker, guarded, another_ca):
    settings = {**broker.settings(broker.user([])), "PURCHASING_KAFKA_SSL_CAFILE": str(another_ca)}
    done = service("topics", "check", **settings, DATABASE_URL=guarded.dsn("service"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{broker.address}: its certificate is not accepted (" in done.stderr


def test_plaintext_to_a_port_for_tls_is_reported(broker, guarded):
    where = {"KAFKA_BOOTSTRAP_SERVERS": broker.address, "DATABASE_URL": guarded.dsn("service")}
    done = service("topics", "check", **where)
    assert (done.returncode, done.stdout) == (1, "")
    assert broker.address in done.stderr


async def test_the_document_and_the_command_have_the_same_list(guarded):
    done = await asyncio.to_thread(
        service,
        "topics",
        "acls",
        KAFKA_BOOTSTRAP_SERVERS="nobody:9092",
        DATABASE_URL=guarded.dsn("reader"),
        CONSUMER_GROUP="purchasing",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(right) for right in await listed(guarded, "purchasing")]
    rows = re.findall(
        r"^\| (TOPIC|GROUP|TRANSACTIONAL_ID) \| `(.+?)`(,.*)? \| (.+?) \| (.+?) \|$", DOCUMENT.read_text(), re.MULTILINE
    )
    said = [(kind, name, bool(more), operations, why) for kind, name, more, operations, why in rows]
    assert said == [
        (one.kind, one.name, one.prefixed, ", ".join(one.operations), one.why)
        for one in acls("purchasing", "{outbox id}")
    ]
