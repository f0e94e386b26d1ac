"""`quarantine` as an operator uses it: on a real database, without a broker."""

import asyncio
import base64
import json

import asyncpg
import pytest

from service.observability.database_figures import figures
from service.orders.operator_actions import Intervention
from tests.cli.commands import command, outputs
from tests.orders.conftest import engine_on
from tests.orders.published import outcomes_of
from tests.orders.stories import Story, paid_order, quarantine_ref, record

SECRET = "Warehouse 3, marker-77aa"
ORDERS, PAYMENTS = "purchasing.events.order.v1", "purchasing.events.payment.v1"


def garbled(inbound_record, **change):
    """The same message with members of its envelope changed."""
    event = json.loads(inbound_record.value) | change
    return record(json.dumps(event).encode(), key=inbound_record.key, topic=inbound_record.topic)


def named(inbound_record) -> str:
    return f"{inbound_record.topic}/{inbound_record.partition}/{inbound_record.offset}"


async def test_the_list_shows_records_by_every_filter_and_never_their_content(database, engine) -> None:
    placed, accepted, paid = Story().placed(address=SECRET).accepted().paid().inbound_records
    await engine.handle(
        [
            garbled(placed, time="yesterday"),
            garbled(accepted, type="purchasing.order.adored.v1"),
            garbled(paid, specversion="2.0"),
            record(b"{", key=b"ord-2"),
        ]
    )

    def listed(*filters: str) -> list[str]:
        done = command(database, "quarantine", "list", "--json", *filters)
        assert done.code == 0
        assert SECRET not in done.out.decode() + done.err
        return sorted(row["reason"] for row in done.lines)

    assert listed() == ["not_cloudevent", "not_json", "schema", "unknown_type"]
    assert listed("--reason", "schema") == ["schema"]
    assert listed("--topic", PAYMENTS) == ["not_cloudevent"]
    assert listed("--type", "purchasing.order.placed.v1") == ["schema"]
    assert listed("--order", "ord-2") == ["not_json"]
    assert listed("--until", "2020-01-01T00:00:00Z") == []
    assert len(listed("--since", "2020-01-01T00:00:00Z")) == 4
    assert listed("--resolved") == []


async def test_content_is_shown_to_who_asks_for_it_byte_for_byte_and_that_is_noted(database, engine) -> None:
    bad = garbled(Story().placed(address=SECRET).last, time="yesterday")
    await engine.handle([bad])
    about = command(database, "quarantine", "show", named(bad))
    content = command(database, "quarantine", "show", named(bad), "--content", "--by", "ann")
    (whole,) = command(database, "quarantine", "show", named(bad), "--content", "--json").lines

    assert (about.code, content.code) == (0, 0)
    assert SECRET not in about.out.decode() + about.err + content.err
    assert content.out == bad.value
    assert base64.b64decode(whole["content"]["value"]) == bad.value
    assert base64.b64decode(whole["content"]["key"]) == b"ord-1"
    assert [(one["by"], one["what"]) for one in whole["actions"]] == [("ann", "show")]


async def test_a_record_repaired_in_a_file_is_replayed_once_and_all_of_it_is_kept(
    database, engine, store, tmp_path
) -> None:
    told = paid_order().inbound_records
    bad = garbled(told[2], time="yesterday")
    await engine.handle([*told[:2], bad])
    file = tmp_path / "repaired.json"
    file.write_bytes(told[2].value)
    first = command(database, "quarantine", "replay", named(bad), "--value", str(file), "--by", "ann", "--why", "typo")
    second = command(database, "quarantine", "replay", named(bad), "--value", "-", given=told[2].value)
    (about,) = command(database, "quarantine", "show", named(bad), "--json").lines
    redelivered = await engine.handle([bad])

    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert "1 of 1: 1 resolved." in first.err
    assert "nothing to do" in second.err
    assert await outputs(store) == ["agreement effective"]
    assert about["resolution"] == "replay"
    assert [(one["by"], one["outcome"], one["why"]) for one in about["actions"]] == [
        ("ann", "resolved, repaired", "typo")
    ]
    assert outcomes_of(redelivered) == []
    assert redelivered.quarantined == ()


async def test_a_wrong_key_is_repaired_and_the_value_is_taken_as_it_lies(database, engine, store) -> None:
    told = paid_order().inbound_records
    bad = record(told[2].value, key=b"ord-9", topic=PAYMENTS)
    await engine.handle([*told[:2], bad])
    done = command(database, "quarantine", "replay", named(bad), "--key", "ord-1")

    assert done.code == 0, done.err
    assert await outputs(store) == ["agreement effective"]


