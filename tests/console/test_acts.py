"""Acts with a preview: frozen lists, stale previews, acts that happen once, operations with an outcome per item."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from service.console import runner as runner_module
from service.console.routes import ROUTES
from service.console.server import running_console
from service.operations.acts.money import COMMANDS
from service.operations.quarantine.resolution import ELSEWHERE
from service.store.lanes import lane_of
from service.store.operators.erasures import erase_order
from service.store.operators.pauses import ALL_LANES
from service.store.order_history import OrderHistories
from service.store.rows import StoreTime
from tests.broker import LANES
from tests.cli.test_quarantine import garbled, named
from tests.console.acting import (
    PATIENT,
    confirm,
    done,
    form_of,
    hidden,
    new_key,
    operation,
    person,
    preview_of,
    propose,
)
from tests.console.conftest import browser, settings_for
from tests.console.reading import Page, read, read_json
from tests.console.test_database import BOTH, as_owner, grant, user  # noqa: F401 - a fixture
from tests.console.test_order_page import hear
from tests.orders.hands import DELIVERED
from tests.orders.stories import Story, dissolved, paid_order
from tests.rules.happenings import HOUR, when

if TYPE_CHECKING:
    from aiohttp import ClientSession


JSON = {"Accept": "application/json"}
SECRET = "Warehouse 3, marker-77aa"


pytestmark = pytest.mark.usefixtures("patient")


async def rows(database: str, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    async with as_owner(database) as owner:
        return [tuple(row) for row in await owner.fetch(query, *arguments)]


async def held_dissolution(engine, session: ClientSession, order_id: str = "ord-1") -> Story:
    """An order that was held at the console before the messages came by which money goes back."""
    story = paid_order(order_id).bought(goods=90_000, at=3_000_000)
    await hear(engine, story)
    await done(session, "hold", orders=order_id)
    rest = story.asks_to_cancel().seller_cancels(penalty=5_000)
    for one in rest.inbound_records[-2:]:
        await engine.handle([one])
    return rest


async def bad_records(engine, number: int = 2, order: str = "ord-1") -> list[Any]:
    """Records of one group, each of which breaks the contract by its time."""
    placed = Story(order).placed(address=SECRET).last
    bad = [garbled(placed, id=f"bad-{order}-{n}", time="yesterday") for n in range(number)]
    await engine.handle(bad)
    return bad


async def commands_of(database: str, order_id: str) -> list[tuple[str, str, int]]:
    """Currency, line and amount of each command that was decided."""
    values = await rows(database, "select topic, value from outbox where order_id = $1 order by position", order_id)
    data = [json.loads(value)["data"] for topic, value in values if topic.startswith(COMMANDS)]
    return [(one["amount"]["currency"], one.get("line", ""), one["amount"]["value"]) for one in data if "amount" in one]


async def test_a_release_moves_exactly_what_its_preview_showed(database, engine, ann) -> None:
    await held_dissolution(engine, ann)
    before = await commands_of(database, "ord-1")
    proposal = await propose(ann, "release", orders="ord-1")
    preview = await preview_of(ann, proposal)
    assert [one["order_id"] for one in preview["effects"]] == ["ord-1"]
    assert await commands_of(database, "ord-1") == before
    page = Page(await read(ann, f"/proposals/{proposal}")).text
    assert "What would move" in page
    assert "CNY" in page
    await confirm(ann, proposal)
    ended = await operation(ann, proposal)
    assert [(one["subject"], one["outcome"]) for one in ended["items"]] == [("ord-1", "done")]
    moved = (await commands_of(database, "ord-1"))[len(before) :]
    assert moved
    previewed = [(one["currency"], one["line"], one["amount"]) for one in preview["effects"][0]["moves"]]
    assert sorted(previewed) == sorted(moved)


async def test_all_is_a_frozen_list_and_what_comes_later_is_not_touched(database, engine, ann) -> None:
    """The first accident."""
    await bad_records(engine, 2)
    page = await read(ann, "/quarantine")
    group = next(link for link in Page(page).links if link.startswith("/quarantine/group"))
    link = next(one for one in Page(await read(ann, group)).links if one.startswith("/acts/drop?"))
    form = hidden(await read(ann, link))
    async with ann.post("/acts/drop", data=form | {"why": "sent by mistake"}) as answer:
        proposal = answer.url.path.removeprefix("/proposals/")
        assert answer.status == 200, await answer.text()
    later = (await bad_records(engine, 3))[2]
    await confirm(ann, proposal)
    ended = await operation(ann, proposal)
    assert [one["outcome"] for one in ended["items"]] == ["done", "done"]
    left = await rows(database, 'select "offset" from quarantine where resolved_at is null order by 1')
    assert later.offset in [row[0] for row in left]
    assert len(left) == 3


async def test_a_preview_is_stale_once_one_of_its_orders_changed(database, engine, ann) -> None:
    """The second accident: it is refused, the difference is shown, and one is asked again."""
    story = await held_dissolution(engine, ann)
    proposal = await propose(ann, "release", orders="ord-1")
    then = (await preview_of(ann, proposal))["moves"]
    await engine.handle([story.cost(700).last])
    page = await confirm(ann, proposal, 409)
    text = Page(page).text
    assert "Nothing was done: 1 of its orders have changed" in text
    assert "ord-1" in text
    assert (await rows(database, "select held_at is not null from orders"))[0] == (True,)
    assert await rows(database, "select count(*) from console_operations where id = $1", proposal) == [(0,)]
    async with ann.post("/acts/release", data=hidden(page)) as answer:
        assert answer.status == 200
        again = answer.url.path.removeprefix("/proposals/")
    assert again != proposal
    now = (await preview_of(ann, again))["moves"]
    for moves in (then, now):
        assert any("¥" in text and f"{one['amount'] / 100:,.2f}" in text for one in moves if one["amount"])
    await confirm(ann, again)
    assert [one["outcome"] for one in (await operation(ann, again))["items"]] == ["done"]


async def test_a_preview_is_stale_once_a_deadline_lets_other_money_move(database, engine, ann, monkeypatch) -> None:
    """Nothing is received between the preview and its confirmation: the days of a demand end."""
    now = published_at = when(DELIVERED + HOUR)

    async def clock(_histories: OrderHistories) -> StoreTime:
        return StoreTime(now, now)

    await hear(engine, paid_order().bought().received().charged_back(101_301, at=DELIVERED))
    query = "insert into publications select 0, 1, order_id, order_version, $1 from outbox where timed"
    await rows(database, query, published_at)
    await done(ann, "hold", orders="ord-1")
    monkeypatch.setattr(OrderHistories, "clock", clock)
    proposal = await propose(ann, "release", orders="ord-1")
    assert (await preview_of(ann, proposal))["moves"] == []
    now += timedelta(days=10)
    page = await confirm(ann, proposal, 409)
    assert "by the time that has passed, other money would move for 1 of its orders" in Page(page).text
    assert "1,013.01" in page
    assert await rows(database, "select held_at is not null from orders") == [(True,)]
    again = await propose(ann, "release", orders="ord-1")
    assert [one["amount"] for one in (await preview_of(ann, again))["moves"]] == [101_301]
    await confirm(ann, again)


async def test_an_act_sent_twice_is_done_once(database, engine, ann) -> None:
    """The fourth accident: double click, back and reload."""
    await hear(engine, paid_order())
    form = await form_of(ann, "hold") | {"orders": "ord-1", "why": "the buyer complains"}
    answers = await asyncio.gather(*[ann.post("/acts/hold", data=form) for _ in range(3)])
    (path,) = {answer.url.path for answer in answers}
    proposal = path.removeprefix("/proposals/")
    confirmation = hidden(await answers[0].text())
    answers = await asyncio.gather(*[ann.post(f"{path}/confirm", data=confirmation) for _ in range(3)])
    assert {(answer.status, answer.url.path) for answer in answers} == {(200, f"/operations/{proposal}")}
    await operation(ann, proposal)
    await confirm(ann, proposal)
    assert await rows(database, "select count(*) from console_operations") == [(1,)]
    assert await rows(database, "select done_by, what, subject from operator_actions") == [
        ("U-Ann (u-ann)", "order hold", "ord-1")
    ]


@pytest.mark.parametrize("change", [{"form_token": ""}, {"form_token": "0" * 64}, {"form_token": "é"}])
async def test_a_form_without_its_token_is_not_taken(change, database, engine, ann) -> None:
    await hear(engine, paid_order())
    form = await form_of(ann, "hold") | {"orders": "ord-1", "why": "x"} | change
    async with ann.post("/acts/hold", data=form) as answer:
        assert answer.status == 403
    assert await rows(database, "select count(*) from console_proposals") == [(0,)]


async def test_a_form_of_another_site_or_another_person_is_not_taken(database, engine, ann, bo) -> None:
    await hear(engine, paid_order())
    form = await form_of(ann, "hold") | {"orders": "ord-1", "why": "x"}
    for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        async with ann.post("/acts/hold", data=form, headers=headers) as answer:
            assert answer.status == 403
    # A proxy or the browser may add such a header to any request.
    for authorization in ("Basic eDp5", "Bearer x"):
        headers = {"Origin": "https://elsewhere.example", "Authorization": authorization}
        async with ann.post("/acts/hold", data=form, headers=headers) as answer:
            assert answer.status == 403
    await form_of(bo, "hold")
    async with bo.post("/acts/hold", data=form) as answer:
        assert answer.status == 403
    assert await rows(database, "select count(*) from console_proposals") == [(0,)]


async def test_an_operation_shows_the_outcome_of_each_item_and_stops_at_a_refusal(database, engine, ann) -> None:
    """The fifth accident: the preview had named what would be refused again."""
    bad = await bad_records(engine, 3, "ord-1")
    proposal = await propose(ann, "replay", records="\n".join(named(one) for one in bad))
    preview = await preview_of(ann, proposal)
    assert [(one["reason"], one["place"]) for one in preview["refused"]] == [("schema", "/time")] * 3
    assert preview["moves"] == []
    await confirm(ann, proposal)
    ended = await operation(ann, proposal)
    assert (ended["state"], ended["stopped"]) == ("stopped", "refused")
    assert [one["outcome"] for one in ended["items"]] == ["refused", None, None]
    page = Page(await read(ann, f"/operations/{proposal}")).text
    assert "It stopped at the first refusal." in page
    assert "not handled yet" in page
    assert SECRET not in page
    assert await rows(database, "select count(*) from quarantine_actions") == [(1,)]


async def test_the_preview_of_a_replay_shows_that_another_cell_has_the_order(database, engine, ann) -> None:
    order = next(one for one in (f"ord-{n}" for n in range(20)) if lane_of(one, LANES) == LANES - 1)
    right = Story(order).placed().last
    bad = garbled(right, time="yesterday")
    await engine.handle([bad])
    await rows(database, f"delete from lanes where lane = {LANES - 1} returning lane")
    proposal = await propose(ann, "repair", records=named(bad), value=right.value.decode())
    preview = await preview_of(ann, proposal)
    assert [(one["reason"], one["because"]) for one in preview["refused"]] == [("elsewhere", ELSEWHERE)]
    assert preview["effects"] == []


async def test_a_replay_goes_on_in_steps_and_saying_so_twice_does_nothing_twice(database, engine, ann) -> None:
    bad = await bad_records(engine, 4)
    proposal = await propose(ann, "drop", records="\n".join(named(one) for one in bad))
    await confirm(ann, proposal, step="1")
    first = await operation(ann, proposal)
    assert (first["state"], first["handled"], first["allowed"]) == ("waiting", 1, 1)
    form = hidden(await read(ann, f"/operations/{proposal}")) | {"step": "1"}
    for _ in range(2):
        async with ann.post(f"/operations/{proposal}/continue", data=form) as answer:
            assert answer.status == 200
    second = await operation(ann, proposal)
    assert (second["state"], second["handled"]) == ("waiting", 2)
    form = hidden(await read(ann, f"/operations/{proposal}")) | {"step": "all"}
    async with ann.post(f"/operations/{proposal}/continue", data=form) as answer:
        assert answer.status == 200
    last = await operation(ann, proposal)
    assert (last["state"], [one["outcome"] for one in last["items"]]) == ("ended", ["done"] * 4)
    assert await rows(database, "select count(*) from quarantine_actions") == [(4,)]


async def test_a_restarted_console_ends_what_the_one_before_began(database, engine, provider, monkeypatch) -> None:
    bad = await bad_records(engine, 3)
    settings = settings_for(database, **provider.settings())
    reached, perform = asyncio.Event(), runner_module.perform

    async def never(order, means):
        if reached.is_set():
            await asyncio.Event().wait()
        reached.set()
        return await perform(order, means)

    with monkeypatch.context() as patch:
        patch.setattr(runner_module, "perform", never)
        patch.setattr("service.console.acts.proposal_pages.SETTLE_SECONDS", 0.0)
        async with running_console(settings, PATIENT) as running, person(running, provider, "u-ann") as session:
            proposal = await propose(session, "drop", records="\n".join(named(one) for one in bad))
            await confirm(session, proposal)
            await asyncio.wait_for(reached.wait(), 60)
    async with running_console(settings, PATIENT) as running, person(running, provider, "u-bo") as session:
        ended = await operation(session, proposal)
    assert (ended["state"], [one["outcome"] for one in ended["items"]]) == ("ended", ["done"] * 3)
    assert await rows(database, 'select count(*), count(distinct "offset") from quarantine_actions') == [(3, 3)]


@pytest.mark.parametrize(
    ("act", "fields", "outcome"),
    [
        ("release", {"orders": "ord-1"}, "changed"),
        ("resume", {"lane": "all"}, "changed"),
        ("breaker_reset", {"topic": "purchasing.events.order.v1"}, "nothing"),
    ],
)
async def test_an_item_left_between_doing_and_noting_may_have_been_done(
    act, fields, outcome, database, engine, provider, monkeypatch
) -> None:
    """It isn't done again, and isn't reported as not done."""
    settings = settings_for(database, **provider.settings())
    did, perform = asyncio.Event(), runner_module.perform

    async def then_ends(item_act, tools):
        found = await perform(item_act, tools)
        if item_act.kind == act:
            did.set()
            await asyncio.Event().wait()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(runner_module, "perform", then_ends)
        patch.setattr("service.console.acts.proposal_pages.SETTLE_SECONDS", 0.0)
        async with running_console(settings, PATIENT) as running, person(running, provider, "u-ann") as session:
            await held_dissolution(engine, session)
            await done(session, "pause", lane="all")
            query = "insert into circuit_breakers (topic, bad, records) values ($1, 60, 100)"
            await rows(database, query, "purchasing.events.order.v1")
            proposal = await propose(session, act, **fields)
            await confirm(session, proposal)
            await asyncio.wait_for(did.wait(), 60)
    before = await rows(database, "select * from operator_actions order by nth")
    async with running_console(settings, PATIENT) as running, person(running, provider, "u-bo") as session:
        (item,) = (await operation(session, proposal))["items"]
    assert item["outcome"] == outcome
    assert "may have been done then: see the record of actions" in item["detail"]
    assert await rows(database, "select * from operator_actions order by nth") == before


async def test_an_order_that_changes_while_an_operation_waits_stops_it(database, engine, ann) -> None:
    for order in ("ord-1", "ord-2"):
        await held_dissolution(engine, ann, order)
    proposal = await propose(ann, "release", orders="ord-1\nord-2")
    await confirm(ann, proposal, step="1")
    await operation(ann, proposal)
    await engine.handle([Story("ord-2").placed().accepted().paid().cost(900, at=4_000_000).last])
    form = hidden(await read(ann, f"/operations/{proposal}")) | {"step": "all"}
    async with ann.post(f"/operations/{proposal}/continue", data=form) as answer:
        assert answer.status == 200
    ended = await operation(ann, proposal)
    assert [one["outcome"] for one in ended["items"]] == ["done", "changed"]
    assert await rows(database, "select order_id from orders where held_at is not null") == [("ord-2",)]


async def test_a_repaired_record_keeps_its_identity_and_gets_no_headers(database, engine, ann) -> None:
    """The eleventh accident."""
    right = Story().placed(address=SECRET).last
    bad = garbled(right, time="yesterday")
    await engine.handle([bad])
    event = json.loads(right.value)
    other = json.dumps(event | {"id": "another"})
    page = await propose(ann, "repair", 422, records=named(bad), value=other)
    assert "keeps its identity" in Page(page).text
    proposal = await propose(ann, "repair", records=named(bad), value=json.dumps(event))
    preview = await preview_of(ann, proposal)
    assert preview["changed_places"] == ["/time"]
    assert preview["refused"] == []
    assert SECRET not in json.dumps(await read_json(ann, f"/proposals/{proposal}", Accept="application/json"))
    await confirm(ann, proposal)
    assert [one["outcome"] for one in (await operation(ann, proposal))["items"]] == ["done"]
    assert await rows(database, "select source, id from facts") == [(event["source"], event["id"])]
    found = await rows(database, 'select topic, partition, "offset", headers, value, resolution from quarantine')
    assert found == [(bad.topic, bad.partition, bad.offset, "[]", bad.value, "replay")]
    assert await rows(database, "select count(*) from console_repairs") == [(0,)]


async def test_a_repair_of_a_record_resolved_meanwhile_is_stale(database, engine, ann) -> None:
    await hear(engine, paid_order())
    last = paid_order().asks_to_cancel().last
    bad = garbled(last, time="yesterday")
    await engine.handle([bad])
    proposal = await propose(ann, "repair", records=named(bad), value=last.value.decode())
    await done(ann, "drop", records=named(bad))
    page = await confirm(ann, proposal, 409)
    assert "out of date" in Page(page).text


async def test_erasing_an_order_erases_a_repair_that_waits_and_nothing_is_replayed(database, engine, ann) -> None:
    right = Story().placed(address=SECRET).last
    bad = garbled(right, time="yesterday")
    await engine.handle([bad])
    proposal = await propose(ann, "repair", records=named(bad), value=right.value.decode())
    async with as_owner(database) as owner:
        await owner.execute("set role purchasing_eraser")
        await erase_order(owner, "ord-1", "eve", "asked to")
    assert await rows(database, "select count(*) from console_repairs") == [(0,)]
    await confirm(ann, proposal)
    assert [one["outcome"] for one in (await operation(ann, proposal))["items"]] == ["refused"]
    assert await rows(database, "select count(*) from facts") == [(0,)]


async def test_only_what_a_resume_showed_passes_the_refund_limit(database, engine, ann) -> None:
    await hear(engine, dissolved())
    ended = await done(ann, "pause", lane="all")
    assert [one["outcome"] for one in ended["items"]] == ["done"]
    proposal = await propose(ann, "resume", lane="all")
    found = await read_json(ann, f"/proposals/{proposal}", Accept="application/json")
    assert found["needs_approval"] is False
    money = {(one["currency"], one["line"]): one["amount"] for one in found["preview"]["moves"] if one["amount"]}
    commands = await commands_of(database, "ord-1")
    assert sum(money.values()) == sum(amount for *_, amount in commands) > 0
    positions = dict(await rows(database, "select lane, position from lanes where position > 0"))
    await hear(engine, dissolved_as("ord-2"))
    await engine.handle([dissolved().delivered().last])
    await confirm(ann, proposal)
    assert [one["outcome"] for one in (await operation(ann, proposal))["items"]] == ["done"]
    assert await rows(database, "select count(*) from outbox_pauses") == [(0,)]
    passed = dict(await rows(database, "select lane, position from outbox_releases where position > 0"))
    assert passed == positions


def dissolved_as(order_id: str) -> Story:
    return paid_order(order_id).bought(goods=90_000, at=3_000_000).asks_to_cancel().seller_cancels(penalty=5_000)


async def test_after_the_refund_limit_somebody_else_has_to_confirm(database, engine, ann, bo) -> None:
    """The twelfth accident."""
    await hear(engine, dissolved())
    async with as_owner(database) as owner:
        await owner.execute(
            "insert into outbox_pauses (lane, paused_by, why) values ($1, 'the refund limit', 'too much')", ALL_LANES
        )
    proposal = await propose(ann, "resume", lane="all")
    assert "Somebody else has to confirm this" in Page(await read(ann, f"/proposals/{proposal}")).text
    refused = await confirm(ann, proposal, 403)
    assert "somebody else has to confirm it" in Page(refused).text
    assert await rows(database, "select count(*) from outbox_pauses") == [(1,)]
    await confirm(bo, proposal)
    ended = await operation(bo, proposal)
    assert (ended["requested_by"], ended["confirmed_by"]) == ("U-Ann (u-ann)", "U-Bo (u-bo)")
    assert [one["outcome"] for one in ended["items"]] == ["done"]
    assert await rows(database, "select done_by from operator_actions where what = 'outbox resume'") == [
        ("U-Ann (u-ann), confirmed by U-Bo (u-bo)",)
    ]


async def test_a_resume_of_much_money_needs_a_second_person(database, engine, provider) -> None:
    """A person who pauses before the refund limit does can't let any amount pass it alone."""
    settings = settings_for(database, **provider.settings(), console_approval_amount="CNY=1")
    async with running_console(settings, PATIENT) as running, person(running, provider, "u-ann") as session:
        await done(session, "pause", lane="all")
        await hear(engine, dissolved())
        proposal = await propose(session, "resume", lane="all")
        await confirm(session, proposal, 403)
    assert await rows(database, "select count(*) from outbox_pauses") == [(1,)]


