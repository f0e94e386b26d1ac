"""Markers are planted in every private member, in good messages and broken ones, and searched in all that comes out."""

import asyncio
import json
import urllib.request
import uuid
from functools import cache
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from purchasing_contracts.privacy import private_members
from purchasing_contracts.topics import TOPICS

from service.kafka.acls import acls
from tests.delivery.service import Worker, eventually
from tests.security.site import Right, service
from tests.security.trace_sink import trace_sink
from tests.waiting import HANG_SECONDS

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
TYPES = {m.TYPE: (topic.name, private_members(m)) for topic in TOPICS for m in topic.messages if private_members(m)}
MARKER = "planted-7f3a"
# Where private members and quarantined bytes are meant to be.
KEPT_APART = {"private_members": (), "quarantine": ("key", "value", "headers")}


def marked(value):
    """Every text in it made a marker of its own."""
    if isinstance(value, str):
        return f"{MARKER}-{uuid.uuid4().hex[:8]}"
    if isinstance(value, list):
        return [marked(one) for one in value]
    if isinstance(value, dict):
        return {name: marked(one) for name, one in value.items()}
    return value


def message(type_, order):
    """The example of that type for this order, with markers in its private members."""
    event = json.loads((EXAMPLES / type_ / "valid" / "whole.json").read_text())
    event |= {"subject": order, "id": f"{order}-{uuid.uuid4().hex[:6]}"}
    for name in TYPES[type_][1]:
        assert event["data"].get(name), f"the example of {type_} has no {name}"
        event["data"][name] = marked(event["data"][name])
    return event


def broken(type_, order):
    """The same message broken in the ways in which a checker could quote what it refuses."""
    for name in TYPES[type_][1]:
        for wrong in ({"marker": f"{MARKER}-o"}, [[f"{MARKER}-l"]], 7, f"{MARKER}\0", f"{MARKER}\ud800"):
            event = message(type_, order)
            event["data"][name] = wrong
            yield json.dumps(event).encode()
        event = message(type_, order)
        event["data"] |= {f"{MARKER}-name": 1, name.upper(): f"{MARKER}-u"}
        event["data"] = {key: event["data"][key] for key in (*TYPES[type_][1], f"{MARKER}-name")}
        yield json.dumps(event).encode()
    whole = json.dumps(message(type_, order)).encode()
    yield whole[:-2]
    yield whole.replace(b'"specversion": "1.0"', b'"specversion": "9"')
    yield whole.replace(b'"data": {', b'"data": {"filling": "' + b"x" * 1_000_000 + b'", ', 1)
    yield whole.replace(b'"subject": "', b'"subject": "other-')
    # The same message again, with other private members: a conflict.
    yield whole
    yield json.dumps(json.loads(whole) | {"data": message(type_, order)["data"]}).encode()


@cache
def records():
    """Topic, key and value of all that is sent, and how many of them are broken."""
    sent = []
    for type_, (topic, _) in TYPES.items():
        for order in (f"ord-{uuid.uuid4().hex[:8]}", f"bug-{uuid.uuid4().hex[:8]}"):
            placed = message("purchasing.order.placed.v1", order)
            sent.append(("purchasing.events.order.v1", order, json.dumps(placed).encode()))
            sent.append((topic, order, json.dumps(message(type_, order)).encode()))
            sent += [(topic, order, value) for value in broken(type_, order)]
    assert sum(MARKER.encode() in value for _, _, value in sent) > len(sent) * 0.9
    return sent


class Buggy(Worker):
    program = "tests.security.buggy"


async def handled(database):
    """Whether every record was stored or quarantined, and every output published."""
    facts, quarantined = (
        await database.fetch("select (select count(*) from facts), (select count(*) from quarantine)")
    )[0]
    (waiting,) = (
        await database.fetch(
            "select count(*) from lanes l left join relay_notes n using (lane)"
            " where l.position > coalesce(n.position, 0)"
        )
    )[0]
    orders = {order for _, order, _ in records()}
    seen = await database.fetch("select count(distinct order_id) from facts where order_id = any($1)", list(orders))
    return facts and waiting == 0 and facts + quarantined >= len(records()) and seen == [(len(orders),)]


@pytest.fixture
async def came_out(broker, guarded, worker_logs):
    """All output of a service that has read all of it, by place."""
    await broker.begin_anew()
    group = f"private-{guarded.name}"
    ((outbox_id,),) = await guarded.fetch("select outbox_id::text from installation")
    user = broker.user(
        Right(one.kind, one.name, op, one.prefixed) for one in acls(group, outbox_id) for op in one.operations
    )
    producer = AIOKafkaProducer(bootstrap_servers=broker.kafka.bootstrap_servers, max_request_size=2_000_000)
    await producer.start()
    for topic, order, value in records():
        headers = [("marker", MARKER.encode()), (MARKER, None)]
        await producer.send(topic, value, order.encode(), headers=headers)
    await producer.stop()
    settings = {**broker.settings(user), "PURCHASING_LOG_LEVEL": "debug", "PURCHASING_BREAKER_SHARE": "1"}
    out = {}
    with trace_sink() as (sink, traces):
        settings |= {"PURCHASING_TRACES": "otlp", "OTEL_EXPORTER_OTLP_ENDPOINT": sink}
        out |= await said_by_a_worker(
            Buggy(broker.address, guarded.dsn("service"), worker_logs, group, **settings), guarded
        )
        out["traces"] = b"".join(traces)
    out |= await topics(broker)
    out |= await tables(guarded)
    out |= await commands(broker, guarded)
    return out


