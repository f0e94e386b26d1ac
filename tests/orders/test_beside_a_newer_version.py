"""This version beside a newer one: what it can't read stops that order here, nothing else, until the newer has it."""

import json

import asyncpg
import pytest
from purchasing_contracts import envelope, topics
from purchasing_contracts.base import instant_of
from purchasing_contracts.commands.refund import RefundIssue
from purchasing_contracts.envelope import Publication
from purchasing_contracts.published import CommandData

from service.orders import state
from service.rules import ledger
from service.store.migrate import migrate
from service.store.postgres import PostgresStore
from tests.orders.conftest import engine_on
from tests.orders.stories import paid_order

NEWER = "purchasing.voucher.issue.v1"


@pytest.fixture
async def connection(database: str):
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def write_as_a_newer_version_would(connection: asyncpg.Connection, order_id: str, **changed: object) -> int:
    """An output of a kind, or with a word, that this version does not know, behind the order's last; its version."""
    row = await connection.fetchrow(
        "select lane, value, order_version, topic, key from outbox where order_id = $1 order by order_version desc",
        order_id,
    )
    event = json.loads(row["value"])
    event |= {"id": f"newer-{order_id}"} | {name: value for name, value in changed.items() if name == "type"}
    event["data"] |= {"order_version": row["order_version"] + 1} | {k: v for k, v in changed.items() if k != "type"}
    async with connection.transaction():
        position = await connection.fetchval(
            "update lanes set position = position + 1 where lane = $1 returning position", row["lane"]
        )
        await connection.execute(
            "insert into outbox (lane, position, order_id, order_version, topic, key, id, value, decided_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, now())",
            row["lane"],
            position,
            order_id,
            row["order_version"] + 1,
            row["topic"],
            row["key"],
            event["id"],
            json.dumps(event).encode(),
        )
        await connection.execute("update orders set version = gen_random_uuid() where order_id = $1", order_id)
    return int(row["order_version"]) + 1


@pytest.mark.parametrize("changed", [{"type": NEWER}, {"kind": "voucher"}], ids=["a kind", "a word"])
async def test_an_output_of_a_newer_version_stops_its_order_here_and_no_other(database, connection, changed):
    store = await PostgresStore.open(database)
    engine = engine_on(store)
    touched, other = paid_order("ord-touched"), paid_order("ord-other")
    await engine.handle([*touched, *other])
    await write_as_a_newer_version_would(connection, "ord-touched", **changed)
    before = await connection.fetchval("select count(*) from outbox where order_id = 'ord-touched'")

    handled = await engine.handle([touched.asks_to_cancel().last, other.asks_to_cancel().last])
    assert [(one.order_id, one.error) for one in handled.stuck] == [("ord-touched", "JournalError")]
    assert await connection.fetchval("select count(*) from outbox where order_id = 'ord-touched'") == before
    assert await connection.fetchval("select count(*) from facts where order_id = 'ord-touched'") == 4
    assert await connection.fetchval("select count(*) from outbox where order_id = 'ord-other'") > 1
    await store.close()


async def test_the_newer_version_goes_on_behind_it_with_the_version_that_follows(database, connection, monkeypatch):
    store = await PostgresStore.open(database)
    story = paid_order()
    await engine_on(store).handle(story.inbound_records)
    newest = await write_as_a_newer_version_would(connection, "ord-1", type=NEWER)
    await engine_on(store).handle([story.asks_to_cancel().last])
    assert await store.stuck(10) == ["ord-1"]

    class VoucherIssue(CommandData):
        TYPE = NEWER

    def decode(value: bytes):
        attributes = json.loads(value)
        if attributes["type"] != NEWER:
            return envelope.read_published(value)
        members = {name: attributes["data"][name] for name in CommandData.model_fields if name in attributes["data"]}
        data = VoucherIssue.model_construct(**members, command_id="newer-ord-1")
        return Publication(attributes["id"], attributes["subject"], instant_of(attributes["time"]), data)

    fold = ledger._Fold.add

    def add(self: ledger._Fold, output: ledger.Output) -> None:
        if isinstance(output.data, VoucherIssue):
            self._version = output.version
        else:
            fold(self, output)

    monkeypatch.setattr(state, "read_published", decode)
    monkeypatch.setattr(ledger._Fold, "add", add)
    # As it does at its start.
    handled = await engine_on(store).look_again(await store.stuck(10))
    assert next(written.output.order_version for written in handled.outputs) == newest + 1
    assert RefundIssue.TYPE in [json.loads(written.output.value)["type"] for written in handled.outputs]
    assert await store.stuck(10) == []
    await store.close()


async def test_a_type_of_fact_that_a_newer_version_wrote_stops_its_order_here(database, connection):
    store = await PostgresStore.open(database)
    story = paid_order()
    await engine_on(store).handle(story.inbound_records)
    assert topics.class_of("purchasing.order.gifted.v1") is None
    await connection.execute(
        "insert into facts (order_id, source, id, lane, nth, at, type, data, received_at)"
        " select order_id, source, 'newer', lane, 99, at, 'purchasing.order.gifted.v1', '{}', now() from facts limit 1"
    )
    await connection.execute("update orders set version = gen_random_uuid()")
    handled = await engine_on(store).handle([story.asks_to_cancel().last])
    assert [one.error for one in handled.stuck] == ["JournalError"]
    assert handled.outputs == ()
    await store.close()


async def test_tables_that_a_newer_version_expanded_are_worked_with(database, connection):
    await connection.execute("alter table orders add column newer text; create table newer (n integer)")
    await connection.execute("insert into schema_migrations values (9999, 'newer', 'expand', 'x', now())")
    store = await PostgresStore.open(database)
    handled = await engine_on(store).handle(paid_order().inbound_records)
    assert handled.facts == 3
    assert await migrate(database) == []
    await store.close()
