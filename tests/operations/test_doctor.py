"""`doctor` has a sentence about each fault that it can find."""

import json
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from service.kafka.topics import create_topics
from service.operations import doctor
from service.runtime.settings import Settings
from service.store.migrate import migrate
from tests.observability.seen import ORDERS, service
from tests.waiting import eventually


def printed(**where) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """The exit code, and what it found by subject."""
    done = service("doctor", "--json", **where)
    found: dict[str, list[tuple[str, str]]] = {}
    for line in done.stdout.splitlines():
        one = json.loads(line)
        found.setdefault(one["about"], []).append((one["state"], one["words"]))
    return done.returncode, found


async def test_each_subject_is_examined_and_what_only_deserves_a_look_is_no_failure(kafka, database):
    code, found = printed(bootstrap=kafka, database=database)
    assert set(found) >= {"database", "schema", "clock", "terms", "broker", "topics", "acls"}
    assert "bad" not in {state for findings in found.values() for state, _ in findings}, json.dumps(found)
    assert found["terms"] == [
        ("look", "no terms were imported: the built-in terms apply to everybody (`terms import`)")
    ]
    assert code == 3


async def test_an_empty_database_is_reported(kafka, empty_database):
    code, found = printed(bootstrap=kafka, database=empty_database)
    assert code == 1
    assert found["schema"][0][0] == "bad"
    assert "run `python -m service migrate`" in found["schema"][0][1]
    assert found["topics"][0][0] == "look"


async def test_each_server_that_is_away_is_reported(database):
    nowhere = "postgresql://somebody:secret@127.0.0.1:9/purchasing"
    code, found = printed(bootstrap="127.0.0.1:9", database=nowhere)
    assert code == 1
    assert found["database"] == [("bad", "PostgreSQL can't be reached: Connection refused")]
    assert found["broker"] == [("bad", "Kafka can't be reached: 127.0.0.1:9: Connection refused")]


async def test_work_that_waits_for_a_person_is_reported(kafka, database):
    connection = await asyncpg.connect(database)
    await connection.execute("insert into orders (order_id, lane, stuck) values ('o', 0, 'ValueError')")
    await connection.execute("insert into circuit_breakers (topic, bad, records) values ($1, 1, 2)", ORDERS)
    await connection.execute("insert into outbox_pauses (lane, paused_by, why) values (-1, 'x', 'y')")
    await connection.execute("insert into input_progress (topic, partition) values ($1, 0)", ORDERS)
    await connection.close()
    _, found = printed(bootstrap=kafka, database=database)
    words = " ".join(words for _, words in found["state"])
    for part in (
        "1 orders are stuck",
        f"circuit breakers are open for {ORDERS}",
        "outbox is paused",
        "1 partitions were never read",
    ):
        assert part in words


async def test_a_cells_wrong_group_and_the_lanes_that_nobody_reads_are_reported(kafka, empty_database):
    await migrate(empty_database, lanes=4, cell=range(2))
    where = Settings(kafka_bootstrap_servers=kafka, database_url=empty_database, consumer_group=f"{uuid4()}.lanes-0-1")
    found = [(one.state, one.words) for one in await doctor.examine(where, [ORDERS]) if one.about == "cell"]
    assert found[0] == ("well", "this database has the lanes 0 to 1 of 4")
    assert found[1][0] == "look"
    assert "no consumer group reads the orders of lanes 2, 3" in found[1][1]
    other = where.model_copy(update={"consumer_group": "purchasing"})
    (refused,) = [one for one in await doctor.examine(other, [ORDERS]) if one.about == "cell"]
    assert refused.state == "bad"


async def test_a_missing_or_different_topic_is_reported(fresh_kafka, database):
    where = {"bootstrap": fresh_kafka.bootstrap_servers, "database": database}
    admin = AIOKafkaAdminClient(bootstrap_servers=fresh_kafka.bootstrap_servers)
    await admin.start()
    await admin.delete_topics(["purchasing.decisions.v1"])
    await admin.close()
    # The broker's answers still have a deleted topic for a moment.
    await eventually(lambda: printed(**where)[0] == 1, "the topic to be missed")
    _, found = printed(**where)
    assert ("bad", "purchasing.decisions.v1 does not exist: create it with `topics create`") in found["topics"]
    await create_topics({"bootstrap_servers": fresh_kafka.bootstrap_servers}, 4)
    assert printed(**where)[1]["topics"] == [("well", "all topics match the registry")]


@pytest.mark.parametrize(("seconds", "state"), [(0, "well"), (60, "look"), (-60, "look")])
async def test_differing_clocks_are_reported(database, monkeypatch, seconds, state):
    figures = doctor.database_figures.figures

    async def off(connection):
        read = await figures(connection)
        return read._replace(totals={**read.totals, "at": read.totals["at"] + timedelta(seconds=seconds)})

    monkeypatch.setattr(doctor.database_figures, "figures", off)
    found = [one async for one in doctor._inside(database)]
    assert [one.state for one in found if one.about == "clock"] == [state]