async def test_a_pause_of_the_refund_limit_after_the_preview_makes_it_stale(database, engine, ann) -> None:
    await hear(engine, dissolved())
    await done(ann, "pause", lane="0")
    proposal = await propose(ann, "resume", lane="0")
    async with as_owner(database) as owner:
        await owner.execute("update outbox_pauses set paused_by = 'the refund limit'")
    page = await confirm(ann, proposal, 409)
    assert "pauses or circuit breakers have changed" in Page(page).text
    assert await rows(database, "select count(*) from outbox_pauses") == [(1,)]


async def test_the_database_refuses_who_confirms_what_they_asked_for(database, engine, ann) -> None:
    await hear(engine, dissolved())
    proposal = await propose(ann, "terms_import", name="t.toml", text=TERMS)
    async with as_owner(database) as owner:
        await owner.execute("set role purchasing_operator")
        with pytest.raises(Exception, match="console_proposals_two_people"):
            await owner.execute(
                "update console_proposals set confirmed_by = 'u-ann', confirmed_name = 'Ann', confirmed_at = now()"
            )
        for column in ("requested_by = 'u-bo'", "needs_approval = false", "preview = '{}'"):
            with pytest.raises(Exception, match="permission denied"):
                await owner.execute(f"update console_proposals set {column} where id = '{proposal}'")


