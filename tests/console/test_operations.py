"""Operations: whose they are, what happens when two consoles have one, how they go on, and what is forgotten after."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from service.console import runner as runner_module
from service.console.server import running_console
from service.operations.acts.perform import ItemAct, Tools, perform, stands
from service.orders.operator_engine import operator_engine
from service.store.operators.erasures import erase_order, erase_record
from service.store.order_history import OrderHistories
from service.store.rows import StoreTime
from tests.cli.test_quarantine import garbled, named
from tests.console.acting import (
    PATIENT,
    confirm,
    done,
    hidden,
    operation,
    person,
    preview_of,
    propose,
)
from tests.console.conftest import settings_for
from tests.console.reading import Page, read
from tests.console.test_acts import SECRET, TERMS, bad_records, commands_of, rows
from tests.console.test_database import as_owner
from tests.console.test_order_page import hear
from tests.orders.hands import DELIVERED
from tests.orders.stories import Story, paid_order, quarantine_ref, record
from tests.rules.happenings import HOUR, when
from tests.waiting import HANG_SECONDS, eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientSession


pytestmark = pytest.mark.usefixtures("patient")
TOPIC = "purchasing.events.order.v1"
LEASE_ENDED = "update console_operations set lease_ends_at = clock_timestamp() - interval '1 second'"


async def go_on(session: ClientSession, operation_id: str, status: int = 200) -> str:
    form = hidden(await read(session, f"/operations/{operation_id}")) | {"step": "all"}
    async with session.post(f"/operations/{operation_id}/continue", data=form) as answer:
        page = await answer.text()
        assert answer.status == status, page
        return page


@asynccontextmanager
async def long_item(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event]]:
    """The first item that is done here isn't noted until the second event is set. The first event: it is done."""
    did, go, perform_ = asyncio.Event(), asyncio.Event(), runner_module.perform

    async def slow(order, tools):
        is_first = not did.is_set()
        found = await perform_(order, tools)
        did.set()
        if is_first:
            await go.wait()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(runner_module, "perform", slow)
        patch.setattr("service.console.acts.proposal_pages.SETTLE_SECONDS", 0.0)
        try:
            yield did, go
        finally:
            go.set()


async def test_the_lease_is_renewed_while_an_item_takes_long(database, engine, ann, monkeypatch) -> None:
    await hear(engine, paid_order())
    monkeypatch.setattr(runner_module, "RENEW_SECONDS", 0.02)
    async with long_item(monkeypatch) as (did, _):
        proposal = await propose(ann, "hold", orders="ord-1")
        await confirm(ann, proposal)
        await asyncio.wait_for(did.wait(), HANG_SECONDS)
        await rows(database, LEASE_ENDED)

        async def is_renewed() -> bool:
            return (await rows(database, "select lease_ends_at > clock_timestamp() from console_operations")) == [
                (True,)
            ]

        await eventually(is_renewed, "the lease is renewed")
    assert [one["outcome"] for one in (await operation(ann, proposal))["items"]] == ["done"]


async def test_only_the_console_that_has_an_operation_notes_what_became_of_an_item(
    database, engine, acting, provider, ann, monkeypatch
) -> None:
    """A console that was frozen goes on with an item that another one has taken up meanwhile."""
    await hear(engine, paid_order())
    bad = await bad_records(engine, 2, "ord-2")
    async with long_item(monkeypatch) as (did, go):
        proposal = await propose(ann, "drop", records="\n".join(named(one) for one in bad))
        await confirm(ann, proposal)
        await asyncio.wait_for(did.wait(), HANG_SECONDS)
        await rows(database, LEASE_ENDED)
        settings = settings_for(database, **provider.settings())
        async with running_console(settings, PATIENT) as other, person(other, provider, "u-bo") as bo:
            ended = await operation(bo, proposal)
        before = await rows(database, "select * from console_items order by nth")
        with capture_logs() as logs:
            go.set()
            await acting.console._parts.acts.runner.settle(UUID(proposal), HANG_SECONDS)
    assert [one["event"] for one in logs] == ["operation_lost"]
    assert [one["outcome"] for one in ended["items"]] == ["nothing", "done"]
    assert "may have been done then" in ended["items"][0]["detail"]
    assert await rows(database, "select * from console_items order by nth") == before
    assert await rows(database, 'select count(*), count(distinct "offset") from quarantine_actions') == [(2, 2)]