async def test_a_record_refused_again_is_exit_code_3_and_stays_with_its_reason(database, engine, store) -> None:
    told = paid_order()
    bad = garbled(told.last, time="yesterday")
    await engine.handle([bad])
    done = command(database, "quarantine", "replay", named(bad), "--json")
    also = command(database, "quarantine", "replay", named(bad), "--value", "-", given=b"{")
    notices = await store.fetch("select count(*) from outbox where topic = 'purchasing.quarantine.v1'")
    (about,) = command(database, "quarantine", "show", named(bad), "--json").lines

    assert (done.code, also.code) == (3, 3)
    assert done.lines[0]["outcome"] == "refused"
    assert b"not_json" in also.out
    assert notices[0][0] == 1
    assert (about["resolved_at"], about["reason"]) == (None, "schema")
    assert [one["outcome"] for one in about["actions"]] == ["refused: schema /time", "refused: not_json, repaired"]


async def test_replay_states_this_versions_reason_for_an_older_versions_refusal(database, engine, store) -> None:
    bad = garbled(paid_order().last, time="yesterday")
    await engine.handle([bad])
    await store.fetch("update quarantine set reason = 'unknown_type', place = '/type'")
    command(database, "quarantine", "replay", "--all")
    rows = await store.fetch("select reason, place from quarantine")

    assert [tuple(row) for row in rows] == [("schema", "/time")]