TERMS = """
[[terms]]
version = "2126-01"
provider_id = "*"
effective_from = 2126-01-01T00:00:00Z
tip_limit = 30000
"""


async def test_terms_are_imported_by_two_people(database, ann, bo) -> None:
    proposal = await propose(ann, "terms_import", name="t.toml", text=TERMS)
    await confirm(ann, proposal, 403)
    await confirm(bo, proposal)
    assert [one["outcome"] for one in (await operation(bo, proposal))["items"]] == ["done"]
    assert await rows(database, "select provider_id, version from terms") == [("*", "2126-01")]
    page = await propose(ann, "terms_import", 422, name="t.toml", text="[[terms]]\nversion = 3")
    assert "The file is refused" in Page(page).text


@pytest.mark.parametrize(("records", "amount", "needed"), [(1, "CNY=10000000", True), (5, "CNY=10000000", False)])
async def test_dropping_many_records_needs_somebody_else(records, amount, needed, database, engine, provider) -> None:
    bad = await bad_records(engine, 3)
    settings = settings_for(
        database, **provider.settings(), console_approval_records=records, console_approval_amount=amount
    )
    async with running_console(settings, PATIENT) as running, person(running, provider, "u-ann") as session:
        proposal = await propose(session, "drop", records="\n".join(named(one) for one in bad))
        found = await read_json(session, f"/proposals/{proposal}", Accept="application/json")
        assert found["needs_approval"] is needed
        await confirm(session, proposal, 403 if needed else 200)


