"""Contradictions between the two stores: one of them is restored to the past, lost, or exchanged. The service
notices, reports and repairs it."""

import asyncio
import re
import subprocess

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from purchasing_contracts.topics import OUTBOX

from service.store.lanes import lane_of
from tests.delivery.conftest import LANES
from tests.delivery.outside import case_events, order_id, renamed
from tests.delivery.service import eventually
from tests.golden import cases, differences, summaries
from tests.kafka_tools import java_command
from tests.recovery.conftest import Torn, play
from tests.waiting import HANG_SECONDS

(CASE,) = [case for case in cases() if case.name.startswith("13")]


async def refused(torn: Torn) -> str:
    """Run a worker that ends by itself, and return its reason."""
    async with torn.worker() as worker:
        assert await worker.ended() == 1
    return worker.log.read_text()


async def recovered(torn):
    """Recover the outputs that the database lacks from Kafka."""
    tried = await torn.command("lanes", "recover", "--why", "disk full")
    assert tried.returncode == 1
    assert "Nothing was done" in tried.stderr
    done = await torn.command("lanes", "recover", "--why", "disk full", "--by", "op", "--yes")
    assert done.returncode == 0, done.stderr
    assert "2 orders are halted" in done.stderr
    again = await torn.command("lanes", "recover", "--why", "disk full", "--yes")
    assert (again.returncode, again.stderr) == (0, "The database has everything that was published.\n")
    assert (await torn.command("lanes", "show")).returncode == 0


async def test_a_restored_database_recovers_from_kafka_and_no_money_moves_twice(torn, archive):
    await torn.moved_to(archive.server)
    await archive.base_backup()
    halfway, whole = order_id(), order_id()
    events = case_events("13", halfway)
    await play(torn, events[:4])
    instant = await archive.now()
    bad = dict(case_events("13", order_id())[0], time="not a time")
    await play(torn, [*events[4:], *case_events("13", whole), bad])
    before = await torn.ids()

    await archive.restore(instant)
    said = await refused(torn)
    assert re.search(r"position \d+ of lane \d was published, but the newest in the database is \d+", said)
    assert 'Nothing was read or published. service/docs/runbook.md, "Two stores"' in said
    show = await torn.command("lanes", "show")
    assert show.returncode == 1
    assert "the database was restored from before it" in show.stdout

    await recovered(torn)
    early = await torn.command("lanes", "release")
    assert (early.returncode, early.stderr) == (
        1,
        "The input was not read up to the recovery yet. Let the service catch up first.\n",
    )
    async with torn.worker() as worker:
        assert (await worker.has_logged("input_rewound"))["records_at_most"] >= 8

        async def released() -> bool:
            return (await torn.command("lanes", "release", "--by", "op")).returncode == 0

        await eventually(released, "the input read up to the recovery", worker.log.read_text)
        assert await torn.rows("select count(*) from orders where held_at is not null or stuck is not null") == [(0,)]
        # Consumers see the notice of the record that was quarantined again a second time, with its id; nothing else.
        ((notice,),) = await torn.rows("select distinct id from outbox where topic = 'purchasing.quarantine.v1'")
        assert await torn.ids() == sorted([*before, notice])
        # It continues where it was: a claim on money that was refunded already changes nothing.
        async with torn.outside(past=True) as outside:
            last = dict(events[-1], id="once-more")
            await outside.send_and_settle(last)
        worker.stop()
        assert await worker.ended() == 0
    async with torn.outside(past=True) as outside:
        await outside.to_the_end()
        for order in (halfway, whole):
            seen = outside.outputs(order)
            assert [one.version for one in seen] == list(range(1, len(seen) + 1))
            commands, _ = summaries([one.event for one in seen])
            assert differences(CASE.commands, renamed(commands, "ord-1001", order)) == []
    verdict = await torn.command("outbox", "verify")
    assert verdict.returncode == 0, verdict.stdout
    actions = await torn.rows("select done_by, what, why from operator_actions where what like 'lanes%'")
    assert [tuple(row) for row in actions] == [("op", "lanes recover", "disk full")]