async def test_an_act_that_two_do_at_once_happens_once(database, engine) -> None:
    """However two consoles came to do the same item: each act does nothing twice."""
    await hear(engine, paid_order())
    story = Story("ord-2").placed()
    bad = garbled(story.last, time="yesterday")
    await engine.handle([bad, garbled(Story("ord-3").placed().last, time="yesterday")])
    await rows(database, "insert into circuit_breakers (topic, bad, records) values ($1, 60, 100)", TOPIC)
    await rows(database, "update quarantine set value = $1 where order_id = 'ord-2'", story.last.value)
    records = {
        row[0]: f"{TOPIC}/0/{row[1]}" for row in await rows(database, 'select order_id, "offset" from quarantine')
    }
    orders = [
        ("hold", "ord-1", {}),
        ("release", "ord-1", {}),
        ("retry", "ord-1", {}),
        ("pause", "all lanes", {"lane": -1}),
        ("resume", "all lanes", {"lane": -1, "checked": {}}),
        ("breaker_reset", TOPIC, {"topic": TOPIC}),
        ("replay", records["ord-2"], {}),
        ("drop", records["ord-3"], {}),
        ("terms_import", "t.toml", {"name": "t.toml", "text": TERMS}),
    ]
    outputs = await rows(database, "select id from outbox where order_id = 'ord-1'")
    outcomes = {}
    async with (
        as_owner(database) as one,
        as_owner(database) as other,
        operator_engine(database) as (ours, _),
        operator_engine(database) as (theirs, _),
    ):
        for act, subject, given in orders:
            if act == "retry":
                await rows(database, "update orders set stuck = 'ZeroDivisionError' where order_id = 'ord-1'")
            given["stands"] = await stands(act, given, one)
            item_act = ItemAct(act, subject, given, "ann", "why")
            both = await asyncio.gather(
                perform(item_act, Tools(one, ours, None)), perform(item_act, Tools(other, theirs, None))
            )
            outcomes[act] = sorted(each.outcome for each in both)
    assert outcomes.pop("resume") in (["changed", "done"], ["done", "nothing"])
    assert "done" in outcomes.pop("retry")
    assert outcomes == {act: ["done", "nothing"] for act, *_ in orders if act not in ("resume", "retry")}
    actions = await rows(database, "select what, count(*) from operator_actions where what <> 'order retry' group by 1")
    assert {count for _, count in actions} == {1}
    assert await rows(database, "select id from outbox where order_id = 'ord-1'") == outputs
    assert await rows(
        database, "select what, outcome, count(*) from quarantine_actions group by 1, 2 order by 1, 2"
    ) == [(what, outcome, 1) for what in ("drop", "replay") for outcome in ("known", "resolved")]
    assert await rows(database, "select count(*) from facts where order_id = 'ord-2'") == [(1,)]
    assert await rows(database, "select count(*) from terms") == [(1,)]


async def test_an_operation_that_goes_on_is_stale_once_time_lets_other_money_move(
    database, engine, ann, monkeypatch
) -> None:
    """Nothing is received while it waits for a person to let it go on: the days of a demand end."""
    now = published_at = when(DELIVERED + HOUR)

    async def clock(_histories: OrderHistories) -> StoreTime:
        return StoreTime(now, now)

    for order in ("ord-1", "ord-2"):
        await hear(engine, paid_order(order).bought().received().charged_back(101_301, at=DELIVERED))
    query = "insert into publications select lane, position, order_id, order_version, $1 from outbox where timed"
    await rows(database, query, published_at)
    await done(ann, "hold", orders="ord-1\nord-2")
    monkeypatch.setattr(OrderHistories, "clock", clock)
    proposal = await propose(ann, "release", orders="ord-1\nord-2")
    assert (await preview_of(ann, proposal))["moves"] == []
    await confirm(ann, proposal, step="1")
    assert (await operation(ann, proposal))["handled"] == 1
    now += timedelta(days=10)
    page = await go_on(ann, proposal, 409)
    assert "by the time that has passed, other money would move for 1 of its orders" in Page(page).text
    assert "1,013.01" in page
    again = hidden(page)
    assert again["orders"] == "ord-2", "only what is left is proposed again"
    assert await rows(database, "select order_id from orders where held_at is not null") == [("ord-2",)]
    async with ann.post("/acts/release", data=again) as answer:
        assert answer.status == 200
        await confirm(ann, answer.url.path.removeprefix("/proposals/"))
    assert await rows(database, "select order_id from orders where held_at is not null") == []