async def test_a_replay_above_an_amount_needs_somebody_else(database, engine, provider) -> None:
    story = dissolved_as("ord-1")
    *first, last = story.inbound_records
    await engine.handle([garbled(last, time="yesterday")])
    for one in first:
        await engine.handle([one])
    async with as_owner(database) as owner:
        # The record is right now: as if a newer version could read it.
        await owner.execute("update quarantine set value = $1", last.value)
        (name,) = [
            f"{row[0]}/{row[1]}/{row[2]}"
            for row in await owner.fetch('select topic, partition, "offset" from quarantine')
        ]
    for amount, needed in (("CNY=1", True), ("CNY=100000000", False)):
        settings = settings_for(database, **provider.settings(), console_approval_amount=amount)
        async with running_console(settings, PATIENT) as running, person(running, provider, "u-ann") as session:
            proposal = await propose(session, "replay", records=name)
            found = await read_json(session, f"/proposals/{proposal}", Accept="application/json")
            assert found["preview"]["moves"]
            assert found["needs_approval"] is needed
    before = await commands_of(database, "ord-1")
    async with running_console(settings, PATIENT) as running, person(running, provider, "u-ann") as session:
        await confirm(session, proposal)
        assert [one["outcome"] for one in (await operation(session, proposal))["items"]] == ["done"]
    moved = (await commands_of(database, "ord-1"))[len(before) :]
    previewed = [(one["currency"], one["line"], one["amount"]) for one in found["preview"]["effects"][0]["moves"]]
    assert sorted(previewed) == sorted(moved) != []