async def said_by_a_worker(worker, database):
    """The worker's answers over HTTP and its log until it has handled everything and left."""
    out = {}
    async with worker:
        port = (await worker.has_logged("service_running"))["http_port"]
        await eventually(lambda: handled(database), "everything handled", lambda: worker.log.read_text()[-3000:])
        for path in ("metrics", "health", "ready", "status"):
            out[f"/{path}"] = await asyncio.to_thread(fetched, f"http://127.0.0.1:{port}/{path}")
        worker.stop()
        assert await worker.ended() == 0
    out["log"] = worker.log.read_bytes()
    return out


def fetched(url):
    try:
        with urllib.request.urlopen(url, timeout=HANG_SECONDS) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        return error.read()


async def topics(broker):
    """Keys, values and headers of all that the service wrote to Kafka."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.kafka.bootstrap_servers, isolation_level="read_committed")
    await consumer.start()
    written = [topic for topic in TOPICS if topic.direction != "in"]
    partitions = [TopicPartition(topic.name, n) for topic in written for n in range(topic.partitions)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    out = {topic.name: b"" for topic in written}
    while any([await consumer.position(one) < ends[one] for one in partitions]):
        for one, found in (await consumer.getmany(timeout_ms=200)).items():
            out[one.topic] += b"\n".join(repr((r.key, r.value, r.headers)).encode() for r in found)
    await consumer.stop()
    return out


async def tables(database):
    """All rows of all tables, without what is kept apart."""
    out = {}
    for (table,) in await database.fetch("select tablename::text from pg_tables where schemaname = 'public'"):
        hidden = KEPT_APART.get(table)
        if hidden == ():
            continue
        rows = await database.fetch(f"select (to_jsonb(t) - $1::text[])::text from {table} as t", list(hidden or ()))
        text = "\n".join(row[0] for row in rows)
        # Bytes stand there in hexadecimal.
        out[f"table {table}"] = (text + "\n" + "".join(decoded(text))).encode()
    return out


def decoded(text):
    for word in text.replace("\\\\x", "\\x").split("\\x")[1:]:
        digits = word.partition('"')[0]
        yield bytes.fromhex(digits).decode("utf-8", "replace") if len(digits) % 2 == 0 else ""


async def commands(broker, database):
    """The output of the commands that read, stdout and stderr."""
    orders = sorted({order for _, order, _ in records()})
    asked = [("explain", orders[0]), ("explain", orders[-1], "--json"), ("what-if",), ("what-if", "--json")]
    asked += [("export",), ("quarantine", "list", "--json"), ("order", "list"), ("order", "retry", "--all")]
    asked += [("outbox", "status")]
    dsn = database.dsn("operator")
    where = {"KAFKA_BOOTSTRAP_SERVERS": broker.kafka.bootstrap_servers, "DATABASE_URL": dsn}
    out = {}
    for arguments in asked:
        done = await asyncio.to_thread(service, *arguments, **where)
        assert done.returncode in (0, 1, 3, 4), done.stderr
        out[" ".join(arguments)] = (done.stdout + done.stderr).encode()
    return out


async def test_no_private_member_comes_out_anywhere(came_out):
    leaks = {
        where: text[max(0, at - 80) : at + 40]
        for where, text in came_out.items()
        if (at := text.find(b"planted-")) >= 0
    }
    assert leaks == {}
    # It was a full day: there is something to search in.
    assert b"ValueError" in came_out["log"]
    assert b'"stuck": "ValueError"' in came_out["table orders"]
    assert b"try again" in came_out["log"]
    assert b"StoreUnavailableError" in came_out["traces"]
    for where in (
        "purchasing.quarantine.v1",
        "purchasing.decisions.v1",
        "table facts",
        "table outbox",
        "quarantine list --json",
    ):
        assert b"ord-" in came_out[where], where
    assert b"[private]" in came_out["table facts"]


def test_the_markers_are_where_they_belong_or_the_search_would_prove_nothing():
    assert set(TYPES) == {
        "purchasing.order.placed.v1",
        "purchasing.order.refused.v1",
        "purchasing.order.dissolution_requested.v1",
        "purchasing.order.objection_raised.v1",
        "purchasing.warehouse.goods_received.v1",
        "purchasing.order.quote_revised.v1",
        "purchasing.payment.freeze_refused.v1",
        "purchasing.chargeback.reassessed.v1",
    }
    for type_ in TYPES:
        text = json.dumps(message(type_, "ord-1"))
        assert text.count(MARKER) >= len(TYPES[type_][1])