async def test_an_operation_that_was_left_long_ago_waits_for_a_person(database, engine, provider, monkeypatch) -> None:
    await hear(engine, paid_order())
    monkeypatch.setattr(runner_module, "LOOK_SECONDS", 0.02)
    settings = settings_for(database, **provider.settings())
    async with running_console(settings, PATIENT) as running, person(running, provider, "u-ann") as session:
        proposal = await propose(session, "hold", orders="ord-1")
        query = "insert into console_operations (id, started_at, allowed) values ($1, now() - interval '2 hours', 1)"
        await rows(
            database, "update console_proposals set confirmed_by = 'u', confirmed_name = 'U', confirmed_at = now()"
        )
        await rows(database, query, proposal)
        assert (await operation(session, proposal))["state"] == "waiting"
        assert await rows(database, "select held_at from orders") == [(None,)]
        await go_on(session, proposal)
        assert [one["outcome"] for one in (await operation(session, proposal))["items"]] == ["done"]


async def test_an_operation_goes_on_with_an_order_of_which_a_part_has_moved(database, engine, ann) -> None:
    """Two records of one order, each of which moves money: the preview had both."""
    story = paid_order().tipped(26_000, tip="tip-1").tipped(27_000, tip="tip-2", payment_id="pay-3")
    await hear(engine, paid_order())
    bad = [garbled(one, time="yesterday") for one in story.inbound_records[-2:]]
    await engine.handle(bad)
    for one, right in zip(bad, story.inbound_records[-2:], strict=True):
        # As if a newer version could read them.
        await rows(database, 'update quarantine set value = $1 where "offset" = $2', right.value, one.offset)
    proposal = await propose(ann, "replay", records="\n".join(named(one) for one in bad))
    before = await commands_of(database, "ord-1")
    await confirm(ann, proposal, step="1")
    await operation(ann, proposal)
    assert len(await commands_of(database, "ord-1")) > len(before), "the first record has moved money"
    await go_on(ann, proposal)
    assert [one["outcome"] for one in (await operation(ann, proposal))["items"]] == ["done", "done"]
    moved = (await commands_of(database, "ord-1"))[len(before) :]
    previewed = [
        (one["currency"], one["line"], one["amount"])
        for one in (await preview_of(ann, proposal))["effects"][0]["moves"]
    ]
    assert sorted(previewed) == sorted(moved)


async def repairs(engine, session: ClientSession, database: str, number: int) -> list[str]:
    """Proposals to repair the records of that many orders."""
    found = []
    for n in range(number):
        right = Story(f"ord-{n}").placed(address=SECRET).last
        bad = garbled(right, time="yesterday")
        await engine.handle([bad])
        found.append(await propose(session, "repair", records=named(bad), value=right.value.decode()))
    return found


async def test_the_bytes_of_a_repair_are_forgotten_soon_after_its_proposal_ended(
    database, engine, provider, monkeypatch
) -> None:
    monkeypatch.setattr(runner_module, "LOOK_SECONDS", 0.02)
    settings = settings_for(database, **provider.settings())
    async with running_console(settings, PATIENT) as running, person(running, provider, "u-ann") as session:
        _, stopped, runs, waits = await repairs(engine, session, database, 4)
        query = (
            "insert into console_operations (id, allowed, runner, lease_ends_at, stopped) values ($1, 1, $1, $2, $3)"
        )
        for one, stop in ((stopped, "asked"), (runs, None)):
            await rows(database, query, one, when(10**10), stop)
        await rows(database, "update console_proposals set ends_at = now() where id <> $1", waits)

        async def are_forgotten() -> bool:
            return await rows(database, "select count(*) from console_repairs") == [(2,)]

        await eventually(are_forgotten, "the bytes of the first two are forgotten")
        left = {str(row[0]) for row in await rows(database, "select proposal_id from console_repairs")}
        assert left == {runs, waits}


async def test_erasing_a_record_or_its_order_erases_the_repair_of_a_value_for_it(database, engine, ann) -> None:
    """Also where neither the record nor the value can be read as an event of the order."""
    keyed, nameless = record(b"{", key=b"ord-1", topic=TOPIC), record(b"}", topic=TOPIC)
    await engine.handle([keyed, nameless])
    for one in (keyed, nameless):
        await propose(ann, "repair", records=named(one), value=json.dumps({"address": SECRET}))
    assert await rows(database, "select count(*) from console_repairs") == [(2,)]
    async with as_owner(database) as owner:
        await owner.execute("set role purchasing_eraser")
        await erase_order(owner, "ord-1", "eve", "asked to")
    (left,) = await rows(database, "select subject from console_repairs join console_items using (proposal_id)")
    assert left[0].startswith(named(nameless))
    async with as_owner(database) as owner:
        await owner.execute("set role purchasing_eraser")
        await erase_record(owner, quarantine_ref(nameless).record, "eve", "asked to")
    assert await rows(database, "select count(*) from console_repairs") == [(0,)]