async def test_a_breaker_is_reset_and_a_stuck_order_is_assessed_again(database, engine, ann) -> None:
    await hear(engine, paid_order())
    topic = "purchasing.events.order.v1"
    page = await propose(ann, "breaker_reset", 422, topic=topic)
    assert "there is nothing to do" in Page(page).text
    async with as_owner(database) as owner:
        await owner.execute("insert into circuit_breakers (topic, bad, records) values ($1, 60, 100)", topic)
        await owner.execute("update orders set stuck = 'ZeroDivisionError'")
    assert [one["outcome"] for one in (await done(ann, "breaker_reset", topic=topic))["items"]] == ["done"]
    assert await rows(database, "select count(*) from circuit_breakers") == [(0,)]
    assert [one["outcome"] for one in (await done(ann, "retry", orders="*"))["items"]] == ["done"]
    assert await rows(database, "select stuck from orders") == [(None,)]


@pytest.mark.parametrize(
    ("act", "fields", "said"),
    [
        ("hold", {"orders": "ord-1", "why": " "}, "Give a reason"),
        ("hold", {"orders": ""}, "Name at least one order."),
        ("hold", {"orders": "ord-unknown"}, "No message about order ord-unknown was received."),
        ("drop", {"records": "x"}, "No such record is in quarantine"),
        ("drop", {"records": "t/1/99999999999999999999"}, "No such record is in quarantine"),
        ("resume", {"lane": "all"}, "It is not paused"),
        ("pause", {"lane": "99"}, "There is no such lane"),
        ("pause", {}, "There is no such lane"),
        ("adopt", {"lane": "0", "position": "1"}, "The console is told of no broker"),
    ],
)
async def test_a_form_that_cannot_be_proposed_is_kept_with_the_reason(act, fields, said, engine, ann) -> None:
    await hear(engine, paid_order())
    page = await propose(ann, act, 422, **fields)
    assert said in Page(page).text
    assert "the sender mended it" in page or "why" in fields