async def test_facts_that_led_to_nothing_are_read_again_after_a_restore_too(torn):
    order = order_id()
    placed, accepted, captured = case_events("01", order)
    await play(torn, [placed])
    backup = await torn.copied()
    await play(torn, [accepted])
    assert await torn.rows("select count(*) from outbox") == [(0,)]
    await torn.restore(backup)
    await play(torn, [captured])
    assert await torn.rows("select count(*) from facts") == [(3,)]
    assert len(await torn.ids()) == 1


async def test_a_new_database_reads_all_that_the_topics_have(torn):
    order = order_id()
    await play(torn, case_events("01", order)[:2])
    await torn.new_database()
    await play(torn, case_events("01", order)[2:])
    assert await torn.rows("select count(*) from facts") == [(3,)]


async def test_lost_topics_stop_every_lane_until_a_person_sets_the_cursors(torn):
    order = order_id()
    later = next(one for one in iter(order_id, None) if lane_of(one, LANES) == lane_of(order, LANES))
    await play(torn, case_events("13", order))
    ((lane, last),) = await torn.rows("select lane, max(position) from outbox group by lane")
    await torn.lose_topics()
    said = await refused(torn)
    assert f"{OUTBOX.name} does not exist: create it with `topics create`" in said
    assert (await torn.command("topics", "create")).returncode == 0

    async with torn.worker() as worker:
        reason = f"lane {lane} has no cursor in {OUTBOX.name}, but position {last} was published"
        stopped = await worker.has_logged("lane_not_publishing", lane=lane, state="stopped")
        assert stopped["reason"].startswith(reason)
        # Its input is new, too: received events are stored, and wait.
        async with torn.sender() as sender:
            for event in case_events("01", later):
                await sender.send(event)

        async def stored() -> bool:
            return await torn.rows("select count(*) from facts where order_id = $1", later) == [(3,)]

        await eventually(stored, "the new order's facts", worker.log.read_text)
    adopt = ("lanes", "adopt", "--lane", str(lane), "--position", str(last), "--why", "the cluster was lost")
    tried = await torn.command(*adopt)
    assert (tried.returncode, await torn.ids()) == (1, [])
    done = await torn.command(*adopt, "--yes")
    assert done.returncode == 0, done.stderr
    async with torn.worker() as worker:
        await worker.has_logged("lane_publishing", lane=lane, position=last)

        async def published() -> bool:
            return len(await torn.ids()) == 1

        await eventually(published, "what was decided since", worker.log.read_text)
    ((outcome,),) = await torn.rows("select outcome from operator_actions where what = 'lanes adopt'")
    assert outcome.startswith(f"resumes after position {last}; before: lane {lane}: Kafka: no cursor")


async def test_a_person_may_have_outputs_published_again_which_are_listed(torn):
    await play(torn, case_events("13", order_id()))
    before = await torn.ids()
    ((lane, last),) = await torn.rows("select lane, max(position) from outbox group by lane")
    done = await torn.command(
        "lanes", "adopt", "--lane", str(lane), "--position", "1", "--why", "readers lost them", "--yes"
    )
    assert done.returncode == 0
    assert f"Positions 2 to {last} are published AGAIN.\n" in done.stderr
    await play(torn, [])
    rows = await torn.rows("select id from outbox where position > 1")
    assert await torn.ids() == sorted(before + [row[0] for row in rows])


async def test_a_position_that_the_database_does_not_have_is_refused(torn):
    done = await torn.command("lanes", "adopt", "--lane", "2", "--position", "7", "--why", "x", "--yes")
    assert done.returncode == 1
    assert done.stderr.endswith("Lane 2 has no position 7 in the outbox: publishing can't resume after it.\n")