async def test_thousands_are_replayed_with_progress_once_a_new_version_can_read_them(database, engine, store) -> None:
    orders = 700
    told = [inbound_record for n in range(orders) for inbound_record in paid_order(f"ord-{n}")]
    await engine.handle(told[:300])
    # Quarantined by a version that did not know them: the bytes are right.
    await store.fetch(QUARANTINE, *zip(*[(a.topic, a.offset, a.key, a.value) for a in told[300:]], strict=True))
    done = command(database, "quarantine", "replay", "--reason", "unknown_type", "--by", "ann")
    again = command(database, "quarantine", "replay", "--reason", "unknown_type", "--by", "ann")
    decided = await store.fetch("select count(*), count(distinct order_id) from outbox")

    total = len(told) - 300
    assert (done.code, again.code) == (0, 0), done.err
    assert f"{total} of {total}: {total} resolved." in done.err.splitlines()[-1]
    assert len(done.err.splitlines()) == -(-total // 200)
    assert tuple(decided[0]) == (orders, orders)
    assert "nothing to do" in again.err


QUARANTINE = """
insert into quarantine (topic, partition, "offset", digest, sha256, reason, place, size, key, value, headers, at)
select t, 0, o, sha256(v), sha256(v), 'unknown_type', '/type', octet_length(v), k, v, '[]', now()
from unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[]) as n (t, o, k, v)
"""


async def test_resolving_a_record_of_two_orders_releases_both(database, engine, store) -> None:
    payment = paid_order("a-1").last
    bad = record(payment.value, key=b"b-2", topic=payment.topic)
    await engine.handle([*paid_order("a-1").inbound_records[:2], *paid_order("b-2"), *paid_order("c-3"), bad])

    def shown() -> tuple[list[str], list[bool]]:
        waiting = command(database, "order", "waiting", "--what", "record_in_quarantine", "--json").lines
        explained = [command(database, "explain", one) for one in ("a-1", "b-2", "c-3")]
        assert [one.code for one in explained] == [0, 0, 0]
        return [one["order_id"] for one in waiting], [named(bad).encode() in one.out for one in explained]

    before = shown()
    listed = command(database, "quarantine", "list", "--order", "b-2").out.decode()
    replayed = command(database, "quarantine", "replay", named(bad), "--key", "a-1")

    assert before == (["a-1", "b-2"], [True, True, False])
    assert "order a-1, holds up b-2" in listed
    assert replayed.code == 0, replayed.err
    assert shown() == ([], [False, False, False])
    assert await outputs(store, "a-1") == ["agreement effective"]


async def test_the_list_finds_garbled_ids_and_only_the_very_id_is_dropped_by_a_filter(database, engine) -> None:
    bad = garbled(paid_order("q-1").last, subject="orders/q-1")
    garbled_twice = record(bad.value, key=b"orders/q-1 ", topic=PAYMENTS)
    await engine.handle([*paid_order("q-1").inbound_records[:2], bad, garbled_twice])

    def listed(order: str) -> list[str]:
        return sorted(one["record"].split("#")[0] for one in command(
            database, "quarantine", "list", "--json", "--order", order).lines)  # fmt: skip

    both = sorted([named(bad), named(garbled_twice)])
    assert listed("q-1") == listed("Q-1") == listed("orders/q-1") == both
    assert listed("q-2") == []
    dropped = command(database, "quarantine", "drop", "--order", "q-1", "--why", "a test")
    assert "1 of 1: 1 resolved." in dropped.err
    assert listed("q-1") == [named(garbled_twice)]


async def test_a_record_in_the_future_is_counted_listed_and_replayed_with_the_right_time(
    database, engine, store
) -> None:
    told = paid_order().inbound_records
    early = garbled(told[2], time="2126-03-02T09:20:00Z")
    await engine.handle([*told[:2], early])
    (listed,) = command(database, "quarantine", "list", "--reason", "in_the_future", "--json").lines
    too_early = command(database, "quarantine", "replay", "--reason", "in_the_future")
    centuries = command(database, "quarantine", "replay", named(early), PURCHASING_FUTURE_TOLERANCE_SECONDS="a century")
    repaired = command(database, "quarantine", "replay", named(early), "--value", "-", given=told[2].value)
    connection = await asyncpg.connect(database)
    looked = await figures(connection)
    await connection.close()

    assert (listed["place"], listed["order_id"], listed["holds_up"]) == ("/time", "ord-1", ["ord-1"])
    assert (too_early.code, repaired.code) == (3, 0), repaired.err
    assert b"in_the_future /time" in too_early.out
    assert centuries.code != 0
    assert "PURCHASING_FUTURE_TOLERANCE_SECONDS is not valid" in centuries.err
    assert await outputs(store) == ["agreement effective"]
    assert looked.quarantine == []


async def test_a_drop_needs_a_reason_and_deals_with_the_record_for_good(database, engine, store) -> None:
    bad = record(b"{", key=b"ord-1")
    await engine.handle([bad])
    without = command(database, "quarantine", "drop", named(bad))
    done = command(database, "quarantine", "drop", named(bad), "--why", "a test of the sender's", "--by", "ann")
    replayed = command(database, "quarantine", "replay", named(bad))
    redelivered = await engine.handle([bad])
    (about,) = command(database, "quarantine", "list", "--resolved", "--json").lines

    assert (without.code, done.code, replayed.code) == (2, 0, 0)
    assert about["resolution"] == "drop"
    assert (redelivered.quarantined, redelivered.outputs) == ((), ())
    assert await store.fetch("select order_id from orders where waits is not null") == [], "nobody owes anything"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("replay",), 1, "Say which records"),
        (("drop", "--why", "x"), 1, "Say which records"),
        (("replay", f"{ORDERS}/0/987654321"), 1, "was quarantined"),
        (("show", f"{ORDERS}/0/987654321"), 1, "was quarantined"),
        (("show", "nonsense"), 2, "TOPIC/PARTITION/OFFSET"),
        (("replay", "--all", "--key", "x"), 1, "repair one record"),
        (("replay", f"{ORDERS}/0/1", "--value", "/nowhere/at/all"), 1, "can't be read"),
        (("list", "--since", "yesterday"), 2, "RFC 3339"),
    ],
    ids=["replay all unasked", "drop all unasked", "unknown", "unknown shown", "no name", "many", "no file", "no time"],
)
def test_an_impossible_action_is_refused_in_a_sentence(database, arguments, code, words) -> None:
    done = command(database, "quarantine", *arguments)
    assert (done.code, done.out) == (code, b"")
    assert words in done.err.splitlines()[-1]


async def test_two_operators_at_once_replay_each_record_once(database, engine, store) -> None:
    told = paid_order().inbound_records
    bad = [garbled(inbound_record, time="yesterday") for inbound_record in told]
    await engine.handle(bad)
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.execute("select from quarantine for update")
            drops = [
                engine_on(store).intervene(_drop(bad)),
                engine_on(store).intervene(_drop(bad)),
            ]
            running = [asyncio.create_task(one) for one in drops]
            while await connection.fetchval(WAITING) < 1:  # noqa: ASYNC110 - another session begins to wait
                await asyncio.sleep(0.01)
        done = await asyncio.gather(*running)
    finally:
        await connection.close()

    assert sorted(len(one.resolved) for one in done) == [0, 3]
    actions = await store.fetch("select outcome, count(*) from quarantine_actions group by 1 order by 1")
    assert [tuple(row) for row in actions] == [("known", 3), ("resolved", 3)]


WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


def _drop(inbound_records):
    return Intervention("ann", "twice", drop=tuple(quarantine_ref(one) for one in inbound_records))