async def test_a_program_acts_by_json(database, engine, ann) -> None:
    await hear(engine, paid_order())
    form = await read_json(ann, "/acts/hold", Accept="application/json")
    sent = {"form_token": form["form_token"], "key": new_key(), "orders": "ord-1", "why": "a program"}
    async with ann.post("/acts/hold", json=sent, headers=JSON) as answer:
        assert answer.status == 200
        proposal = (await answer.json())["id"]
    async with ann.post(f"/proposals/{proposal}/confirm", json=sent, headers=JSON) as answer:
        assert answer.status == 200
    assert [one["outcome"] for one in (await operation(ann, proposal))["items"]] == ["done"]
    listed = await read_json(ann, "/operations", Accept="application/json")
    assert [(one["act"], one["state"]) for one in listed["operations"]] == [("hold", "ended")]
    async with ann.post("/acts/hold", json=sent | {"key": new_key(), "why": ""}, headers=JSON) as answer:
        assert answer.status == 422
        assert (await answer.json(content_type=None))["problem"].startswith("Give a reason")


@pytest.mark.parametrize("text", ["\0", "\ud800"])
@pytest.mark.parametrize(("act", "name"), [("hold", "key"), ("drop", "source")])
async def test_a_text_that_cannot_be_stored_is_refused_in_words(act, name, text, database, engine, ann) -> None:
    form = await read_json(ann, f"/acts/{act}", Accept="application/json")
    sent = {"form_token": form["form_token"], "key": new_key(), "why": "a program", "topic": "t"}
    async with ann.post(f"/acts/{act}", json=sent | {name: f"12345678{text}"}, headers=JSON) as answer:
        assert answer.status == 422
        assert "can't be stored" in (await answer.json(content_type=None))["problem"]