async def test_another_databases_cursor_stops_the_lane_until_it_is_adopted(torn):
    await play(torn, case_events("13", order_id()))
    ((lane,),) = await torn.rows("select distinct lane from outbox")
    before = await torn.ids()
    await torn.new_database()
    async with torn.worker() as worker:
        stopped = await worker.has_logged("lane_not_publishing", lane=lane, state="stopped")
        assert stopped["reason"].startswith(f"the cursor of lane {lane} belongs to outbox")
    show = await torn.command("lanes", "show")
    assert show.returncode == 1
    assert re.search(rf"lane {lane}: Kafka: position \d+ of another outbox .*contradict each other", show.stdout)
    assert await torn.ids() == before
    done = await torn.command("lanes", "adopt", "--lane", str(lane), "--position", "0", "--why", "it is new", "--yes")
    assert done.returncode == 0, done.stderr
    assert (await torn.command("lanes", "show")).returncode == 0


async def test_a_cursor_topic_that_a_broker_made_by_itself_ends_the_service(torn):
    await torn.lose_topics()
    await torn.make_topic(OUTBOX.name, 1, {})
    said = await refused(torn)
    assert f"{OUTBOX.name} has 1 partitions and needs 4, one for each lane of the database" in said
    assert f"{OUTBOX.name} has cleanup.policy=delete and should have compact" in said


async def test_a_cursor_topic_whose_records_would_be_deleted_ends_the_service(torn):
    await torn.lose_topics()
    await torn.make_topic(OUTBOX.name, LANES, {"cleanup.policy": "delete"})
    said = await refused(torn)
    assert f"{OUTBOX.name} has cleanup.policy=delete and should have compact" in said
    assert "partitions and needs" not in said


async def test_a_database_that_went_on_after_it_was_restored_is_not_mended_by_guessing(torn):
    order = order_id()
    events = case_events("13", order)
    await play(torn, events[:4])
    backup = await torn.copied()
    await play(torn, events[4:])
    await torn.restore(backup)
    # A program published without the service's check.
    await torn.rows(
        "with taken as (update lanes set position = position + 5 where position > 0 returning lane, position)"
        " insert into outbox (lane, position, topic, key, id, value, decided_at)"
        " select lane, n, 'purchasing.decisions.v1', 'o', n::text, 'other', now() from taken, "
        " generate_series(position - 4, position) as n"
    )
    assert "the database was restored from before it and has gone on" in await refused(torn)
    done = await torn.command("lanes", "recover", "--why", "x", "--yes")
    assert done.returncode == 1
    assert "can't be put back into their place. Restore it again" in done.stderr


async def test_records_removed_unread_are_skipped_only_by_the_documented_command(torn):
    order = order_id()
    await play(torn, case_events("01", order))
    async with torn.sender() as sender:
        where = [await sender.send(case_events("01", order_id())[0])]
    admin = AIOKafkaAdminClient(bootstrap_servers=torn.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(*place): RecordsToDelete(before_offset=-1) for place in set(where)})
    await admin.close()
    said = await refused(torn)
    ((topic, partition),) = set(re.findall(r"Topic (\S+), partition (\d+): group purchasing goes on at", said))
    assert f"--group purchasing --topic {topic}:{partition} --reset-offsets --to-earliest --execute" in said
    assert topic.startswith("purchasing.events.")
    await asyncio.to_thread(reset_to_earliest, torn.bootstrap, f"{topic}:{partition}")
    later = order_id()
    await play(torn, case_events("01", later))
    assert await torn.rows("select count(*) from facts where order_id = $1", later) == [(3,)]


def reset_to_earliest(bootstrap, place):
    """Run a command that the service names, which is one of Kafka's own tools."""
    command = java_command("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand")
    command += ["--bootstrap-server", bootstrap, "--group", "purchasing", "--topic", place]
    subprocess.run(
        [*command, "--reset-offsets", "--to-earliest", "--execute"],
        check=True,
        capture_output=True,
        timeout=HANG_SECONDS,
    )