async def test_a_form_is_still_there_after_signing_in_again(acting, engine, ann) -> None:
    await hear(engine, paid_order())
    form = await form_of(ann, "hold") | {"orders": "ord-1", "why": "the buyer complains"}
    proposal = await propose(ann, "hold", orders="ord-1")
    async with browser(acting, signed_in=False) as nobody:
        async with nobody.post("/acts/hold", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
            link = parse_qs(urlsplit(answer.headers["Location"]).query)["next"][0]
        repair = form | {"records": "t/0/1", "value": SECRET, "key_text": SECRET}
        async with nobody.post("/acts/repair", data=repair, allow_redirects=False) as answer:
            assert "marker" not in answer.headers["Location"], "what may be private is in no address"
        async with nobody.post(f"/proposals/{proposal}/confirm", data=form, allow_redirects=False) as answer:
            assert answer.headers["Location"] == f"/login?next=%2Fproposals%2F{proposal}"
    page = await read(ann, link)
    assert 'value="the buyer complains"' in page
    assert ">ord-1</textarea>" in page


async def test_only_handlers_of_post_are_given_what_acts(acting) -> None:
    assert acting.console._parts.acts is not None
    assert acting.console._parts_of_pages.acts is None
    assert {route.method for route in ROUTES} == {"GET", "POST"}


async def test_without_the_operators_role_pages_are_read_and_nothing_is_done(
    postgres,
    database,
    user,  # noqa: F811
    engine,
) -> None:
    await grant(postgres, user, *BOTH)
    await hear(engine, paid_order())
    async with running_console(settings_for(user)) as running, browser(running) as session:
        form = await form_of(session, "hold")
        await read(session, "/operations")
        with capture_logs() as logs:
            async with session.post("/acts/hold", data=form | {"orders": "ord-1", "why": "x"}) as answer:
                assert answer.status == 503
        assert "purchasing_operator" in str(logs)
    assert await rows(database, "select count(*) from console_proposals") == [(0,)]
